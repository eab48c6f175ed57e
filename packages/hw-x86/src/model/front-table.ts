import { assert } from '../errors.js';
import { SIZE_2M, SIZE_4K, type TlbBank } from './tlb-bank.js';

/** Entries of one direct-mapped table of small pages. */
export const FRONT_SLOTS = 256;
const LARGE_SLOTS = 64;
/** The table of metered accesses; 0..8 are three privilege contexts times three kinds of access. */
export const METER_TABLE = 9;
const TABLES = 10;
// No masked address has bit 0 set, so this tag never matches.
const NO_TAG = 1;

/** Finds the first-level bank of a slot; for invariant checks. */
export interface FrontedTlb {
  bankOf(column: number): TlbBank | null;
}

/**
 * Direct-mapped finder over the first-level TLB, one table for each kind of access in each
 * privilege context: an entry here says "this page, for this access, is allowed, is in first-level
 * slot s, and lies in physical page p". It holds nothing the TLB does not hold, so it changes host
 * time only: hits still stamp the TLB slot, and a slot that leaves the TLB leaves here, too.
 *
 * Large pages are found by 2 MiB piece in tables of their own.
 * For every live entry e: e is in table t of slot s only if bit t of fronted[s] is set.
 */
export class FrontTable {
  /** Virtual address of the page: one exact comparison finds it. NaN in empty places. */
  readonly base = new Float64Array(TABLES * FRONT_SLOTS).fill(Number.NaN);
  /** Physical page number. */
  readonly page = new Int32Array(TABLES * FRONT_SLOTS);
  /** First-level TLB slot, as an index into the stamp column. */
  readonly slot = new Int32Array(TABLES * FRONT_SLOTS);
  readonly largeLow = new Int32Array(TABLES * LARGE_SLOTS).fill(NO_TAG);
  readonly largeHigh = new Int32Array(TABLES * LARGE_SLOTS);
  readonly largePage = new Int32Array(TABLES * LARGE_SLOTS);
  readonly largeSlot = new Int32Array(TABLES * LARGE_SLOTS);
  readonly #fronted: Int32Array;

  /** @param slotCount - first-level TLB slots */
  constructor(slotCount: number) {
    this.#fronted = new Int32Array(slotCount);
  }

  /** Adds a page to table `table`. */
  add(table: number, low: number, high: number, size: number, slot: number, page: number): void {
    this.#fronted[slot] |= 1 << table;
    if (size === SIZE_4K) {
      const at = table * FRONT_SLOTS + ((low >>> 12) & (FRONT_SLOTS - 1));
      this.base[at] = high * 2 ** 32 + ((low & -4096) >>> 0);
      this.page[at] = page;
      this.slot[at] = slot;
      return;
    }
    const at = largeIndex(table, low, high);
    this.largeLow[at] = low & -2097152;
    this.largeHigh[at] = high;
    this.largePage[at] = page & -512;
    this.largeSlot[at] = slot;
  }

  /** Takes a first-level slot out of every table, before the TLB drops or replaces it. */
  remove(slot: number, low: number, high: number, size: number): void {
    let tables = this.#fronted[slot];
    if (tables === 0) return;
    this.#fronted[slot] = 0;
    const small = (low >>> 12) & (FRONT_SLOTS - 1);
    const large = largeIndex(0, low, high);
    while (tables !== 0) {
      const table = 31 - Math.clz32(tables);
      tables ^= 1 << table;
      if (size === SIZE_4K) {
        const at = table * FRONT_SLOTS + small;
        if (this.slot[at] === slot) this.base[at] = Number.NaN;
      } else if (size === SIZE_2M) {
        const at = table * LARGE_SLOTS + large;
        if (this.largeSlot[at] === slot) this.largeLow[at] = NO_TAG;
      } else this.#removeHuge(table * LARGE_SLOTS, slot);
    }
  }

  /** Empties all tables. */
  clear(): void {
    this.base.fill(Number.NaN);
    this.largeLow.fill(NO_TAG);
    this.#fronted.fill(0);
  }

  /** Every live entry names a used first-level slot that translates its address; for tests. */
  checkInvariants(tlb: FrontedTlb): void {
    for (let at = 0; at < this.base.length; at++) {
      const base = this.base[at];
      if (Number.isNaN(base)) continue;
      const bank = tlb.bankOf(this.slot[at]);
      assert(bank !== null, 'front table: no such first-level slot');
      const slot = this.slot[at] - bank.base;
      assert(bank.tag[slot] === (base | 0) + 1, 'front table: a slot holds another page');
      assert(bank.high[slot] === Math.floor(base / 2 ** 32), 'front table: another address');
      assert(bank.page[slot] === this.page[at], 'front table: a slot leads elsewhere');
      const table = Math.floor(at / FRONT_SLOTS);
      assert(((this.#fronted[slot + bank.base] >>> table) & 1) === 1, 'front table: not noted');
    }
    for (let at = 0; at < this.largeLow.length; at++) {
      if (this.largeLow[at] === NO_TAG) continue;
      const bank = tlb.bankOf(this.largeSlot[at]);
      assert(bank !== null, 'front table: no such first-level slot');
      const slot = this.largeSlot[at] - bank.base;
      assert(bank.tag[slot] !== 0, 'front table: a large slot is empty');
    }
  }

  #removeHuge(first: number, slot: number): void {
    for (let at = first; at < first + LARGE_SLOTS; at++) {
      if (this.largeSlot[at] === slot) this.largeLow[at] = NO_TAG;
    }
  }
}

/** Index of the 2 MiB piece that holds the address. */
export function largeIndex(table: number, low: number, high: number): number {
  return table * LARGE_SLOTS + (((low >>> 21) | (high << 11)) & (LARGE_SLOTS - 1));
}
