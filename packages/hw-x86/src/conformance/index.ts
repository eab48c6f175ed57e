/**
 * The contracts as cases to run, for those who write a third machine, a device or a wrapper.
 * Independent of any test framework: `for (const { name, run } of suite) test(name, run)`.
 *
 * @module
 */
export { blockDeviceConformance } from './block-device.js';
export type { BlockDeviceUnderTest } from './block-rig.js';
export type { ConformanceCase } from './case.js';
export { type ClockUnderTest, clockConformance } from './clock.js';
export { type CountersUnderTest, countersConformance } from './counters.js';
export { machineConformance } from './machine.js';
export { memoryConformance } from './memory.js';
export { type MmuUnderTest, mmuConformance } from './mmu.js';
