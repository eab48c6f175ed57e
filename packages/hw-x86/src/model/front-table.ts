import { assert } from '../errors.js';
import { SIZE_2M, SIZE_4K } from './page-size.js';
import type { TlbBank } from './tlb-bank.js';
import { RECORD, RECORD_FRONTED, STAMP, STAMP_STRIDE, type TlbStore } from './tlb-store.js';

/** Entries of one direct-mapped table of small pages. */
export const FRONT_SLOTS = 256;
const LARGE_SLOTS = 64;
/** The table of metered accesses; 0..8 are three privilege contexts times three kinds of access. */
export const METER_TABLE = 9;
const TABLES = 10;
/** Index in `base` of the present generation's fraction. */
export const FRONT_GENERATION = TABLES * FRONT_SLOTS;
// A page's address is a multiple of 4,096 below 2**47, so 17 bits of a double are free below it.
const GENERATION_STEP = 1 / 32;
const GENERATIONS_END = 4096;

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
 * A key is the page's address plus the generation's fraction, so that clearing all tables (at each
 * MOV to CR3, that is, at each task switch) is one addition: older keys match nothing any more.
 *
 * Large pages are found by 2 MiB piece in tables of their own.
 * For every live entry e: e is in table t of slot s only if bit t of the record's RECORD_FRONTED is set.
 */
export class FrontTable {
  /**
   * Virtual address of the page plus its generation: one exact comparison finds it. NaN in empty
   * places. The present generation lies at FRONT_GENERATION.
   */
  readonly base = new Float64Array(TABLES * FRONT_SLOTS + 1).fill(Number.NaN);
  /** Physical page number. */
  readonly page = new Int32Array(TABLES * FRONT_SLOTS);
  /** Where the stamp of the first-level record lies in the store. */
  readonly stamp = new Int32Array(TABLES * FRONT_SLOTS);
  readonly largeBase = new Float64Array(TABLES * LARGE_SLOTS).fill(Number.NaN);
  readonly largePage = new Int32Array(TABLES * LARGE_SLOTS);
  readonly largeStamp = new Int32Array(TABLES * LARGE_SLOTS);
  declare private readonly words: Int32Array;

  constructor(store: TlbStore) {
    this.words = store.words;
    this.base[FRONT_GENERATION] = 0;
  }

  /** Adds the page of a first-level slot, as the store counts them, to a table. */
  add(table: number, low: number, high: number, size: number, slot: number, page: number): void {
    this.words[slot * RECORD + RECORD_FRONTED] |= 1 << table;
    const stamp = slot * STAMP_STRIDE + STAMP;
    const generation = this.base[FRONT_GENERATION];
    if (size === SIZE_4K) {
      const at = table * FRONT_SLOTS + ((low >>> 12) & (FRONT_SLOTS - 1));
      this.base[at] = high * 2 ** 32 + ((low & -4096) >>> 0) + generation;
      this.page[at] = page;
      this.stamp[at] = stamp;
      return;
    }
    const at = largeIndex(table, low, high);
    this.largeBase[at] = high * 2 ** 32 + ((low & -2097152) >>> 0) + generation;
    this.largePage[at] = page & -512;
    this.largeStamp[at] = stamp;
  }

  /** Index of the large entry that translates the address in a table, or -1. */
  findLarge(table: number, low: number, high: number): number {
    const at = largeIndex(table, low, high);
    const key = high * 2 ** 32 + ((low & -2097152) >>> 0) + this.base[FRONT_GENERATION];
    return this.largeBase[at] === key ? at : -1;
  }

  /**
   * Takes a first-level slot out of the tables that its record names, before the TLB drops or
   * replaces it.
   */
  remove(fronted: number, slot: number, low: number, high: number, size: number): void {
    const stamp = slot * STAMP_STRIDE + STAMP;
    let tables = fronted;
    while (tables !== 0) {
      const table = 31 - Math.clz32(tables);
      tables ^= 1 << table;
      if (size === SIZE_4K) {
        const at = table * FRONT_SLOTS + ((low >>> 12) & (FRONT_SLOTS - 1));
        if (this.stamp[at] === stamp) this.base[at] = Number.NaN;
      } else if (size === SIZE_2M) {
        const at = largeIndex(table, low, high);
        if (this.largeStamp[at] === stamp) this.largeBase[at] = Number.NaN;
      } else this.#removeHuge(table * LARGE_SLOTS, stamp);
    }
  }

  /** Empties all tables. O(1), but for one time in 131,072. */
  clear(): void {
    const next = this.base[FRONT_GENERATION] + GENERATION_STEP;
    if (next < GENERATIONS_END) {
      this.base[FRONT_GENERATION] = next;
      return;
    }
    this.base.fill(Number.NaN);
    this.largeBase.fill(Number.NaN);
    this.base[FRONT_GENERATION] = 0;
  }

  /** Every live entry names a used first-level slot that translates its address; for tests. */
  checkInvariants(tlb: FrontedTlb): void {
    const generation = this.base[FRONT_GENERATION];
    for (let at = 0; at < FRONT_GENERATION; at++) {
      const base = this.base[at] - generation;
      if (Number.isNaN(base) || base % 4096 !== 0) continue;
      const bank = tlb.bankOf(Math.floor(this.stamp[at] / STAMP_STRIDE));
      assert(bank !== null, 'front table: no such first-level slot');
      const slot = Math.floor(this.stamp[at] / STAMP_STRIDE) - bank.base;
      assert(bank.tagOf(slot) === (base | 0) + 1, 'front table: a slot holds another page');
      const high = Math.floor(base / 2 ** 32);
      assert(bank.highOf(slot) === high, 'front table: another address');
      const page = bank.pageOf(slot);
      assert(page === this.page[at], 'front table: a slot leads elsewhere');
      const table = Math.floor(at / FRONT_SLOTS);
      const fronted = bank.words[slot * RECORD + RECORD_FRONTED];
      assert(((fronted >>> table) & 1) === 1, 'front table: not noted');
    }
    for (let at = 0; at < this.largeBase.length; at++) {
      const base = this.largeBase[at] - generation;
      if (Number.isNaN(base) || base % 4096 !== 0) continue;
      const bank = tlb.bankOf(Math.floor(this.largeStamp[at] / STAMP_STRIDE));
      assert(bank !== null, 'front table: no such first-level slot');
      const slot = Math.floor(this.largeStamp[at] / STAMP_STRIDE) - bank.base;
      assert(bank.tagOf(slot) !== 0, 'front table: a large slot is empty');
    }
  }

  #removeHuge(first: number, stamp: number): void {
    for (let at = first; at < first + LARGE_SLOTS; at++) {
      if (this.largeStamp[at] === stamp) this.largeBase[at] = Number.NaN;
    }
  }
}

/** Index of the 2 MiB piece that holds the address. */
function largeIndex(table: number, low: number, high: number): number {
  return table * LARGE_SLOTS + (((low >>> 21) | (high << 11)) & (LARGE_SLOTS - 1));
}
