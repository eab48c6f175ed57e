import {
  assert,
  type ByteCount,
  type Meter,
  NIL,
  PAGE_BYTES,
  type PhysAddr,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { CACHED, FREE, MAX_ORDER, ORDER_COUNT, TAIL } from './page-state.js';
import { SITE_BASE } from './trace-events.js';
import type { Zone } from './zones.js';

const SITE_ZONE_EMPTY = SITE_BASE;
const SITE_SPLIT = SITE_BASE + 1;
const SITE_MERGE = SITE_BASE + 2;

/**
 * The free blocks of a binary buddy system (Knuth, TAOCP vol. 1, 2.5 C) as columns over pages:
 * doubly linked lists by zone and order, and one word a zone whose bit k says that list k is not
 * empty. Allocation finds its list by one count-trailing-zeros and splits at most 18 times.
 *
 * For every zone: freePages === sum of 2**order over its free blocks
 * For every free block of order k below the largest: its buddy is no free block of order k
 */
export class Buddy {
  readonly zones: readonly Zone[];
  /** One byte a page, see page-state.ts. */
  state: Uint8Array;
  /** Next and previous free block + 1 (0: none), two words a page; a run's length in the first. */
  link: Int32Array;
  /** First free block + 1 of each zone and order. */
  readonly head: Int32Array;
  private readonly orders: Int32Array;
  private meter: Meter | null = null;
  private stateBase: VirtAddr = 0;
  private linkBase: VirtAddr = 0;
  private headBase: VirtAddr = 0;

  constructor(zones: readonly Zone[], meter: Meter | null) {
    this.zones = zones;
    const last = zones[zones.length - 1] as Zone;
    const pageCount = last.index + last.pageCount;
    // Zero-filled is the truth for "no block": nothing is written for pages nobody asks for.
    this.state = new Uint8Array(pageCount);
    this.link = new Int32Array(2 * pageCount);
    this.head = new Int32Array(zones.length * ORDER_COUNT);
    this.orders = new Int32Array(zones.length);
    for (let z = 0; z < zones.length; z += 1) {
      const zone = zones[z] as Zone;
      this.release(z, zone.index, zone.pageCount);
    }
    // Building the lists is boot work and not charged.
    this.meter = meter;
    this.assignRegions();
    if (meter !== null) {
      this.headBase = meter.region('pages.head', this.head.byteLength + this.orders.byteLength);
    }
  }

  get metadataBytes(): ByteCount {
    return (
      this.state.byteLength + this.link.byteLength + this.head.byteLength + this.orders.byteLength
    );
  }

  /** Page of an address, or NIL where it is no page's first byte. */
  pageOf(address: PhysAddr): number {
    for (let z = 0; z < this.zones.length; z += 1) {
      const zone = this.zones[z] as Zone;
      const page = (address - zone.start) / PAGE_BYTES;
      if (page >= 0 && page < zone.pageCount)
        return Number.isInteger(page) ? zone.index + page : NIL;
    }
    return NIL;
  }

  zoneOf(page: number): number {
    let z = this.zones.length - 1;
    while (z > 0 && page < (this.zones[z] as Zone).index) z -= 1;
    return z;
  }

  addressOf(page: number): PhysAddr {
    const zone = this.zones[this.zoneOf(page)] as Zone;
    return zone.start + (page - zone.index) * PAGE_BYTES;
  }

  /** A block from the highest zone up to `zone` that has one; its state is TAIL. Or NIL. */
  take(order: number, zone: number): number {
    for (let z = zone; z >= 0; z -= 1) {
      const found = this.readOrders(z) & (-1 << order);
      if (this.meter !== null) this.meter.branch(SITE_ZONE_EMPTY, found === 0);
      if (found === 0) continue;
      let from = 31 - Math.clz32(found & -found);
      const page = this.readHead(z, from) - 1;
      this.unlink(z, page, from);
      this.writeState(page, TAIL);
      while (from > order) {
        from -= 1;
        if (this.meter !== null) this.meter.branch(SITE_SPLIT, true);
        this.insert(z, page + 2 ** from, from);
      }
      if (this.meter !== null) this.meter.branch(SITE_SPLIT, false);
      (this.zones[z] as Zone).freePages -= 2 ** order;
      return page;
    }
    return NIL;
  }

  /** Frees `pageCount` pages from `page` on as the largest aligned blocks, merging each. */
  release(z: number, page: number, pageCount: number): void {
    const zone = this.zones[z] as Zone;
    let left = pageCount;
    while (left > 0) {
      const aligned = page === 0 ? MAX_ORDER : 31 - Math.clz32(page & -page);
      const order = Math.min(aligned, 31 - Math.clz32(left), zone.maxOrder);
      this.merge(z, zone, page, order);
      page += 2 ** order;
      left -= 2 ** order;
    }
    zone.freePages += pageCount;
  }

  private merge(z: number, zone: Zone, page: number, order: number): void {
    const end = zone.index + zone.pageCount;
    while (order < zone.maxOrder) {
      const buddy = page ^ (1 << order);
      const merges =
        buddy >= zone.index &&
        buddy + (1 << order) <= end &&
        this.readState(buddy) === FREE + order;
      if (this.meter !== null) this.meter.branch(SITE_MERGE, merges);
      if (!merges) break;
      this.unlink(z, buddy, order);
      this.writeState(buddy, TAIL);
      page = Math.min(page, buddy);
      order += 1;
    }
    this.insert(z, page, order);
  }

  private insert(z: number, page: number, order: number): void {
    const first = this.readHead(z, order);
    this.writeState(page, FREE + order);
    this.writeLink(2 * page, first);
    this.writeLink(2 * page + 1, 0);
    if (first !== 0) this.writeLink(2 * (first - 1) + 1, page + 1);
    this.writeHead(z, order, page + 1);
    if (first === 0) this.writeOrders(z, this.readOrders(z) | (1 << order));
  }

  /** Takes a free block out of its list; freePages is the caller's. */
  private unlink(z: number, page: number, order: number): void {
    const next = this.readLink(2 * page);
    const previous = this.readLink(2 * page + 1);
    if (next !== 0) this.writeLink(2 * (next - 1) + 1, previous);
    if (previous !== 0) this.writeLink(2 * (previous - 1), next);
    else {
      this.writeHead(z, order, next);
      if (next === 0) this.writeOrders(z, this.readOrders(z) & ~(1 << order));
    }
  }

  /** Takes the free blocks that cover `page .. end - 1`, gives back what lies behind, or answers false. */
  claim(z: number, page: number, end: number): boolean {
    const zone = this.zones[z] as Zone;
    if (end > zone.index + zone.pageCount) return false;
    let next = page;
    // Behind an allocated page a free block can only begin, never continue.
    while (next < end) {
      const state = this.readState(next);
      if (state < FREE || state > FREE + MAX_ORDER) return false;
      next += 2 ** (state - FREE);
    }
    const claimed = next - page;
    next = page;
    while (next < end) {
      const order = this.readState(next) - FREE;
      this.unlink(z, next, order);
      this.writeState(next, TAIL);
      next += 2 ** order;
    }
    assert(next - page === claimed, 'claimed blocks end where they were seen to end');
    zone.freePages -= claimed;
    this.release(z, end, next - end);
    return true;
  }

  /** True when the page lies inside a free block. Slow: for the text of an error. */
  isInFreeBlock(page: number): boolean {
    for (let order = 0; order <= MAX_ORDER; order += 1) {
      const state = this.state[page - (page % 2 ** order)];
      if (state >= FREE + order && state <= FREE + MAX_ORDER) return true;
      if (state >= CACHED + order) return true;
    }
    return false;
  }

  /** More pages at the end of the last zone. */
  extend(pageCount: number): void {
    const z = this.zones.length - 1;
    const zone = this.zones[z] as Zone;
    const page = zone.index + zone.pageCount;
    if (page + pageCount > this.state.length) {
      const state = new Uint8Array(page + pageCount);
      state.set(this.state);
      this.state = state;
      const link = new Int32Array(2 * (page + pageCount));
      link.set(this.link);
      this.link = link;
      this.assignRegions();
    }
    zone.pageCount += pageCount;
    this.release(z, page, pageCount);
  }

  private assignRegions(): void {
    if (this.meter === null) return;
    this.stateBase = this.meter.region('pages.state', this.state.byteLength);
    this.linkBase = this.meter.region('pages.link', this.link.byteLength);
  }

  readState(page: number): number {
    if (this.meter !== null) this.meter.load(this.stateBase + page);
    return this.state[page];
  }

  writeState(page: number, value: number): void {
    if (this.meter !== null) this.meter.store(this.stateBase + page);
    this.state[page] = value;
  }

  readLink(word: number): number {
    if (this.meter !== null) this.meter.load(this.linkBase + word * 4);
    return this.link[word];
  }

  writeLink(word: number, value: number): void {
    if (this.meter !== null) this.meter.store(this.linkBase + word * 4);
    this.link[word] = value;
  }

  private readHead(z: number, order: number): number {
    const word = z * ORDER_COUNT + order;
    if (this.meter !== null) this.meter.load(this.headBase + word * 4);
    return this.head[word];
  }

  private writeHead(z: number, order: number, value: number): void {
    const word = z * ORDER_COUNT + order;
    if (this.meter !== null) this.meter.store(this.headBase + word * 4);
    this.head[word] = value;
  }

  private readOrders(z: number): number {
    if (this.meter !== null) {
      this.meter.load(this.headBase + this.head.byteLength + z * 4);
      this.meter.retire(4);
    }
    return this.orders[z];
  }

  private writeOrders(z: number, value: number): void {
    if (this.meter !== null) this.meter.store(this.headBase + this.head.byteLength + z * 4);
    this.orders[z] = value;
  }

  /** Walks every list and every page; throws InvariantError. O(pages): for tests. */
  checkInvariants(): void {
    for (let z = 0; z < this.zones.length; z += 1) {
      const zone = this.zones[z] as Zone;
      const end = zone.index + zone.pageCount;
      let listed = 0;
      for (let order = 0; order <= MAX_ORDER; order += 1) {
        const first = this.head[z * ORDER_COUNT + order];
        assert(
          (first !== 0) === ((this.orders[z] & (1 << order)) !== 0),
          'the word of orders tells which lists are empty',
        );
        let previous = 0;
        for (let page = first - 1; page !== NIL; page = this.link[2 * page] - 1) {
          assert(
            this.state[page] === FREE + order,
            "a listed block is free and of its list's order",
          );
          assert(this.link[2 * page + 1] === previous, 'previous points back');
          assert(page % 2 ** order === 0, 'a block is aligned to its length');
          assert(
            page >= zone.index && page + 2 ** order <= end,
            'a free block lies inside its zone',
          );
          const buddy = page ^ (1 << order);
          const merges = order < zone.maxOrder && buddy >= zone.index && buddy + 2 ** order <= end;
          assert(!merges || this.state[buddy] !== FREE + order, 'two free buddies have merged');
          for (let i = 1; i < 2 ** order; i += 1)
            assert(this.state[page + i] === TAIL, 'inside a free block nothing begins');
          previous = page + 1;
          listed += 2 ** order;
        }
      }
      assert(listed === zone.freePages, 'free pages are those in the lists');
    }
  }
}
