/** The suite's results as lines. The five of the benchmarks have a fixed form. */
import type { BlockCacheResult } from './block-cache.js';
import type { ContextSwitchResult } from './context-switch.js';
import type { Distribution } from './distribution.js';
import type { Headline } from './headlines.js';
import type { JobResults } from './jobs.js';
import { mindsetLines } from './mindset/lines.js';
import type { PageSizeResult } from './page-size.js';
import type { CycleShares } from './reading.js';
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
export function realInputLines({ io, allocations, bursts }: JobResults): string[] {
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

/** Everything below the promised lines: distributions, pages, the mindset, the headlines. */
export function detailLines(results: JobResults, headlines: readonly Headline[]): string[] {
  return [
    '',
    ...cycleLines(results),
    ...pageLines(results),
    '',
    ...mindsetLines(results),
    '',
    ...headlines.map(
      ({ claim, held, measured, baseline }) =>
        `[CLAIM] ${held ? 'held' : 'NOT held'}: ${claim}. Here: ${measured} (${baseline})`,
    ),
  ];
}

function cycleLines({ blockCache, contextSwitch, slab }: JobResults): string[] {
  const { p50, p90, p99, p999, max } = contextSwitch;
  return [
    `[CYCLES] Block cache, cold access: ${distribution(blockCache.coldCycles)}; ${shares(blockCache.cold.shares)}`,
    `[CYCLES] Block cache, warm access: ${distribution(blockCache.warmCycles)}; ${shares(blockCache.warm.shares)}`,
    `[CYCLES] Slab, allocation and free: ${distribution(slab.slabCycles)}; ${shares(slab.slab.shares)}`,
    `[CYCLES] Malloc, allocation and free: ${distribution(slab.mallocCycles)}; ${shares(slab.malloc.shares)}`,
    `[CYCLES] Context switch: ${distribution({ p50, p90, p99, p999, max })}`,
  ];
}

function pageLines({ hugeRange, lazyPages, pageSize }: JobResults): string[] {
  const warm = (name: string, { warm: reading }: PageSizeResult['small']): string =>
    `${name} ${reading.cycles} cycles, ${reading.dtlbMisses} TLB misses`;
  const random = ({ touching, mapping }: (typeof hugeRange)['large']): string =>
    `${touching.cycles} cycles, ${touching.dtlbMisses} TLB misses (mapping ${mapping.cycles})`;
  return [
    `[PAGES] 64 MiB again, warm: ${warm('4KB', pageSize.small)}; ${warm('2MB', pageSize.large)}`,
    `[PAGES] 64 MiB lazily: ${lazyPages.pageFaults} faults, ${lazyPages.firstTouch.cycles} cycles ` +
      `(${distribution(lazyPages.firstTouchCycles)} each), warm pass ${lazyPages.warm.cycles}`,
    `[PAGES] 4 GiB, ${hugeRange.touches} random loads: 2MB ${random(hugeRange.large)}; ` +
      `1GB ${random(hugeRange.huge)} (${factor(hugeRange.ratio)} faster)`,
  ];
}

function distribution({ p50, p90, p99, p999, max }: Distribution): string {
  return `p50=${p50}, p90=${p90}, p99=${p99}, p99.9=${p999}, max=${max}`;
}

function shares(of: CycleShares): string {
  const parts: readonly (readonly [string, number])[] = [
    ['waiting', of.halted],
    ['page walks', of.walks],
    ['branch misses', of.branchMisses],
    ['instructions', of.retiring],
    ['memory and entries', of.memoryAndEntries],
  ];
  return parts
    .filter(([, share]) => share >= 0.0005)
    .map(([name, share]) => `${percent(share)} ${name}`)
    .join(', ');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

function factor(ratio: number): string {
  return `${ratio.toFixed(2)}x`;
}
