import { ArgumentError } from '@hotpath/hw-x86';

/** CPU models whose event encodings are known. */
export type CpuModel = 'skylake' | 'ice-lake' | 'alder-lake-p' | 'sapphire-rapids';

/** Names of events that can be counted, the same on every model. */
export type CounterEventName =
  | 'cycles'
  | 'instructions'
  | 'llc-references'
  | 'llc-misses'
  | 'branches'
  | 'branch-misses'
  | 'dtlb-load-walks'
  | 'dtlb-load-stlb-hits'
  | 'dtlb-store-walks'
  | 'dtlb-store-stlb-hits'
  | 'itlb-walks'
  | 'l1-hits'
  | 'l2-hits'
  | 'l3-hits'
  | 'l1-misses'
  | 'l2-misses'
  | 'l3-misses';

/** How a model counts an event. */
export interface CounterEncoding {
  /** PERFEVTSEL bits 0-7. */
  readonly event: number;
  /** PERFEVTSEL bits 8-15. */
  readonly umask: number;
  /** Fixed counter that counts the same, or -1. */
  readonly fixed: number;
  /** Intel's name. */
  readonly mnemonic: string;
}

type Table = Readonly<Record<CounterEventName, CounterEncoding | null>>;

function encoding(event: number, umask: number, mnemonic: string, fixed = -1): CounterEncoding {
  return { event, umask, fixed, mnemonic };
}

// Intel SDM vol. 3B chapter 20 and the event files of github.com/intel/perfmon (SKL, ICL, ADL, SPR).
const SKYLAKE: Table = {
  cycles: encoding(0x3c, 0x00, 'CPU_CLK_UNHALTED.THREAD_P', 1),
  instructions: encoding(0xc0, 0x00, 'INST_RETIRED.ANY_P', 0),
  'llc-references': encoding(0x2e, 0x4f, 'LONGEST_LAT_CACHE.REFERENCE'),
  'llc-misses': encoding(0x2e, 0x41, 'LONGEST_LAT_CACHE.MISS'),
  branches: encoding(0xc4, 0x00, 'BR_INST_RETIRED.ALL_BRANCHES'),
  'branch-misses': encoding(0xc5, 0x00, 'BR_MISP_RETIRED.ALL_BRANCHES'),
  'dtlb-load-walks': encoding(0x08, 0x0e, 'DTLB_LOAD_MISSES.WALK_COMPLETED'),
  'dtlb-load-stlb-hits': encoding(0x08, 0x20, 'DTLB_LOAD_MISSES.STLB_HIT'),
  'dtlb-store-walks': encoding(0x49, 0x0e, 'DTLB_STORE_MISSES.WALK_COMPLETED'),
  'dtlb-store-stlb-hits': encoding(0x49, 0x20, 'DTLB_STORE_MISSES.STLB_HIT'),
  'itlb-walks': encoding(0x85, 0x0e, 'ITLB_MISSES.WALK_COMPLETED'),
  'l1-hits': encoding(0xd1, 0x01, 'MEM_LOAD_RETIRED.L1_HIT'),
  'l2-hits': encoding(0xd1, 0x02, 'MEM_LOAD_RETIRED.L2_HIT'),
  'l3-hits': encoding(0xd1, 0x04, 'MEM_LOAD_RETIRED.L3_HIT'),
  'l1-misses': encoding(0xd1, 0x08, 'MEM_LOAD_RETIRED.L1_MISS'),
  'l2-misses': encoding(0xd1, 0x10, 'MEM_LOAD_RETIRED.L2_MISS'),
  'l3-misses': encoding(0xd1, 0x20, 'MEM_LOAD_RETIRED.L3_MISS'),
};

const ALDER_LAKE_P: Table = {
  ...SKYLAKE,
  'dtlb-load-walks': encoding(0x12, 0x0e, 'DTLB_LOAD_MISSES.WALK_COMPLETED'),
  'dtlb-load-stlb-hits': encoding(0x12, 0x20, 'DTLB_LOAD_MISSES.STLB_HIT'),
  'dtlb-store-walks': encoding(0x13, 0x0e, 'DTLB_STORE_MISSES.WALK_COMPLETED'),
  'dtlb-store-stlb-hits': encoding(0x13, 0x20, 'DTLB_STORE_MISSES.STLB_HIT'),
  'itlb-walks': encoding(0x11, 0x0e, 'ITLB_MISSES.WALK_COMPLETED'),
};

const TABLES: Readonly<Record<CpuModel, Table>> = {
  skylake: SKYLAKE,
  // Ice Lake's event list names no LONGEST_LAT_CACHE.REFERENCE.
  'ice-lake': { ...SKYLAKE, 'llc-references': null },
  'alder-lake-p': ALDER_LAKE_P,
  'sapphire-rapids': ALDER_LAKE_P,
};

/** Every CPU model with a table. */
export const CPU_MODELS = Object.keys(TABLES) as readonly CpuModel[];
/** Every event name. */
export const COUNTER_EVENTS = Object.keys(SKYLAKE) as readonly CounterEventName[];

/**
 * How `model` counts the event `name`, or null where that model has no such event.
 * @throws ArgumentError ERR_CPU_MODEL, ERR_COUNTER_EVENT for unknown names
 */
export function counterEncoding(model: CpuModel, name: CounterEventName): CounterEncoding | null {
  const table = TABLES[model];
  if (table === undefined) {
    const allowed = CPU_MODELS.join(', ');
    throw new ArgumentError('ERR_CPU_MODEL', `CPU model is "${model}"; allowed: ${allowed}`);
  }
  const found = table[name];
  if (found === undefined) {
    const allowed = COUNTER_EVENTS.join(', ');
    throw new ArgumentError('ERR_COUNTER_EVENT', `event is "${name}"; allowed: ${allowed}`);
  }
  return found;
}
