/**
 * What index and policy know of a slot: the two halves of its key and two links, in one 16-byte record.
 *
 * Records, not columns: index and policy touch key and links of a slot together, so that one cache
 * line serves both; at a million slots that decides the speed. Words only, no second view of the same
 * bytes as doubles: V8 then checks one length and loads one pointer on a hit instead of two.
 */
import { assert } from '@hotpath/hw-x86';

/** Rings that a policy may keep; ring r is headed by the pseudo-slot `-1 - r`. */
export const RING_LIMIT = 4;
/** Word w of slot s is `words[s * RECORD_WORDS + w]`; the records of the ring heads come first. */
export const RECORD_WORDS = 4;
/** The lower 32 bits of the key. */
export const KEY_LOW = RING_LIMIT * RECORD_WORDS;
/** The upper 21 bits of the key. */
export const KEY_HIGH = KEY_LOW + 1;
/** Link towards the head of the ring, or a word that a policy without rings uses as it likes. */
export const PREV = KEY_LOW + 2;
/** Link towards the tail of the ring, or a word that a policy without rings uses as it likes. */
export const NEXT = KEY_LOW + 3;
/** Bytes of one record. */
export const RECORD_BYTES = 4 * RECORD_WORDS;

/** Who keeps the words of records in a field of its own, and must hear when they are replaced. */
export interface RecordsUser {
  /** The words of the records are a new array. */
  recordsGrew(records: SlotRecords): void;
}

/** The key of two halves. */
export function joinKey(low: number, high: number): number {
  return high * 4_294_967_296 + (low >>> 0);
}

/** The upper half of a key whose lower half is `low`; negative if it is no whole number from 0 on. */
export function upperHalf(key: number, low: number): number {
  const high = (key / 4_294_967_296) | 0;
  return joinKey(low, high) === key ? high : -1;
}

/** Records of `slotCount` slots. The array is replaced by `grow`: do not keep it across calls. */
export class SlotRecords {
  /** Number of slots, 1 to 2**26. */
  slotCount: number;
  /** Keys and links; see {@link RECORD_WORDS}. The key words of the ring heads belong to the map. */
  words: Int32Array;
  readonly #users: RecordsUser[] = [];

  constructor(slotCount: number) {
    this.slotCount = slotCount;
    this.words = new Int32Array((slotCount + RING_LIMIT) * RECORD_WORDS);
  }

  /** Key of a slot: a whole number below 2**53. */
  keyOf(slot: number): number {
    const at = slot * RECORD_WORDS;
    return joinKey(this.words[at + KEY_LOW], this.words[at + KEY_HIGH]);
  }

  /** Gives a slot a key. Whoever has it in a table takes it out first. */
  setKey(slot: number, key: number): void {
    const at = slot * RECORD_WORDS;
    this.words[at + KEY_LOW] = key | 0;
    this.words[at + KEY_HIGH] = (key / 4_294_967_296) | 0;
  }

  /** Makes room for more slots; the old records keep their places. O(slots). */
  grow(slotCount: number): void {
    assert(slotCount >= this.slotCount, 'slot records: grow to fewer slots');
    const words = new Int32Array((slotCount + RING_LIMIT) * RECORD_WORDS);
    words.set(this.words);
    this.words = words;
    this.slotCount = slotCount;
    for (const user of this.#users) user.recordsGrew(this);
  }

  /** Tells `user` of the words now, and whenever they are replaced. */
  addUser(user: RecordsUser): void {
    this.#users.push(user);
    user.recordsGrew(this);
  }
}
