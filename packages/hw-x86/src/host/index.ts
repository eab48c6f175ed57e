/**
 * Hotpath's hardware on the host: disks over files, block devices and memory, the host's clock, and
 * memory over one buffer. What a host cannot do (MSRs, TLB, counters) answers "unsupported".
 *
 * @module
 */
export { ArenaMemory, createArenaMemory } from '../arena/arena-memory.js';
export { createMemoryDisk, MemoryDisk, type MemoryDiskOptions } from '../arena/memory-disk.js';
export { createHostClock } from './clock.js';
export { createHostCpu } from './cpu.js';
export { DiskOpenError } from './errno.js';
export { FileDisk } from './file-disk.js';
export { type FileCalls, type FileDiskOptions, openFileDisk } from './file-open.js';
