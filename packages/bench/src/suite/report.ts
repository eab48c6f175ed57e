/** The suite's results as lines. The five of the benchmarks have a fixed form. */
import type { BlockCacheResult } from './block-cache.js';
import type { ContextSwitchResult } from './context-switch.js';
import type { SuiteResults } from './index.js';
import type { PageSizeResult } from './page-size.js';
import type { SlabResult } from './slab.js';

/** One line, or two, for each benchmark. */
export const benchmarkLines = {
  blockCache: ({ operations, warm, operationsPerSecond, hitRate }: BlockCacheResult): string =>
    `[BENCH] Block Cache: ${operations} ops, ${warm.cycles} cycles, ` +
    `${Math.round(operationsPerSecond)} ops/sec, hit_rate=${percent(hitRate)}`,

  slab: ({ slab, malloc, ratio }: SlabResult): string =>
    `[BENCH] Slab: ${slab.cycles} cycles, Malloc: ${malloc.cycles} cycles (${factor(ratio)} faster)`,

  contextSwitch: ({ average, min, max }: ContextSwitchResult): string =>
    `[BENCH] Context Switch: avg=${Math.round(average)}, min=${min}, max=${max} cycles`,

  pageSize: ({ small, large, ratio }: PageSizeResult): string[] => [
    `[BENCH] 4KB pages: ${small.total.cycles} cycles, ${small.total.dtlbMisses} TLB misses`,
    `[BENCH] 2MB pages: ${large.total.cycles} cycles, ${large.total.dtlbMisses} TLB misses ` +
      `(${factor(ratio)} faster)`,
  ],
};

/** One line for each recording. */
export function realInputLines({ realInput }: SuiteResults): string[] {
  const { io, allocations, bursts } = realInput;
  return [
    `[REPLAY] I/O ${io.trace}: ${io.accesses} page accesses, LRU of ${io.capacity} blocks, ` +
      `hit_rate=${percent(io.hitRate)}, ${io.misses} misses, ${io.seconds.toFixed(3)} s on NVMe`,
    `[REPLAY] Allocations ${allocations.trace}: ${allocations.events} events, ` +
      `slab ${allocations.slabCyclesPerEvent.toFixed(1)}, ` +
      `malloc ${allocations.mallocCyclesPerEvent.toFixed(1)} cycles/event, ` +
      `footprint ${allocations.slabFootprintRatio.toFixed(2)}x and ` +
      `${allocations.mallocFootprintRatio.toFixed(2)}x of live, ${allocations.errors} errors`,
    ...bursts.map(
      ({ trace, policy, cpus, tasks, switches, waitTotalMs, wakeP50Ms, wakeP99Ms }) =>
        `[REPLAY] Bursts ${trace} under ${policy.toUpperCase()}: ${tasks} tasks on ${cpus} CPUs, ` +
        `${switches} switches, ${Math.round(waitTotalMs)} ms waited, ` +
        `wake-up p50=${wakeP50Ms.toFixed(3)} ms, p99=${wakeP99Ms.toFixed(3)} ms`,
    ),
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

function factor(ratio: number): string {
  return `${ratio.toFixed(2)}x`;
}
