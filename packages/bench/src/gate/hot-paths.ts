/** Hot paths whose host instructions are counted: contestants of the races, with little work. */

/** One path. */
export interface HotPath {
  readonly name: string;
  /** Module inside this package that exports `contestant`. */
  readonly module: string;
  readonly parameters: unknown;
}

const requests = { capacity: 1024, itemCount: 16_384, exponent: 1, requestCount: 4_000 };

/** All of them. */
export const HOT_PATHS: readonly HotPath[] = [
  { name: 'slot map, LRU', module: 'peers/cache/hotpath-lru', parameters: requests },
  {
    name: 'block cache, pin and release',
    module: 'peers/cache/hotpath-block-cache',
    parameters: requests,
  },
  {
    name: 'slab, allocate and free',
    module: 'peers/alloc/slab',
    parameters: { pattern: 'fifo', objectBytes: 64, live: 1000, pairs: 4_000 },
  },
  {
    name: 'scheduler, switch under CFS',
    module: 'peers/sched/hotpath-cfs',
    parameters: { kind: 'queue', entities: 100, switches: 2_000 },
  },
  {
    name: 'tracer, an event',
    module: 'peers/trace/hotpath',
    parameters: { task: 'virtual-clock', count: 4_000 },
  },
];
