/** What textbooks promise of caches, slabs and large pages, and what came out. */
import type { JobResults } from './jobs.js';

/** One promise against one measurement. */
export interface Headline {
  readonly claim: string;
  readonly held: boolean;
  /** The measured figure, in words. */
  readonly measured: string;
  /** What it was measured on and against. */
  readonly baseline: string;
}

/** A promise may hold for one baseline and not for another: each is told. */
export function headlinesOf(results: JobResults, frequencyHz: number): Headline[] {
  return [
    ...hitRates(results),
    ...diskSpeeds(results, frequencyHz),
    slabSpeed(results),
    ...pages(results),
  ];
}

function hitRates({ blockCache, io }: JobResults): Headline[] {
  const claim = 'a cache hits 90 % of the time';
  return [
    {
      claim,
      held: blockCache.hitRate >= 0.9,
      measured: `${(blockCache.hitRate * 100).toFixed(1)} %`,
      baseline: '1,000 blocks that all fit, cold pass counted',
    },
    {
      claim,
      held: io.hitRate >= 0.9,
      measured: `${(io.hitRate * 100).toFixed(1)} %`,
      baseline: `SQLite recorded (${io.trace}), LRU of a tenth of its pages`,
    },
  ];
}

function diskSpeeds({ blockCache, requests }: JobResults, frequencyHz: number): Headline[] {
  const hitNs = ((blockCache.warm.cycles / blockCache.operations) * 1e9) / frequencyHz;
  return requests.map(({ disk, randomReadUs }) => {
    const times = (randomReadUs * 1000) / hitNs;
    return {
      claim: 'a cached block is 10,000 times as fast as the disk',
      held: times >= 10_000,
      measured: `${count(times)} times: ${hitNs.toFixed(1)} ns against ${randomReadUs.toFixed(1)} us`,
      baseline: `random read of 4 KiB, modelled ${disk}`,
    };
  });
}

function slabSpeed({ slab }: JobResults): Headline {
  return {
    claim: 'slab caches are 10 times as fast as malloc',
    held: slab.ratio >= 10,
    measured: `${slab.ratio.toFixed(2)} times`,
    baseline: `two-level segregated fit, 64 B, window of ${count(slab.window)}, cycles of both`,
  };
}

function pages({ hugeRange, pageSize }: JobResults): Headline[] {
  const claim = 'large pages save 10 to 50 % of the time';
  const headline = (before: number, after: number, baseline: string): Headline => {
    const saved = 1 - after / before;
    return {
      claim,
      // Saving more than was promised is no broken promise.
      held: saved >= 0.1,
      measured: `${(saved * 100).toFixed(1)} % saved`,
      baseline,
    };
  };
  const { large, small } = pageSize;
  return [
    headline(
      small.total.cycles,
      large.total.cycles,
      '64 MiB mapped and touched: 2 MiB against 4 KiB',
    ),
    headline(small.warm.cycles, large.warm.cycles, 'the same touched again'),
    headline(
      hugeRange.large.touching.cycles,
      hugeRange.huge.touching.cycles,
      'random loads over 4 GiB: 1 GiB against 2 MiB',
    ),
  ];
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US');
