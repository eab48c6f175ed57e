/** Words of one record, as a shift. */
export const RECORD_SHIFT = 3;
/** Words of one record. */
export const RECORD = 1 << RECORD_SHIFT;

/** Masked low address word + size code + 1; 0 in empty records. */
export const RECORD_TAG = 0;
/** High word of the masked address. */
export const RECORD_HIGH = 1;
/** Process-context identifier, or ANY_PCID. */
export const RECORD_PCID = 2;
/** PTE_* rights as accumulated over the levels, and the leaf's D and G. */
export const RECORD_FLAGS = 3;
/** Physical page number of the page's begin, or OPEN_BUS where no memory answers. */
export const RECORD_PAGE = 4;
/** Bit t: table t of the front table may name this record. */
export const RECORD_FRONTED = 5;

/** Doubles of one record. */
export const STAMP_STRIDE = RECORD / 2;
/** Where the stamp of the last use lies among them: words 6 and 7. */
export const STAMP = 3;

/**
 * The records of all TLBs of a processor, 32 bytes each, side by side in one buffer: a look-up
 * reads one line of the host's for an entry, and code that moves entries from level to level holds
 * two arrays, not a dozen.
 */
export class TlbStore {
  /** RECORD words a slot. */
  declare readonly words: Int32Array;
  /** The same buffer as doubles: the stamp of slot s is stamps[s * STAMP_STRIDE + STAMP]. */
  declare readonly stamps: Float64Array;

  constructor(slotCount: number) {
    this.stamps = new Float64Array(slotCount * STAMP_STRIDE);
    this.words = new Int32Array(this.stamps.buffer);
    for (let slot = 0; slot < slotCount; slot++) this.stamps[slot * STAMP_STRIDE + STAMP] = -1;
  }
}
