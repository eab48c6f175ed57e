import type { Cycles } from '../../units.js';

/**
 * How long a kind of disk takes. A mechanism keeps what is busy until when (planes, channels, head)
 * and answers completion times in whole cycles; it never holds data.
 */
export interface Mechanism {
  /** Commands the device holds at once. */
  readonly depth: number;
  /**
   * True when one thing moves (a head): the disk then serves one medium access at a time and
   * chooses the next by {@link Mechanism.positioning}.
   */
  readonly serial: boolean;
  /** End of an access to the medium that starts at `now`. */
  access(now: Cycles, block: number, blockCount: number, write: boolean): Cycles;
  /** End of a command that only the cache and the link take part in. */
  transfer(now: Cycles, byteCount: number): Cycles;
  /** End of writing the given dirty blocks, ascending, out of the cache. */
  destage(now: Cycles, blocks: Float64Array): Cycles;
  /** Cycles until data could begin to flow at `block`, were the access started at `now`. */
  positioning(now: Cycles, block: number): Cycles;
  /** The state as numbers, for snapshots. */
  save(): Float64Array;
  /** Takes a saved state back. */
  load(state: Float64Array): void;
}
