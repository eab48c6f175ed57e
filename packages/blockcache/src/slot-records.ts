/**
 * What index and policy know of a slot: its key and two links, in one 16-byte record.
 *
 * Records, not columns: index and policy touch key and links of a slot together, so that one cache
 * line serves both; at a million slots that decides the speed.
 */
import { assert } from '@hotpath/hw-x86';

/** Rings that a policy may keep; ring r is headed by the pseudo-slot `-1 - r`. */
export const RING_LIMIT = 4;
/** The key of slot s is `keys[s * KEY_STRIDE + KEY]`. */
export const KEY_STRIDE = 2;
/** See {@link KEY_STRIDE}; the records of the ring heads come first. */
export const KEY = RING_LIMIT * KEY_STRIDE;
/** The links of slot s are `links[s * LINK_STRIDE + PREV]` and `links[s * LINK_STRIDE + NEXT]`. */
export const LINK_STRIDE = 4;
/** Link towards the head of the ring, or a word that a policy without rings uses as it likes. */
export const PREV = RING_LIMIT * LINK_STRIDE + 2;
/** Link towards the tail of the ring, or a word that a policy without rings uses as it likes. */
export const NEXT = PREV + 1;
/** Bytes of one record. */
export const RECORD_BYTES = 16;

/** Who keeps the arrays of records in fields of its own, and must hear when they are replaced. */
export interface RecordsUser {
  /** The arrays of the records are new ones. */
  recordsGrew(records: SlotRecords): void;
}

/** Records of `slotCount` slots. The arrays are replaced by `grow`: do not keep them across calls. */
export class SlotRecords {
  /** Number of slots, 1 to 2**26. */
  slotCount: number;
  /** Keys, whole numbers below 2**53; see {@link KEY_STRIDE}. */
  keys: Float64Array;
  /** Links; see {@link LINK_STRIDE}. */
  links: Int32Array;
  readonly #users: RecordsUser[] = [];

  constructor(slotCount: number) {
    this.slotCount = slotCount;
    const buffer = new ArrayBuffer((slotCount + RING_LIMIT) * RECORD_BYTES);
    this.keys = new Float64Array(buffer);
    this.links = new Int32Array(buffer);
  }

  /** Makes room for more slots; the old records keep their places. O(slots). */
  grow(slotCount: number): void {
    assert(slotCount >= this.slotCount, 'slot records: grow to fewer slots');
    const buffer = new ArrayBuffer((slotCount + RING_LIMIT) * RECORD_BYTES);
    const links = new Int32Array(buffer);
    links.set(this.links);
    this.links = links;
    this.keys = new Float64Array(buffer);
    this.slotCount = slotCount;
    for (const user of this.#users) user.recordsGrew(this);
  }

  /** Tells `user` of the arrays now, and whenever they are replaced. */
  addUser(user: RecordsUser): void {
    this.#users.push(user);
    user.recordsGrew(this);
  }
}
