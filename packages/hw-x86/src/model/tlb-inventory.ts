import type { FrontTable } from './front-table.js';
import { OPEN_BUS } from './open-bus.js';
import type { ProfileNumbers } from './profile.js';
import {
  ANY_PCID,
  HIGH_MASK,
  LOW_MASK,
  SIZE_1G,
  SIZE_2M,
  SIZE_4K,
  SIZE_512G,
  TlbBank,
} from './tlb-bank.js';
import {
  dataGeometry,
  FLAG_SMASHED,
  fetchGeometry,
  secondFetchGeometry,
  secondGeometry,
  TlbSet,
} from './tlb-set.js';

/** Everything one processor caches of its page tables: both TLB levels and the paths to tables. */
export class TlbInventory {
  readonly data: TlbSet;
  readonly fetch: TlbSet;
  readonly second: TlbSet;
  /** The second level that fetches use: `second` itself where it is unified. */
  readonly secondFetch: TlbSet;
  /** Paging-structure caches by reach of an entry: [, PDE, PDPTE, PML4E]. */
  readonly paths: readonly (TlbBank | null)[];
  /** Stamps of the first level, both kinds. */
  readonly stamp: Float64Array;
  readonly firstLevelSlots: number;
  /** A bank of one slot that holds what the last walk found, as a source to copy from. */
  readonly walked: TlbBank;
  readonly #banks: TlbBank[] = [];
  readonly #strict: boolean;

  constructor(n: ProfileNumbers, seed: number, pagingCaches: boolean, strict: boolean) {
    this.#strict = strict;
    const policy = n.tlbReplacement;
    const dataSlots = TlbSet.slotCount(dataGeometry(n));
    this.firstLevelSlots = dataSlots + TlbSet.slotCount(fetchGeometry(n));
    this.stamp = new Float64Array(this.firstLevelSlots);
    this.data = new TlbSet(dataGeometry(n), policy, seed + 11, this.stamp, 0);
    this.fetch = new TlbSet(fetchGeometry(n), policy, seed + 14, this.stamp, dataSlots);
    const second = secondGeometry(n);
    const stamp = new Float64Array(TlbSet.slotCount(second) + 1);
    this.second = new TlbSet(second, policy, seed + 17, stamp, 0);
    const secondFetch = secondFetchGeometry(n);
    const fetchStamp = new Float64Array(TlbSet.slotCount(secondFetch) + 1);
    this.secondFetch =
      n.stlbFetchEntries === 0
        ? this.second
        : new TlbSet(secondFetch, policy, seed + 20, fetchStamp, 0);
    const path = (entries: number, salt: number): TlbBank | null => {
      if (!pagingCaches || entries === 0) return null;
      return new TlbBank(
        entries,
        entries,
        policy,
        seed + salt,
        new Float64Array(entries),
        0,
        new Int32Array(4),
      );
    };
    this.paths = [
      null,
      path(n.pdCacheEntries, 23),
      path(n.pdptCacheEntries, 24),
      path(n.pml4CacheEntries, 25),
    ];
    this.walked = new TlbBank(1, 1, policy, seed, new Float64Array(1), 0, new Int32Array(4));
    this.#banks.push(...this.data.banks, ...this.fetch.banks, ...this.second.banks);
    if (this.secondFetch !== this.second) this.#banks.push(...this.secondFetch.banks);
  }

  /**
   * Copies an entry into a bank as `stored` (the size asked for, or a fragment of it), replacing
   * its victim. `front` is given where the bank is first-level. Answers the slot.
   */
  copyEntry(
    source: TlbBank,
    from: number,
    bank: TlbBank,
    low: number,
    high: number,
    size: number,
    stored: number,
    front: FrontTable | null,
  ): number {
    const slot = bank.victim(low, high, stored);
    if (front !== null && bank.tag[slot] !== 0) this.#leaveFront(front, bank, slot);
    bank.claim(slot, low, high, stored, source.pcid[from]);
    bank.flags[slot] = source.flags[from];
    bank.page[slot] = source.page[from];
    // Small pages need none of these: each column spared is a cache line of the host's.
    if (this.#strict || stored !== SIZE_4K || bank.page[slot] === OPEN_BUS || stored !== size) {
      bank.frame[slot] = source.frame[from];
      bank.entryLow[slot] = source.entryLow[from];
      bank.entryHigh[slot] = source.entryHigh[from];
    }
    if (stored !== size) this.#makeFragment(bank, slot, low, size, stored);
    return slot;
  }

  /** Drops an address in a PCID, and global entries of it, from every TLB (INVLPG). */
  dropAddress(low: number, high: number, pcid: number, front: FrontTable): void {
    for (let i = 0; i < this.#banks.length; i++) {
      const bank = this.#banks[i];
      for (let size = SIZE_4K; size <= SIZE_1G; size++) {
        if (bank.live[size] === 0) continue;
        let slot = bank.find(low, high, size, pcid);
        while (slot !== -1) {
          this.#dropSlot(bank, slot, front);
          slot = bank.find(low, high, size, pcid);
        }
      }
      if (bank.holdsFragments) this.#dropFragments(bank, low, high, pcid, true, front);
    }
  }

