/**
 * The deterministic machine: the same seed is the same run, to the cycle.
 *
 * @module
 */
export { createArenaMemory } from '../arena/arena-memory.js';
export { createMemoryDisk, type MemoryDisk, type MemoryDiskOptions } from '../arena/memory-disk.js';
export {
  type CacheGeometry,
  CacheSimulator,
  type CacheSimulatorCounts,
  type CacheSimulatorOptions,
  REFERENCE_FETCH,
  REFERENCE_LOAD,
  REFERENCE_MODIFY,
  REFERENCE_STORE,
  type ReferenceColumns,
} from './cache-simulator.js';
export type { ExceptionHandler, ModelCpu } from './cpu.js';
export type { CrashDisk } from './disk/crash-disk.js';
export {
  type AsyncCrashCheck,
  type CrashCheck,
  type CrashFailure,
  type CrashOptions,
  type CrashReport,
  type CrashState,
  exploreCrashes,
  exploreCrashesAsync,
  type WriteFate,
} from './disk/crash-explorer.js';
export {
  createHddDisk,
  createModelDisk,
  createNvmeDisk,
  createSataSsd,
  type ModelDiskOptions,
} from './disk/create.js';
export type { ModelDisk } from './disk/disk.js';
export type { DiskSnapshot, DiskTotals } from './disk/disk-parts.js';
export type { FaultKind, FaultRule } from './disk/fault-plan.js';
export {
  createFaultyDevice,
  type FaultyDevice,
  type FaultyDeviceOptions,
} from './disk/faulty-device.js';
export {
  DISK_PROFILES,
  type DiskProfile,
  type FlashFigures,
  type FlatFigures,
  HDD_7200,
  type HddFigures,
  NVME_SSD,
  SATA_SSD,
  TEACHING_HDD,
  TEACHING_NVME,
  TEACHING_SSD,
} from './disk/profile.js';
export { createRecordingDevice } from './disk/recording-device.js';
export { type ReplayOptions, replayLog } from './disk/replay-log.js';
export { type SavedBlocks, SparseBlocks } from './disk/sparse-blocks.js';
export {
  KEEP_ALL,
  KEEP_BLOCKS,
  KEEP_NONE,
  KEEP_PREFIX,
  KEEP_UNITS,
  KEEP_WRITES,
} from './disk/survival.js';
export {
  TRACE_DISK_DISCARD,
  TRACE_DISK_DONE,
  TRACE_DISK_FLUSH,
  TRACE_DISK_POWER_CUT,
  TRACE_DISK_READ,
  TRACE_DISK_START,
  TRACE_DISK_WRITE,
} from './disk/trace-events.js';
export { LOG_DONE, LOG_MARK, type LogEntry, WriteLog } from './disk/write-log.js';
export { CPUS_MAX, createMachine, type ModelMachine } from './machine.js';
export type { MachineOptions, PoweredDevice } from './machine-options.js';
export { MEMORY_BYTES_MAX, ModelMemory } from './memory.js';
export type { MeterRegion, ModelMeter } from './meter.js';
export { METER_BASE, METER_BYTES } from './meter-range.js';
export type { ModelMmu } from './mmu.js';
export {
  type Profile,
  type ProfileNumbers,
  type ProfileTable,
  profileNumbers,
  type Sourced,
  withProfile,
} from './profile.js';
export { ICE_LAKE } from './profiles/ice-lake.js';
export { SKYLAKE_CLIENT } from './profiles/skylake-client.js';
export { SKYLAKE_SERVER } from './profiles/skylake-server.js';
export { TEACHING } from './profiles/teaching.js';
export { ZEN_2 } from './profiles/zen-2.js';
export { ZEN_4 } from './profiles/zen-4.js';
export { REPLACE_FIFO, REPLACE_LRU, REPLACE_PLRU, REPLACE_RANDOM } from './replacement.js';
export { formatAddress, StaleTranslationError } from './stale-translation.js';
export type { MachineSnapshot } from './state.js';
export type { ModelTimer } from './timer.js';
