/** Recordings of real programs on the composed parts, with simulated figures. */
import { TSC } from '@hotpath/hw-x86';
import { createMachine } from '@hotpath/hw-x86/model';
import { cfs, mlfq, type PolicyFactory } from '@hotpath/sched';
import { replayAlloc } from '../replay/alloc.js';
import { genericHeap, type HeapMaker, heapBytesFor, slabHeap } from '../replay/heap.js';
import { replaySched } from '../replay/sched.js';
import { loadAllocations, loadBursts, loadKeys } from '../traces/recordings.js';
import { type IoOnKernel, replayIoOnKernel } from './io-replay.js';

/** Page accesses of SQLite; the cache holds a tenth of the distinct pages. */
const IO_TRACE = 'io-sqlite-open';
const ALLOC_TRACE = 'sqlite3';
const SCHED_TRACE = 'sched-make-open';
const SCHED_CPUS = 2;

/** An allocation recording on both allocators. */
export interface AllocationsResult {
  readonly trace: string;
  readonly events: number;
  readonly slabCyclesPerEvent: number;
  readonly mallocCyclesPerEvent: number;
  readonly slabFootprintRatio: number;
  readonly mallocFootprintRatio: number;
  readonly errors: number;
}

/** A burst recording under one policy. */
export interface BurstsResult {
  readonly trace: string;
  readonly policy: string;
  readonly cpus: number;
  readonly tasks: number;
  readonly switches: number;
  readonly waitTotalMs: number;
  readonly wakeP50Ms: number;
  readonly wakeP99Ms: number;
}

/** Results of all recordings. */
export interface RealInputResult {
  readonly io: IoOnKernel & { readonly trace: string };
  readonly allocations: AllocationsResult;
  readonly bursts: readonly BurstsResult[];
}

/** The I/O recording through kernel, block cache and disk. */
export function runIo(seed: number): RealInputResult['io'] {
  const stream = loadKeys(IO_TRACE);
  const capacity = Math.floor(stream.uniqueCount / 10);
  return { trace: IO_TRACE, ...replayIoOnKernel(seed, stream, capacity) };
}

/** The allocation recording; cycles are those of the allocators' own accesses, in full mode. */
export function runAllocations(seed: number): AllocationsResult {
  const trace = loadAllocations(ALLOC_TRACE);
  const measure = (makeHeap: HeapMaker) => {
    const machine = createMachine({ mode: 'full', seed });
    const { cells } = machine.cpus[0];
    const heap = makeHeap(heapBytesFor(trace.peakLiveBytes), machine.meter);
    const start = cells[TSC];
    const replay = replayAlloc(trace, heap);
    return { ...replay, cycles: cells[TSC] - start };
  };
  const slab = measure(slabHeap);
  const malloc = measure(genericHeap);
  return {
    trace: ALLOC_TRACE,
    events: trace.eventCount,
    slabCyclesPerEvent: slab.cycles / trace.eventCount,
    mallocCyclesPerEvent: malloc.cycles / trace.eventCount,
    slabFootprintRatio: slab.peakFootprintBytes / trace.peakLiveBytes,
    mallocFootprintRatio: malloc.peakFootprintBytes / trace.peakLiveBytes,
    errors: slab.errors + malloc.errors,
  };
}

/** The burst recording under CFS and MLFQ. */
export function runBursts(): BurstsResult[] {
  const tasks = loadBursts(SCHED_TRACE);
  const policies: readonly (readonly [string, PolicyFactory])[] = [
    ['cfs', cfs()],
    ['mlfq', mlfq()],
  ];
  return policies.map(([name, policy]) => {
    const replay = replaySched(tasks, { policy, cpus: SCHED_CPUS });
    return {
      trace: SCHED_TRACE,
      policy: name,
      cpus: SCHED_CPUS,
      tasks: replay.tasks,
      switches: replay.switches,
      waitTotalMs: replay.waitUs.total / 1000,
      wakeP50Ms: replay.wakeLatencyUs.p50 / 1000,
      wakeP99Ms: replay.wakeLatencyUs.p99 / 1000,
    };
  });
}