  /** Drops an address in one PCID; global entries stay (INVPCID type 0). */
  dropOwnAddress(low: number, high: number, pcid: number, front: FrontTable): void {
    for (const bank of this.#banks) {
      for (let size = SIZE_4K; size <= SIZE_1G; size++) {
        let slot = bank.findOwn(low, high, size, pcid);
        while (slot !== -1) {
          this.#dropSlot(bank, slot, front);
          slot = bank.findOwn(low, high, size, pcid);
        }
      }
      if (bank.holdsFragments) this.#dropFragments(bank, low, high, pcid, false, front);
    }
  }

  /** Drops all entries of one PCID but global ones; the caller clears the front table. */
  dropContext(pcid: number): void {
    for (let i = 0; i < this.#banks.length; i++) dropPcid(this.#banks[i], pcid);
    this.dropPaths(pcid);
  }

  /** Drops every entry of every PCID; global ones only where asked. The caller clears the front. */
  dropAll(globals: boolean): void {
    for (const bank of this.#banks) {
      if (globals) bank.clear();
      else dropButGlobal(bank);
    }
    for (const path of this.paths) path?.clear();
  }

  /** Drops the paging-structure-cache entries of one PCID. */
  dropPaths(pcid: number): void {
    for (let i = SIZE_2M; i <= SIZE_512G; i++) {
      const path = this.paths[i];
      if (path !== null) dropPcid(path, pcid);
    }
  }

  /** Every TLB bank, then every paging-structure cache, in a fixed order. */
  get allBanks(): readonly TlbBank[] {
    return [...this.#banks, ...this.paths.filter((path) => path !== null)];
  }

  /** The bank whose stamps include an index of the shared column, for first-level slots. */
  bankOf(column: number): TlbBank | null {
    for (const bank of [...this.data.banks, ...this.fetch.banks]) {
      if (column >= bank.base && column < bank.base + bank.entryCount) return bank;
    }
    return null;
  }

  /** Used entries of all TLBs, for inspection. */
  get liveCount(): number {
    let count = 0;
    for (const bank of this.#banks) count += bank.liveCount;
    return count;
  }

  /** Checks every bank; for tests. */
  checkInvariants(): void {
    this.data.checkInvariants();
    this.fetch.checkInvariants();
    this.second.checkInvariants();
    this.secondFetch.checkInvariants();
    for (const path of this.paths) path?.checkInvariants();
  }

  #makeFragment(bank: TlbBank, slot: number, low: number, size: number, stored: number): void {
    const offset = fragmentOffset(low, size, stored);
    bank.flags[slot] |= FLAG_SMASHED;
    bank.holdsFragments = true;
    bank.frame[slot] += offset;
    if (bank.page[slot] !== OPEN_BUS) bank.page[slot] += offset >>> 12;
  }

  #dropSlot(bank: TlbBank, slot: number, front: FrontTable): void {
    if (bank.stamp === this.stamp) this.#leaveFront(front, bank, slot);
    bank.drop(slot);
  }

  #leaveFront(front: FrontTable, bank: TlbBank, slot: number): void {
    front.remove(bank.base + slot, bank.tag[slot] - 1, bank.high[slot], bank.sizeOf(slot));
  }

  // Software invalidates a page once, whatever the processor made of it.
  #dropFragments(
    bank: TlbBank,
    low: number,
    high: number,
    pcid: number,
    globals: boolean,
    front: FrontTable,
  ): void {
    for (let slot = 0; slot < bank.entryCount; slot++) {
      if (bank.tag[slot] === 0 || (bank.flags[slot] & FLAG_SMASHED) === 0) continue;
      if (bank.pcid[slot] !== pcid && !(globals && bank.pcid[slot] === ANY_PCID)) continue;
      if (((bank.tag[slot] ^ low) & LOW_MASK[SIZE_1G]) !== 0) continue;
      if (((bank.high[slot] ^ high) & HIGH_MASK[SIZE_1G]) !== 0) continue;
      this.#dropSlot(bank, slot, front);
    }
  }
}

function dropPcid(bank: TlbBank, pcid: number): void {
  if (bank.liveCount === 0) return;
  for (let slot = 0; slot < bank.entryCount; slot++) {
    if (bank.tag[slot] !== 0 && bank.pcid[slot] === pcid) bank.drop(slot);
  }
}

function dropButGlobal(bank: TlbBank): void {
  for (let slot = 0; slot < bank.entryCount; slot++) {
    if (bank.tag[slot] !== 0 && bank.pcid[slot] !== ANY_PCID) bank.drop(slot);
  }
}

function fragmentOffset(low: number, size: number, stored: number): number {
  const within = size === SIZE_1G ? low & 0x3fffffff : low & 0x1fffff;
  return stored === SIZE_2M ? within & 0x3fe00000 : within & 0x3ffff000;
}
