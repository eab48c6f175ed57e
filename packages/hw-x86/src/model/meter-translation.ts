import { PTE_DIRTY, PTE_GLOBAL, PTE_WRITE } from '../architecture.js';
import { DTLB_LOAD_STLB_HITS, DTLB_LOAD_WALKS, INSTRUCTIONS, TSC } from '../cells.js';
import { assert } from '../errors.js';
import { FLAG_NO_EXECUTE } from './access-rights.js';
import { type FrontTable, METER_TABLE } from './front-table.js';
import { METER_BASE } from './meter-range.js';
import { SIZE_2M } from './page-size.js';
import { METER_FRAMES, type PageWalk } from './page-walk.js';
import { ANY_PCID } from './tlb-bank.js';
import type { TlbInventory } from './tlb-inventory.js';
import { RECORD_FLAGS, RECORD_PAGE, RECORD_PCID } from './tlb-store.js';

/**
 * Translation of metered addresses: the meter's own direct map of 2 MiB pages, through the same
 * TLBs, paging-structure caches and data caches as everything else. Never faults.
 */
export class MeterTranslation {
  declare private readonly tlb: TlbInventory;
  declare private readonly front: FrontTable;
  declare private readonly walk: PageWalk;
  declare private readonly cells: Float64Array;
  declare private readonly stlbCycles: number;

  constructor(
    tlb: TlbInventory,
    front: FrontTable,
    walk: PageWalk,
    cells: Float64Array,
    stlbCycles: number,
  ) {
    this.tlb = tlb;
    this.front = front;
    this.walk = walk;
    this.cells = cells;
    this.stlbCycles = stlbCycles;
  }

  /** Physical page of a metered address, given in words: a double would be boxed on its way. */
  page(low: number, high: number, access: number): number {
    const front = this.front;
    const cells = this.cells;
    const tlb = this.tlb;
    const at = front.findLarge(METER_TABLE, low, high);
    if (at !== -1) {
      tlb.store.stamps[front.largeStamp[at]] = cells[INSTRUCTIONS] += 1;
      return front.largePage[at] | ((low >>> 12) & 511);
    }
    const first = tlb.data.bySize[SIZE_2M];
    assert(first !== null, 'first-level TLB without an array');
    const stored = tlb.data.storedSize[SIZE_2M];
    let slot = first.find(low, high, stored, ANY_PCID);
    if (slot === -1) {
      this.#second(low, high, access);
      slot = tlb.copyEntry(tlb.walked, 0, first, low, high, SIZE_2M, stored, front);
    }
    first.touch(slot, (cells[INSTRUCTIONS] += 1));
    const piece = stored === SIZE_2M ? (low >>> 12) & 511 : 0;
    const page = (first.pageOf(slot) + piece) | 0;
    if (stored === SIZE_2M) front.add(METER_TABLE, low, high, SIZE_2M, first.base + slot, page);
    return page;
  }

  // Leaves the translation in tlb.walked: found in the second level, or walked for.
  #second(low: number, high: number, access: number): void {
    const offset = high * 2 ** 32 + (low >>> 0) - METER_BASE;
    const tlb = this.tlb;
    const second = tlb.second;
    const bank = second.bySize[SIZE_2M];
    const stored = second.storedSize[SIZE_2M];
    const source = tlb.walked;
    source.words[RECORD_FLAGS] = PTE_WRITE | PTE_DIRTY | PTE_GLOBAL | FLAG_NO_EXECUTE;
    source.words[RECORD_PCID] = ANY_PCID;
    source.frame[0] = METER_FRAMES + offset - (offset % 2 ** 21);
    source.words[RECORD_PAGE] = Math.floor(source.frame[0] / 4096) | 0;
    const found = bank === null ? -1 : bank.find(low, high, stored, ANY_PCID);
    if (bank !== null && found !== -1) {
      this.cells[TSC] += this.stlbCycles;
      this.cells[DTLB_LOAD_STLB_HITS + access] += 1;
      bank.touch(found, this.cells[INSTRUCTIONS]);
      return;
    }
    this.walk.runMeter(low, high, offset);
    this.cells[DTLB_LOAD_WALKS + access] += 1;
    if (bank === null) return;
    const slot = tlb.copyEntry(source, 0, bank, low, high, SIZE_2M, stored, null);
    bank.touch(slot, this.cells[INSTRUCTIONS]);
  }
}
