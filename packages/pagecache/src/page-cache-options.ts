import {
  type Clock,
  checkInteger,
  type FrameSource,
  type InterruptLine,
  type Meter,
  type PhysicalMemory,
  type TraceHook,
} from '@hotpath/hw-x86';
import type { BackingStore, Mappings } from './ports.js';

/** What a cache is made of. */
export interface PageCacheOptions {
  /** Where the frames lie. */
  memory: PhysicalMemory;
  /** Where frames come from. May call `reclaim` from inside `allocate`. */
  frames: FrameSource;
  /** Where pages come from and go to. */
  store: BackingStore;
  /** Most pages at any time, 1 to 2**26. */
  slotLimit: number;
  /** Who maps pages; null (default) when nobody does. */
  mappings?: Mappings | null;
  /** Told when `reap()` has work. */
  line?: InterruptLine | null;
  /** Stamps dirty files for write-back by age; without it all have age 0. */
  clock?: Clock | null;
  /** Hears of the events of trace-events.ts. */
  trace?: TraceHook | null;
  /** Charged for the loads and stores of the hit path. */
  meter?: Meter | null;
  /** Largest read-ahead window in pages, 0 (none) to 8,192; default 32 (128 KiB, as Linux). */
  readAheadPages?: number;
  /** Longest run of pages in one call of the store, 1 to 1,024; default 64. */
  runPages?: number;
  /** Writers wait above so many dirty pages, 1 to slotLimit; default a fifth of slotLimit. */
  dirtyLimit?: number;
  /** Write-back starts above so many dirty pages, 0 to dirtyLimit; default half of dirtyLimit. */
  dirtyBackground?: number;
}

/** Options, checked, with nothing left out. */
export type ResolvedOptions = Required<PageCacheOptions>;

/** @throws ArgumentError if an option is out of range */
export function resolveOptions(options: PageCacheOptions): ResolvedOptions {
  const slotLimit = checkInteger('ERR_SLOT_LIMIT', 'slotLimit', options.slotLimit, 1, 2 ** 26);
  const fifth = Math.max(1, Math.floor(slotLimit / 5));
  const limit = options.dirtyLimit ?? fifth;
  const dirtyLimit = checkInteger('ERR_DIRTY_LIMIT', 'dirtyLimit', limit, 1, slotLimit);
  const background = options.dirtyBackground ?? Math.floor(dirtyLimit / 2);
  checkInteger('ERR_DIRTY_BACKGROUND', 'dirtyBackground', background, 0, dirtyLimit);
  const ahead = options.readAheadPages ?? 32;
  const runPages = options.runPages ?? 64;
  return {
    memory: options.memory,
    frames: options.frames,
    store: options.store,
    slotLimit,
    mappings: options.mappings ?? null,
    line: options.line ?? null,
    clock: options.clock ?? null,
    trace: options.trace ?? null,
    meter: options.meter ?? null,
    readAheadPages: checkInteger('ERR_READ_AHEAD', 'readAheadPages', ahead, 0, 8192),
    runPages: checkInteger('ERR_RUN_PAGES', 'runPages', runPages, 1, 1024),
    dirtyLimit,
    dirtyBackground: background,
  };
}
