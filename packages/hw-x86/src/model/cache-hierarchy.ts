import {
  L1D_HITS,
  L1D_MISSES,
  L2_HITS,
  L2_MISSES,
  LLC_MISSES,
  LLC_REFERENCES,
  LOAD_L1_HITS,
} from '../cells.js';
import { CacheLevel } from './cache-level.js';
import type { ProfileNumbers } from './profile.js';

/** Nanoseconds to whole cycles, rounded to nearest. */
export function cyclesOf(ns: number, frequencyHz: number): number {
  return Math.round((ns * frequencyHz) / 1e9);
}

/**
 * L1D, L1I and L2 of one processor over an L3 that all share. Answers latencies and counts into
 * the processor's cells; it charges nothing itself.
 *
 * The model is a blocking one: a miss costs its whole latency. Overlap of misses by out-of-order
 * execution is not modelled; sequential lines of a bulk copy cost the stream figures instead, as
 * the hardware prefetchers make them.
 */
export class CacheHierarchy {
  declare readonly l1d: CacheLevel;
  declare readonly l1i: CacheLevel;
  declare readonly l2: CacheLevel;
  declare readonly l3: CacheLevel;
  declare readonly l1Cycles: number;
  declare private readonly l2Cycles: number;
  declare private readonly l3Cycles: number;
  declare private readonly memoryCycles: number;
  declare private readonly l2Stream: number;
  declare private readonly l3Stream: number;
  declare private readonly memoryStream: number;
  declare private readonly cells: Float64Array;
  // Where the last line that L1D lacked was found: 1 L2, 2 L3, 3 memory.
  #level = 0;

  constructor(numbers: ProfileNumbers, cells: Float64Array, l3: CacheLevel, seed: number) {
    const policy = numbers.cacheReplacement;
    this.l1d = new CacheLevel(numbers.l1dBytes, numbers.l1dWays, policy, seed + 1);
    this.l1i = new CacheLevel(numbers.l1iBytes, numbers.l1iWays, policy, seed + 2);
    this.l2 = new CacheLevel(numbers.l2Bytes, numbers.l2Ways, policy, seed + 3);
    this.l3 = l3;
    this.l1Cycles = numbers.l1dCycles;
    this.l2Cycles = numbers.l2Cycles;
    this.l3Cycles = numbers.l3Cycles;
    this.memoryCycles = cyclesOf(numbers.memoryNs, numbers.frequencyHz);
    this.l2Stream = numbers.l2StreamCycles;
    this.l3Stream = numbers.l3StreamCycles;
    this.memoryStream = cyclesOf(numbers.memoryStreamNs, numbers.frequencyHz);
    this.cells = cells;
  }

  /** Latency of a data access to a line, and brings it in. Stores and walks. */
  data(page: number, line: number): number {
    const cells = this.cells;
    if (this.l1d.access(page, line)) {
      cells[L1D_HITS] += 1;
      return this.l1Cycles;
    }
    cells[L1D_MISSES] += 1;
    return this.#beyondL1(page, line);
  }

  /** As {@link data}, for a load that retires: it is counted at the level that has its line. */
  load(page: number, line: number): number {
    const cells = this.cells;
    if (this.l1d.access(page, line)) {
      cells[L1D_HITS] += 1;
      cells[LOAD_L1_HITS] += 1;
      return this.l1Cycles;
    }
    cells[L1D_MISSES] += 1;
    const cycles = this.#beyondL1(page, line);
    cells[LOAD_L1_HITS + this.#level] += 1;
    return cycles;
  }

  /** Latency of a load across two lines, counted once, at the slower level of the two. */
  loadBoth(firstPage: number, firstLine: number, secondPage: number, secondLine: number): number {
    this.#level = 0;
    let cycles = this.data(firstPage, firstLine);
    const level = this.#level;
    this.#level = 0;
    cycles += this.data(secondPage, secondLine);
    this.cells[LOAD_L1_HITS + Math.max(level, this.#level)] += 1;
    return cycles;
  }

  /** Latency beyond a pipelined hit of an instruction fetch: 0 when L1I has the line. */
  fetch(page: number, line: number): number {
    if (this.l1i.access(page, line)) return 0;
    return this.#beyondL1(page, line);
  }

  /** Cost of a line that follows its predecessor in a bulk copy, and brings it in. */
  stream(page: number, line: number): number {
    const cells = this.cells;
    if (this.l1d.access(page, line)) {
      cells[L1D_HITS] += 1;
      return 1;
    }
    cells[L1D_MISSES] += 1;
    if (this.l2.access(page, line)) {
      cells[L2_HITS] += 1;
      return this.l2Stream;
    }
    cells[L2_MISSES] += 1;
    cells[LLC_REFERENCES] += 1;
    if (this.l3.access(page, line)) return this.l3Stream;
    cells[LLC_MISSES] += 1;
    return this.memoryStream;
  }

  #beyondL1(page: number, line: number): number {
    const cells = this.cells;
    if (this.l2.access(page, line)) {
      cells[L2_HITS] += 1;
      this.#level = 1;
      return this.l2Cycles;
    }
    cells[L2_MISSES] += 1;
    cells[LLC_REFERENCES] += 1;
    if (this.l3.access(page, line)) {
      this.#level = 2;
      return this.l3Cycles;
    }
    cells[LLC_MISSES] += 1;
    this.#level = 3;
    return this.memoryCycles;
  }
}
