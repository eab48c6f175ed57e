/**
 * The deterministic machine: the same seed is the same run, to the cycle.
 *
 * @module
 */
export { createArenaMemory } from '../arena/arena-memory.js';
export { createMemoryDisk, type MemoryDisk, type MemoryDiskOptions } from '../arena/memory-disk.js';
export {
  createHddDisk,
  createModelDisk,
  createNvmeDisk,
  createSataSsd,
  type ModelDiskOptions,
} from './disk/create.js';
export type { DiskTotals, ModelDisk } from './disk/disk.js';
export type { FaultKind, FaultRule } from './disk/fault-plan.js';
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
export { SparseBlocks } from './disk/sparse-blocks.js';
export {
  KEEP_ALL,
  KEEP_BLOCKS,
  KEEP_NONE,
  KEEP_PREFIX,
  KEEP_UNITS,
  KEEP_WRITES,
} from './disk/survival.js';
export { LOG_DONE, LOG_MARK, type LogEntry, WriteLog } from './disk/write-log.js';
