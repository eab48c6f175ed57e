import {
  BRANCH_MISSES,
  BRANCHES,
  DTLB_LOAD_STLB_HITS,
  DTLB_LOAD_WALKS,
  DTLB_STORE_STLB_HITS,
  DTLB_STORE_WALKS,
  HALTED,
  INSTRUCTIONS,
  ITLB_STLB_HITS,
  ITLB_WALKS,
  L1D_MISSES,
  L2_MISSES,
  LLC_MISSES,
  LLC_REFERENCES,
  LOAD_L1_HITS,
  LOAD_L2_HITS,
  LOAD_L3_HITS,
  LOAD_L3_MISSES,
  TSC,
} from '../cells.js';
import type { Profile } from './profile.js';

/** Index of an event the model does not know; it counts nothing, as on the processor. */
export const UNKNOWN_EVENT = -1;
const UNHALTED = -2;

/** One event a PERFEVTSEL can select. */
export interface EventEncoding {
  /** Intel's name. */
  readonly name: string;
  readonly event: number;
  readonly umask: number;
  /** Cell that holds its total, or -2 for TSC - HALTED. */
  readonly cell: number;
  /** Cells from there on whose sum it is; default 1. */
  readonly cellCount?: number;
}

const COMMON: readonly EventEncoding[] = [
  { name: 'CPU_CLK_UNHALTED.THREAD_P', event: 0x3c, umask: 0x00, cell: UNHALTED },
  { name: 'CPU_CLK_UNHALTED.REF_XCLK', event: 0x3c, umask: 0x01, cell: UNHALTED },
  { name: 'INST_RETIRED.ANY_P', event: 0xc0, umask: 0x00, cell: INSTRUCTIONS },
  { name: 'LONGEST_LAT_CACHE.REFERENCE', event: 0x2e, umask: 0x4f, cell: LLC_REFERENCES },
  { name: 'LONGEST_LAT_CACHE.MISS', event: 0x2e, umask: 0x41, cell: LLC_MISSES },
  { name: 'BR_INST_RETIRED.ALL_BRANCHES', event: 0xc4, umask: 0x00, cell: BRANCHES },
  { name: 'BR_MISP_RETIRED.ALL_BRANCHES', event: 0xc5, umask: 0x00, cell: BRANCH_MISSES },
  { name: 'L1D.REPLACEMENT', event: 0x51, umask: 0x01, cell: L1D_MISSES },
  { name: 'L2_RQSTS.MISS', event: 0x24, umask: 0x3f, cell: L2_MISSES },
];

// Each retired load counts once, at the level that had its line; a load across two lines at the
// slower one (SDM vol. 3B, chapter 19, Skylake events; Alder Lake kept the encodings).
const LOADS: readonly EventEncoding[] = [
  { name: 'MEM_LOAD_RETIRED.L1_HIT', event: 0xd1, umask: 0x01, cell: LOAD_L1_HITS },
  { name: 'MEM_LOAD_RETIRED.L2_HIT', event: 0xd1, umask: 0x02, cell: LOAD_L2_HITS },
  { name: 'MEM_LOAD_RETIRED.L3_HIT', event: 0xd1, umask: 0x04, cell: LOAD_L3_HITS },
  { name: 'MEM_LOAD_RETIRED.L1_MISS', event: 0xd1, umask: 0x08, cell: LOAD_L2_HITS, cellCount: 3 },
  { name: 'MEM_LOAD_RETIRED.L2_MISS', event: 0xd1, umask: 0x10, cell: LOAD_L3_HITS, cellCount: 2 },
  { name: 'MEM_LOAD_RETIRED.L3_MISS', event: 0xd1, umask: 0x20, cell: LOAD_L3_MISSES },
];

/** The walk events moved to new numbers with Alder Lake. */
function walkEvents(load: number, store: number, fetch: number): EventEncoding[] {
  const names = ['DTLB_LOAD_MISSES', 'DTLB_STORE_MISSES', 'ITLB_MISSES'];
  const events = [load, store, fetch];
  const walks = [DTLB_LOAD_WALKS, DTLB_STORE_WALKS, ITLB_WALKS];
  const hits = [DTLB_LOAD_STLB_HITS, DTLB_STORE_STLB_HITS, ITLB_STLB_HITS];
  return names.flatMap((name, i) => [
    { name: `${name}.WALK_COMPLETED`, event: events[i], umask: 0x0e, cell: walks[i] },
    { name: `${name}.STLB_HIT`, event: events[i], umask: 0x20, cell: hits[i] },
  ]);
}

/** The events of a processor family and their totals in the cells. */
export class EventEncodings {
  readonly list: readonly EventEncoding[];
  readonly #index = new Map<number, number>();

  constructor(table: Profile['eventTable']) {
    const walks =
      table === 'alder-lake' ? walkEvents(0x12, 0x13, 0x11) : walkEvents(0x08, 0x49, 0x85);
    this.list = [...COMMON, ...LOADS, ...walks];
    this.list.forEach((entry, i) => {
      this.#index.set(entry.event | (entry.umask << 8), i);
    });
  }

  /** Index of an event, or UNKNOWN_EVENT. */
  indexOf(event: number, umask: number): number {
    return this.#index.get(event | (umask << 8)) ?? UNKNOWN_EVENT;
  }

  /** Total of an event since boot. */
  total(index: number, cells: Float64Array): number {
    if (index === UNKNOWN_EVENT) return 0;
    const { cell, cellCount = 1 } = this.list[index];
    if (cell === UNHALTED) return cells[TSC] - cells[HALTED];
    let sum = 0;
    for (let i = 0; i < cellCount; i++) sum += Math.floor(cells[cell + i]);
    return sum;
  }
}
