/**
 * Indices into `Cpu.cells`. Hot state is data, not methods: `cells[TSC] += n` costs 3.3 ns, and 4.4
 * where five shapes of holder meet; a method costs 3.3, then 9.6.
 *
 * All cells but LIMIT only grow. Performance counters are differences of these totals, split by
 * privilege when the CPU changes ring.
 */

/** Time-stamp counter, in cycles. Counts while the CPU is halted, too (invariant TSC). */
export const TSC = 0;
/** First cycle at which the CPU must reach a safe point: `TSC >= LIMIT` means "suspend now". */
export const LIMIT = 1;
/** Cycles spent halted; core cycles unhalted are `TSC - HALTED`. */
export const HALTED = 2;
/** Instructions retired, as charged by the meter, by memory accesses and by `compute`. */
export const INSTRUCTIONS = 3;
/** Conditional branches retired. */
export const BRANCHES = 4;
/** Branches whose direction the predictor got wrong. */
export const BRANCH_MISSES = 5;
/** Loads that walked the page tables (missed both TLB levels) and completed. */
export const DTLB_LOAD_WALKS = 6;
/** Stores that walked the page tables and completed. */
export const DTLB_STORE_WALKS = 7;
/** Loads that missed the first-level TLB and hit the second. */
export const DTLB_LOAD_STLB_HITS = 8;
/** Stores that missed the first-level TLB and hit the second. */
export const DTLB_STORE_STLB_HITS = 9;
/** Fetches that walked the page tables and completed. */
export const ITLB_WALKS = 10;
/** Fetches that missed the first-level TLB and hit the second. */
export const ITLB_STLB_HITS = 11;
/** Cycles spent walking page tables. */
export const WALK_CYCLES = 12;
/** Data lines found in L1D. */
export const L1D_HITS = 13;
/** Data lines not found in L1D. */
export const L1D_MISSES = 14;
/** Lines found in L2 after an L1 miss. */
export const L2_HITS = 15;
/** Lines not found in L2. */
export const L2_MISSES = 16;
/** Look-ups in the last-level cache (LONGEST_LAT_CACHE.REFERENCE). */
export const LLC_REFERENCES = 17;
/** Look-ups that missed the last-level cache (LONGEST_LAT_CACHE.MISS). */
export const LLC_MISSES = 18;
/** Page faults raised. */
export const PAGE_FAULTS = 19;
/** Interrupts taken. */
export const INTERRUPTS = 20;
/** TLB shootdown requests received from other CPUs. */
export const SHOOTDOWNS = 21;
/** Loads retired whose line L1D had; full mode, as the three below. Metered loads count, walks do not. */
export const LOAD_L1_HITS = 22;
/** Loads retired that missed L1D and hit L2. */
export const LOAD_L2_HITS = 23;
/** Loads retired that missed L2 and hit L3. */
export const LOAD_L3_HITS = 24;
/** Loads retired that missed every cache. */
export const LOAD_L3_MISSES = 25;
/** Number of cells. */
export const CELL_COUNT = 32;
