/** Set of slots as a bitmap with a summary level: 1.03 bits a slot, scanned 1,024 slots a word. */
import { assert, NIL } from '@hotpath/hw-x86';

/** Which slots are dirty. Adding, removing and testing O(1); `next` skips 1,024 clean slots a step. */
export class DirtySet {
  #words: Int32Array;
  #summary: Int32Array;
  /** Slots in the set. */
  count = 0;

  constructor(slotCount: number) {
    this.#words = new Int32Array(Math.ceil(slotCount / 32));
    this.#summary = new Int32Array(Math.ceil(slotCount / 1024));
  }

  /** Whether the slot is in the set. */
  has(slot: number): boolean {
    return (this.#words[slot >>> 5] & (1 << (slot & 31))) !== 0;
  }

  /** Adds a slot that is not in the set. */
  add(slot: number): void {
    const word = slot >>> 5;
    this.#words[word] |= 1 << (slot & 31);
    this.#summary[word >>> 5] |= 1 << (word & 31);
    this.count += 1;
  }

  /** Removes a slot that is in the set. */
  remove(slot: number): void {
    const word = slot >>> 5;
    this.#words[word] &= ~(1 << (slot & 31));
    if (this.#words[word] === 0) this.#summary[word >>> 5] &= ~(1 << (word & 31));
    this.count -= 1;
  }

  /** Smallest member that is at least `slot`, or NIL. */
  next(slot: number): number {
    let word = slot >>> 5;
    if (word >= this.#words.length) return NIL;
    const rest = this.#words[word] & (-1 << (slot & 31));
    if (rest !== 0) return word * 32 + 31 - Math.clz32(rest & -rest);
    word += 1;
    let group = word >>> 5;
    if (group >= this.#summary.length) return NIL;
    let words = this.#summary[group] & (-1 << (word & 31));
    while (words === 0) {
      group += 1;
      if (group >= this.#summary.length) return NIL;
      words = this.#summary[group];
    }
    word = group * 32 + 31 - Math.clz32(words & -words);
    const bits = this.#words[word];
    return word * 32 + 31 - Math.clz32(bits & -bits);
  }

  /** Makes room for more slots. */
  grow(slotCount: number): void {
    const words = new Int32Array(Math.ceil(slotCount / 32));
    words.set(this.#words);
    this.#words = words;
    const summary = new Int32Array(Math.ceil(slotCount / 1024));
    summary.set(this.#summary);
    this.#summary = summary;
  }

  /** Throws InvariantError unless summary, bits and count agree. */
  checkInvariants(): void {
    let count = 0;
    for (let word = 0; word < this.#words.length; word++) {
      const summarised = (this.#summary[word >>> 5] & (1 << (word & 31))) !== 0;
      assert(summarised === (this.#words[word] !== 0), 'dirty set: summary and words disagree');
      for (let bits = this.#words[word]; bits !== 0; bits &= bits - 1) count += 1;
    }
    assert(count === this.count, 'dirty set: the count is wrong');
  }
}
