/**
 * What the command `hotpath` is made of: readers of recorded traces, replays of them, and the
 * types of the harness that races contestants, each in a process of its own.
 *
 * @module
 */

export {
  type CampaignCount,
  type CampaignFailure,
  type CampaignOptions,
  type CampaignReport,
  CRASH_WORKLOADS,
  type CrashWorkload,
  runCampaign,
} from './crash/campaign.js';
export {
  crashTestDatabase,
  type DatabaseTest,
  type DatabaseTestOptions,
} from './crash/database-test.js';
export { type DatabaseFile, type DatabaseFolder, DatabaseVfs } from './crash/database-vfs.js';
export { findE2fsck } from './crash/e2fsck.js';
export { HostFolder } from './crash/host-folder.js';
export { ImageFolder } from './crash/image-folder.js';
export { KernelFolder } from './crash/kernel-folder.js';
export type { RecordOptions } from './crash/recording.js';
export { type Database, loadSqlite, type Sqlite } from './crash/sqlite.js';
export type { Sabotage } from './crash/volatile-disk.js';
export type { Area, Contestant, PreparedWork, Workload } from './harness/contestant.js';
export type { RaceResult, Standing } from './harness/race.js';
export { Random, shuffled, zipfKeys } from './harness/random.js';
export { quantile, type Summary, summarize } from './harness/statistics.js';
export { type AllocReplay, replayAlloc } from './replay/alloc.js';
export {
  type AllocTiming,
  type AllocTimingOptions,
  timeAlloc,
} from './replay/alloc-timing.js';
export { genericHeap, type Heap, type HeapMaker, heapBytesFor, slabHeap } from './replay/heap.js';
export { MACHINES } from './replay/machines.js';
export {
  replayCaches,
  replayTlb,
  type TlbCounts,
  type TlbReplay,
} from './replay/memory.js';
export { type ModelledReplay, replayModelled } from './replay/modelled-memory.js';
export {
  type LatencySummary,
  replaySched,
  type SchedReplay,
  type SchedReplayOptions,
  type TaskReplay,
} from './replay/sched.js';
export { SCHED_POLICIES } from './replay/sched-policies.js';
export { type AllocTrace, decodeAllocTrace } from './traces/alloc-trace.js';
export { type BurstTask, decodeBurstTrace } from './traces/burst-trace.js';
export {
  decodeIoTrace,
  decodeKeyStream,
  flattenToPages,
  type IoTrace,
  type KeyStream,
} from './traces/io-trace.js';
export { decodeMemoryTrace, type MemoryTrace } from './traces/memory-trace.js';
export { loadAllocations, loadBursts, loadKeys, loadReferences } from './traces/recordings.js';
export { TraceError, type TraceErrorCode } from './traces/trace-error.js';
export { readTraceFile, resolveTrace, shippedTraces, type TraceKind } from './traces/trace-file.js';
