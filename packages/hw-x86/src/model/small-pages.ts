import { DTLB_LOAD_STLB_HITS, INSTRUCTIONS, ITLB_STLB_HITS, TSC } from '../cells.js';
import { ACCESS_FETCH } from '../mmu.js';
import { type AccessRights, USABLE } from './access-rights.js';
import { FRONT_GENERATION, FRONT_SLOTS, type FrontTable } from './front-table.js';
import { lesser } from './replacement.js';
import { ANY_PCID, type TlbBank } from './tlb-bank.js';
import {
  RECORD,
  RECORD_FLAGS,
  RECORD_FRONTED,
  RECORD_HIGH,
  RECORD_PAGE,
  RECORD_PCID,
  STAMP,
  STAMP_STRIDE,
  type TlbStore,
} from './tlb-store.js';

/** The general path must look: nothing was changed. */
export const ELSEWHERE = -3;
/** As ELSEWHERE, and neither level has a 4 KiB entry for the page. */
export const NOT_CACHED = -4;

const FRONT_MASK = FRONT_SLOTS - 1;

/**
 * The common cases of the translation of one side (data or fetches), over the records of both levels
 * at once: a 4 KiB page in memory that the first level has, or that comes into it from the second
 * level or a walk. What it does to the TLBs is to the bit what the general path would do, in a few
 * calls less; whatever is not common it leaves to that path.
 *
 * Only for sets of few ways under LRU, and not for strict mode.
 */
export class SmallPages {
  declare private readonly words: Int32Array;
  declare private readonly stamps: Float64Array;
  declare private readonly cells: Float64Array;
  declare private readonly rights: AccessRights;
  declare private readonly frontBase: Float64Array;
  declare private readonly frontPage: Int32Array;
  declare private readonly frontStamp: Int32Array;
  declare private readonly hint: Int16Array;
  declare private readonly hintMask: number;
  declare private readonly firstBase: number;
  declare private readonly firstMask: number;
  declare private readonly firstWays: number;
  declare private readonly secondBase: number;
  declare private readonly secondMask: number;
  declare private readonly secondWays: number;
  declare private readonly stlbCycles: number;

  constructor(
    first: TlbBank,
    second: TlbBank,
    store: TlbStore,
    front: FrontTable,
    rights: AccessRights,
    cells: Float64Array,
    stlbCycles: number,
  ) {
    this.words = store.words;
    this.stamps = store.stamps;
    this.cells = cells;
    this.rights = rights;
    this.frontBase = front.base;
    this.frontPage = front.page;
    this.frontStamp = front.stamp;
    this.hint = second.hint;
    this.hintMask = second.hint.length - 1;
    this.firstBase = first.base;
    this.firstMask = first.setMask;
    this.firstWays = first.ways;
    this.secondBase = second.base;
    this.secondMask = second.setMask;
    this.secondWays = second.ways;
    this.stlbCycles = stlbCycles;
  }

  /** Physical page of the address, brought to the first level; or ELSEWHERE or NOT_CACHED. */
  find(low: number, high: number, access: number, pcid: number): number {
    const words = this.words;
    const tag = (low & -4096) + 1;
    const number = low >>> 12;
    const set = this.firstBase + (number & this.firstMask) * this.firstWays;
    const end = (set + this.firstWays) * RECORD;
    for (let at = set * RECORD; at < end; at += RECORD) {
      if (words[at] !== tag || words[at + RECORD_HIGH] !== high) continue;
      const owner = words[at + RECORD_PCID];
      if (owner === pcid || owner === ANY_PCID) return this.#hitFirst(low, high, access, at);
    }
    let from = (this.secondBase + this.hint[number & this.hintMask]) * RECORD;
    let owner = words[from + RECORD_PCID];
    const guessed = words[from] === tag && words[from + RECORD_HIGH] === high;
    if (!guessed || (owner !== pcid && owner !== ANY_PCID)) {
      from = this.#search(tag, high, number, pcid);
      if (from < 0) return NOT_CACHED;
      owner = words[from + RECORD_PCID];
    }
    const flags = words[from + RECORD_FLAGS];
    const page = words[from + RECORD_PAGE];
    if (page < 0 || this.rights.verdict(flags, access) !== USABLE) return ELSEWHERE;
    const slot = this.#oldest(set);
    if (words[slot * RECORD] === 0) return ELSEWHERE;
    const cells = this.cells;
    cells[TSC] += this.stlbCycles;
    cells[access === ACCESS_FETCH ? ITLB_STLB_HITS : DTLB_LOAD_STLB_HITS + access] += 1;
    this.stamps[(from >>> 1) + STAMP] = cells[INSTRUCTIONS];
    this.#replace(slot, tag, high, access, owner, flags, page);
    return page;
  }

