import type { FrontTable } from './front-table.js';
import { OPEN_BUS } from './open-bus.js';
import { HIGH_MASK, LOW_MASK, SIZE_1G, SIZE_2M, SIZE_4K, SIZE_512G } from './page-size.js';
import type { ProfileNumbers } from './profile.js';
import { ANY_PCID, TlbBank } from './tlb-bank.js';
import {
  dataGeometry,
  FLAG_SMASHED,
  fetchGeometry,
  secondFetchGeometry,
  secondGeometry,
  TlbSet,
} from './tlb-set.js';
import { RECORD, RECORD_FLAGS, RECORD_FRONTED, RECORD_PAGE, TlbStore } from './tlb-store.js';

/** Everything one processor caches of its page tables: both TLB levels and the paths to tables. */
export class TlbInventory {
  declare readonly data: TlbSet;
  declare readonly fetch: TlbSet;
  declare readonly second: TlbSet;
  /** The second level that fetches use: `second` itself where it is unified. */
  declare readonly secondFetch: TlbSet;
  /** Paging-structure caches by reach of an entry: [, PDE, PDPTE, PML4E]. */
  readonly paths: readonly (TlbBank | null)[];
  /** Records of all TLBs. */
  declare readonly store: TlbStore;
  declare private readonly firstLevelSlots: number;
  /** A bank of one slot that holds what the last walk found, as a source to copy from. */
  declare readonly walked: TlbBank;
  readonly #banks: TlbBank[] = [];

  constructor(n: ProfileNumbers, seed: number, pagingCaches: boolean) {
    const policy = n.tlbReplacement;
    const geometries = [dataGeometry(n), fetchGeometry(n), secondGeometry(n)];
    if (n.stlbFetchEntries !== 0) geometries.push(secondFetchGeometry(n));
    const counts = geometries.map((geometry) => TlbSet.slotCount(geometry));
    const store = new TlbStore(counts.reduce((sum, count) => sum + count));
    const salts = [11, 14, 17, 20];
    let base = 0;
    const [data, fetch, second, secondFetch] = geometries.map((geometry, i) => {
      const set = new TlbSet(geometry, policy, seed + salts[i], store, base);
      base += counts[i];
      return set;
    });
    this.store = store;
    this.firstLevelSlots = counts[0] + counts[1];
    this.data = data;
    this.fetch = fetch;
    this.second = second;
    this.secondFetch = secondFetch ?? second;
    const path = (entryCount: number, salt: number): TlbBank | null => {
      if (!pagingCaches || entryCount === 0) return null;
      return bankAlone(entryCount, policy, seed + salt);
    };
    this.paths = [
      null,
      path(n.pdCacheEntries, 23),
      path(n.pdptCacheEntries, 24),
      path(n.pml4CacheEntries, 25),
    ];
    this.walked = bankAlone(1, policy, seed);
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
    if (front !== null && bank.tagOf(slot) !== 0) this.#leaveFront(front, bank, slot);
    bank.claim(slot, low, high, stored, source.pcidOf(from));
    const { words } = bank;
    words[slot * RECORD + RECORD_FLAGS] = source.flagsOf(from);
    words[slot * RECORD + RECORD_PAGE] = source.pageOf(from);
    bank.frame[slot] = source.frame[from];
    bank.entryLow[slot] = source.entryLow[from];
    bank.entryHigh[slot] = source.entryHigh[from];
    if (stored !== size) this.#makeFragment(bank, slot, low, size, stored);
    return slot;
  }

  /**
   * As {@link copyEntry} for the common case, a 4 KiB page in memory kept as such: its record is all
   * there is to it. Not for strict mode, which reads the cold columns.
   */
  addSmall(
    bank: TlbBank,
    low: number,
    high: number,
    pcid: number,
    flags: number,
    page: number,
    front: FrontTable | null,
  ): number {
    const slot = bank.victim(low, high, SIZE_4K);
    if (front !== null && bank.tagOf(slot) !== 0) this.#leaveFront(front, bank, slot);
    bank.claim(slot, low, high, SIZE_4K, pcid);
    bank.words[slot * RECORD + RECORD_FLAGS] = flags;
    bank.words[slot * RECORD + RECORD_PAGE] = page;
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

  /** The first-level bank that a slot of the store belongs to. */
  bankOf(slot: number): TlbBank | null {
    for (const bank of [...this.data.banks, ...this.fetch.banks]) {
      if (slot >= bank.base && slot < bank.base + bank.entryCount) return bank;
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
    const at = slot * RECORD;
    bank.words[at + RECORD_FLAGS] |= FLAG_SMASHED;
    bank.holdsFragments = true;
    bank.frame[slot] += offset;
    if (bank.words[at + RECORD_PAGE] !== OPEN_BUS) bank.words[at + RECORD_PAGE] += offset >>> 12;
  }

  #dropSlot(bank: TlbBank, slot: number, front: FrontTable): void {
    if (bank.base < this.firstLevelSlots) this.#leaveFront(front, bank, slot);
    bank.drop(slot);
  }

  #leaveFront(front: FrontTable, bank: TlbBank, slot: number): void {
    const tables = bank.words[slot * RECORD + RECORD_FRONTED];
    if (tables === 0) return;
    bank.words[slot * RECORD + RECORD_FRONTED] = 0;
    const low = bank.tagOf(slot) - 1;
    front.remove(tables, bank.base + slot, low, bank.highOf(slot), bank.sizeOf(slot));
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
      if (bank.tagOf(slot) === 0 || (bank.flagsOf(slot) & FLAG_SMASHED) === 0) continue;
      const owner = bank.pcidOf(slot);
      if (owner !== pcid && !(globals && owner === ANY_PCID)) continue;
      if (((bank.tagOf(slot) ^ low) & LOW_MASK[SIZE_1G]) !== 0) continue;
      if (((bank.highOf(slot) ^ high) & HIGH_MASK[SIZE_1G]) !== 0) continue;
      this.#dropSlot(bank, slot, front);
    }
  }
}

function dropPcid(bank: TlbBank, pcid: number): void {
  if (bank.liveCount === 0) return;
  for (let slot = 0; slot < bank.entryCount; slot++) {
    if (bank.tagOf(slot) !== 0 && bank.pcidOf(slot) === pcid) bank.drop(slot);
  }
}

function dropButGlobal(bank: TlbBank): void {
  for (let slot = 0; slot < bank.entryCount; slot++) {
    if (bank.tagOf(slot) !== 0 && bank.pcidOf(slot) !== ANY_PCID) bank.drop(slot);
  }
}

function fragmentOffset(low: number, size: number, stored: number): number {
  const within = size === SIZE_1G ? low & 0x3fffffff : low & 0x1fffff;
  return stored === SIZE_2M ? within & 0x3fe00000 : within & 0x3ffff000;
}

/** A fully associative bank that shares no store: a paging-structure cache. */
function bankAlone(entryCount: number, policy: number, seed: number): TlbBank {
  const store = new TlbStore(entryCount);
  const live = new Int32Array(4);
  const geometry = { entryCount, ways: entryCount };
  return new TlbBank({ ...geometry, policy, seed, store, base: 0, live, isTouched: true });
}
