/** What a block cache is made with. */
import type {
  ByteCount,
  Clock,
  FrameSource,
  InterruptLine,
  Meter,
  PhysAddr,
  PhysicalMemory,
  TraceHook,
} from '@hotpath/hw-x86';
import type { MissRatioCurve } from './miss-ratio-curve.js';
import type { PolicyClass } from './policy.js';
import type { PolicyName } from './policy-names.js';

/** Options of a {@link BlockCache}. */
export interface BlockCacheOptions {
  /** Where the blocks lie; devices transfer straight into it. */
  memory: PhysicalMemory;
  /** Start of an arena of `capacity * blockBytes` bytes, a multiple of `blockBytes`. Or: */
  base?: PhysAddr;
  /** Source of 4 KiB frames, asked as slots are first used; `blockBytes` at most 4,096. */
  frames?: FrameSource;
  /** Bytes of a block: a power of two, 512 to 65,536. */
  blockBytes: ByteCount;
  /** Slots, 1 to 2**26. */
  capacity: number;
  /** Which block goes when room is needed: a name, or a class of yours; default `2q`. */
  policy?: PolicyName | PolicyClass;
  /** Blocks in one request at most; default 256. */
  mergeLimit?: number;
  /** Failed writes in a row after which only a flush tries a block again; default 3. */
  retryLimit?: number;
  /**
   * Background write-back begins when more than this share of the slots is dirty, and ends at half of
   * it; default 0.25, 0 to 1.
   */
  dirtyLow?: number;
  /** `throttle` lets writers wait while more than this share is dirty or being written; default 0.5. */
  dirtyHigh?: number;
  /** Every block is written as soon as its last pin ends, instead of later; default false. */
  writeThrough?: boolean;
  /** Raised when `reap()` has something to deliver that no device announces. */
  line?: InterruptLine | null;
  /** Measures how long requests take; without one the histograms stay empty. */
  clock?: Clock | null;
  /** Estimates what other sizes would give; fed with every `get` and `tryGet`. */
  curve?: MissRatioCurve | null;
  /** Takes the accesses of the structures; absent on a host. */
  meter?: Meter | null;
  /** Takes events; see the `TRACE_BLOCK_` constants. */
  trace?: TraceHook | null;
}