  #hitFirst(low: number, high: number, access: number, at: number): number {
    const words = this.words;
    const page = words[at + RECORD_PAGE];
    const flags = words[at + RECORD_FLAGS];
    if (page < 0 || this.rights.verdict(flags, access) !== USABLE) return ELSEWHERE;
    this.#show(low, high, access, at, page);
    return page;
  }

  #search(tag: number, high: number, number: number, pcid: number): number {
    const words = this.words;
    const set = this.secondBase + (number & this.secondMask) * this.secondWays;
    const end = (set + this.secondWays) * RECORD;
    for (let at = set * RECORD; at < end; at += RECORD) {
      if (words[at] !== tag || words[at + RECORD_HIGH] !== high) continue;
      const owner = words[at + RECORD_PCID];
      if (owner === pcid || owner === ANY_PCID) return at;
    }
    return -1;
  }

  // As oldestWay, four ways at a time: see there for why by arithmetic.
  #oldest(set: number): number {
    const stamps = this.stamps;
    const at = set * STAMP_STRIDE + STAMP;
    const one = lesser(stamps[at] * 64, stamps[at + STAMP_STRIDE] * 64 + 1);
    const two = lesser(
      stamps[at + 2 * STAMP_STRIDE] * 64 + 2,
      stamps[at + 3 * STAMP_STRIDE] * 64 + 3,
    );
    let least = lesser(one, two);
    for (let way = 4; way < this.firstWays; way++) {
      least = lesser(least, stamps[at + way * STAMP_STRIDE] * 64 + way);
    }
    return set + (least & 31);
  }

  // The record of a first-level slot becomes that of another page; the old one leaves the front.
  #replace(
    slot: number,
    tag: number,
    high: number,
    access: number,
    pcid: number,
    flags: number,
    page: number,
  ): void {
    const words = this.words;
    const at = slot * RECORD;
    const stamp = slot * STAMP_STRIDE + STAMP;
    const place = (words[at] >>> 12) & FRONT_MASK;
    let tables = words[at + RECORD_FRONTED];
    while (tables !== 0) {
      const table = 31 - Math.clz32(tables);
      tables ^= 1 << table;
      const old = table * FRONT_SLOTS + place;
      if (this.frontStamp[old] === stamp) this.frontBase[old] = Number.NaN;
    }
    words[at] = tag;
    words[at + RECORD_HIGH] = high;
    words[at + RECORD_PCID] = pcid;
    words[at + RECORD_FLAGS] = flags;
    words[at + RECORD_PAGE] = page;
    words[at + RECORD_FRONTED] = 0;
    this.#show(tag, high, access, at, page);
  }

  // The use of a first-level record, which the front table shows from now on.
  #show(low: number, high: number, access: number, at: number, page: number): void {
    const base = this.frontBase;
    const table = this.rights.context * 3 + access;
    const stamp = (at >>> 1) + STAMP;
    this.stamps[stamp] = this.cells[INSTRUCTIONS] += 1;
    this.words[at + RECORD_FRONTED] |= 1 << table;
    const place = table * FRONT_SLOTS + ((low >>> 12) & FRONT_MASK);
    base[place] = high * 2 ** 32 + ((low & -4096) >>> 0) + base[FRONT_GENERATION];
    this.frontPage[place] = page;
    this.frontStamp[place] = stamp;
  }
}
