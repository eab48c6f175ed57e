import { assert } from '../errors.js';
import { SIZE_1G, SIZE_2M, SIZE_4K } from './page-size.js';
import type { ProfileNumbers } from './profile.js';
import { TlbBank } from './tlb-bank.js';
import type { TlbStore } from './tlb-store.js';

/** A fragment of a larger page that no array of this level can hold whole. */
export const FLAG_SMASHED = 0x400;

/** Sizes of the banks of one TLB level, as a profile gives them. 0 entries: no such array. */
export interface TlbSetGeometry {
  readonly entries: readonly [small: number, large: number, huge: number];
  readonly ways: readonly [small: number, large: number, huge: number];
  /** How the page sizes share arrays: bankOf[size] is an index into entries, or -1. */
  readonly bankOf: readonly [small: number, large: number, huge: number];
}

/**
 * One level of TLB: an array for each page size, or arrays that sizes share. A page too large for
 * every array of the level is kept in fragments of the next smaller size ("smashed").
 */
export class TlbSet {
  /** Distinct banks. */
  declare readonly banks: readonly TlbBank[];
  /** The bank for entries of a size; a smaller size's where the level has none. Null: no level. */
  readonly bySize: readonly (TlbBank | null)[];
  /** The size an entry of a size is stored as. */
  declare readonly storedSize: Int32Array;
  /** Used slots by size, over all banks. */
  readonly live = new Int32Array(4);

  constructor(
    geometry: TlbSetGeometry,
    policy: number,
    seed: number,
    store: TlbStore,
    base: number,
  ) {
    const banks: TlbBank[] = [];
    const byIndex: (TlbBank | null)[] = [null, null, null];
    let next = base;
    for (let i = 0; i < 3; i++) {
      if (geometry.entries[i] === 0) continue;
      const entryCount = geometry.entries[i];
      const ways = geometry.ways[i];
      const shared = { policy, seed: seed + i, store, base: next, live: this.live };
      const bank = new TlbBank({ entryCount, ways, ...shared });
      next += geometry.entries[i];
      banks.push(bank);
      byIndex[i] = bank;
    }
    this.banks = banks;
    this.storedSize = new Int32Array(3);
    const bySize: (TlbBank | null)[] = [null, null, null];
    for (let size = SIZE_4K; size <= SIZE_1G; size++) {
      let stored = size;
      while (stored > SIZE_4K && bankAt(geometry, byIndex, stored) === null) stored -= 1;
      bySize[size] = bankAt(geometry, byIndex, stored);
      this.storedSize[size] = stored;
    }
    this.bySize = bySize;
  }

  /** Total number of entries a geometry needs in the store. */
  static slotCount(geometry: TlbSetGeometry): number {
    return geometry.entries[0] + geometry.entries[1] + geometry.entries[2];
  }

  /** True when the level exists. */
  get exists(): boolean {
    return this.banks.length > 0;
  }

  /** Used slots of pages larger than 4 KiB. */
  get largeCount(): number {
    return this.live[SIZE_2M] + this.live[SIZE_1G];
  }

  /** Checks every bank; for tests. */
  checkInvariants(): void {
    const live = new Int32Array(4);
    for (const bank of this.banks) {
      bank.checkInvariants();
      for (let slot = 0; slot < bank.entryCount; slot++) {
        if (bank.tagOf(slot) !== 0) live[bank.sizeOf(slot)]++;
      }
    }
    for (let size = SIZE_4K; size <= SIZE_1G; size++) {
      assert(live[size] === this.live[size], 'TLB: live counts');
    }
    for (let size = SIZE_4K; size <= SIZE_1G; size++) {
      assert(this.storedSize[size] <= size, 'TLB: a page is stored as a larger one');
    }
  }
}

function bankAt(
  geometry: TlbSetGeometry,
  byIndex: readonly (TlbBank | null)[],
  size: number,
): TlbBank | null {
  const index = geometry.bankOf[size];
  return index === -1 ? null : byIndex[index];
}

/** Geometry of the first-level data TLB. */
export function dataGeometry(n: ProfileNumbers): TlbSetGeometry {
  if (n.dtlbShared !== 0) {
    return { entries: [n.dtlb4kEntries, 0, 0], ways: [n.dtlb4kWays, 0, 0], bankOf: [0, 0, 0] };
  }
  return {
    entries: [n.dtlb4kEntries, n.dtlb2mEntries, n.dtlb1gEntries],
    ways: [n.dtlb4kWays, n.dtlb2mWays, n.dtlb1gWays],
    bankOf: [0, 1, 2],
  };
}

/** Geometry of the first-level instruction TLB. */
export function fetchGeometry(n: ProfileNumbers): TlbSetGeometry {
  if (n.itlbShared !== 0) {
    return { entries: [n.itlb4kEntries, 0, 0], ways: [n.itlb4kWays, 0, 0], bankOf: [0, 0, 0] };
  }
  return {
    entries: [n.itlb4kEntries, n.itlb2mEntries, 0],
    ways: [n.itlb4kWays, n.itlb2mWays, 0],
    bankOf: [0, 1, -1],
  };
}

/** Geometry of the second level, for data and, where it is unified, for fetches. */
export function secondGeometry(n: ProfileNumbers): TlbSetGeometry {
  return {
    entries: [n.stlbEntries, 0, n.stlb1gEntries],
    ways: [n.stlbWays, 0, n.stlb1gWays],
    bankOf: [0, n.stlbHolds2m !== 0 ? 0 : -1, n.stlb1gEntries !== 0 ? 2 : -1],
  };
}

/** Geometry of a second level that only fetches use; no entries where it is unified. */
export function secondFetchGeometry(n: ProfileNumbers): TlbSetGeometry {
  return {
    entries: [n.stlbFetchEntries, 0, 0],
    ways: [n.stlbFetchWays, 0, 0],
    bankOf: [0, n.stlbHolds2m !== 0 ? 0 : -1, -1],
  };
}
