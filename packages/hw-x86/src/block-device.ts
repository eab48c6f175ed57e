import type { PhysicalMemory } from './memory.js';
import type { BlockNumber, ByteCount } from './units.js';

/**
 * A wait is two words, `(sink, tag)`: no closure, nothing allocated.
 *
 * `result >= 0` is a value, often an already pinned slot that now belongs to the sink: a wake-up
 * hands over what was waited for, because "wake and look again" lets two tasks steal the only slot
 * from each other for ever. `result < 0` is an errno.
 */
export interface Completion {
  /** Called from `reap()`, never from inside the call that started the wait; exactly once a wait. */
  completed(tag: number, result: number): void;
}

/** Reads `blockCount` blocks into the segments. */
export const READ = 0;
/** Writes the segments to `blockCount` blocks. Durable after a later FLUSH, or at once with `fua`. */
export const WRITE = 1;
/** Makes every write that completed before this was submitted durable. Block fields are ignored. */
export const FLUSH = 2;
/** Tells the device that the blocks' contents are no longer needed; they may read as zeros. */
export const DISCARD = 3;

/**
 * One transfer, in the manner of Linux's bio. Owners pool these; from submit to completion the
 * request belongs to the device and must not be touched.
 *
 * `segmentCount * segmentBytes === blockCount * device.blockBytes` for READ and WRITE.
 */
export interface BlockRequest {
  /** READ, WRITE, FLUSH or DISCARD. */
  op: number;
  /** Force unit access: a WRITE completes only when it is on the medium. */
  fua: boolean;
  /** First block. */
  block: BlockNumber;
  /** Number of blocks. */
  blockCount: number;
  /** The memory that the segment addresses mean: the machine's RAM, or a host arena. */
  memory: PhysicalMemory;
  /** Scatter list: where each segment lies. Each is inside one chunk of `memory`. */
  segmentAddress: Float64Array;
  /** Used entries of `segmentAddress`. */
  segmentCount: number;
  /** Length of each segment. */
  segmentBytes: ByteCount;
  /** Told once, from `reap()`, if `submit` answered PENDING. */
  sink: Completion;
  /** Handed to the sink. */
  tag: number;
}

/** A disk: the model's HDD, SSD and NVMe, and on the host a file, a block device or memory. */
export interface BlockDevice {
  /** Power of two, 512 to 65,536. */
  readonly blockBytes: ByteCount;
  /** Blocks on the device, at most 2**53. */
  readonly blockCount: number;
  /** True when a completed WRITE may still be lost in a power cut until a FLUSH completes. */
  readonly volatileCache: boolean;
  /** True when writes are refused with EROFS. */
  readonly readOnly: boolean;
  /**
   * OK or an errno: finished, the sink is not called. PENDING: the sink is called by a later
   * `reap()`. Queues inside: a device is never "full". Requests may complete in any order.
   * @throws ArgumentError if the request contradicts itself (sizes); a range outside the device
   *   is ENXIO.
   */
  submit(request: BlockRequest): number;
  /** Calls the sinks of what has finished since the last call; returns how many. */
  reap(): number;
}

/** Given to a device at construction; the device raises it when `reap()` has work. */
export interface InterruptLine {
  /** May be called any number of times before the owner reaps. */
  raise(): void;
}

/**
 * A request with room for `segmentLimit` segments, for pools. The op is READ and the sink must be
 * set before use.
 */
export function createRequest(
  memory: PhysicalMemory,
  sink: Completion,
  segmentLimit: number,
): BlockRequest {
  return {
    op: READ,
    fua: false,
    block: 0,
    blockCount: 0,
    memory,
    segmentAddress: new Float64Array(segmentLimit),
    segmentCount: 0,
    segmentBytes: 0,
    sink,
    tag: 0,
  };
}
