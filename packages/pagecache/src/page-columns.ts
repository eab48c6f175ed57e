import { NIL } from '@hotpath/hw-x86';
import type { Wait } from './wait-pool.js';

/**
 * Columns of the page slots: 44 bytes a page, beside about 5 of the index.
 *
 * For every slot s: file[s] !== NIL  <=>  the index holds s at (file[s], page[s])
 *                   frame[s] === NIL <=>  s is on the free list
 *                   holds[s] <= pins[s]
 * A slot with a frame and no file is an orphan: truncated away while pinned, freed by the last
 * release.
 */
export class PageColumns {
  /** Number of slots. */
  readonly slotLimit: number;
  /** Physical address of the page's frame, NIL when the slot is free. */
  readonly frame: Float64Array;
  /** File, NIL when not in the index. */
  readonly file: Int32Array;
  /** Page number in the file, below 2**32. */
  readonly page: Uint32Array;
  /** Bits of flags.ts. */
  readonly flags: Uint16Array;
  /** Of the pins, those that their owner keeps for an unknown time (leases). */
  readonly holds: Uint16Array;
  /** References that keep the page in its frame. */
  readonly pins: Int32Array;
  /** Page-table entries that show the frame. */
  readonly mapCount: Int32Array;
  /** Newest wait for this page. */
  readonly waitHead: (Wait | null)[];
  /** Slots in use. */
  usedCount = 0;

  /** Free slots, linked. */
  private readonly nextFree: Int32Array;
  private freeHead = 0;

  constructor(slotLimit: number, link: Int32Array) {
    this.slotLimit = slotLimit;
    this.frame = new Float64Array(slotLimit).fill(NIL);
    this.file = new Int32Array(slotLimit).fill(NIL);
    this.page = new Uint32Array(slotLimit);
    this.flags = new Uint16Array(slotLimit);
    this.holds = new Uint16Array(slotLimit);
    this.pins = new Int32Array(slotLimit);
    this.mapCount = new Int32Array(slotLimit);
    this.waitHead = new Array<Wait | null>(slotLimit).fill(null);
    // A free slot is on no LRU list, so it borrows that list's link column.
    this.nextFree = link;
    for (let slot = 0; slot < slotLimit; slot++) link[slot] = slot + 1;
    if (slotLimit > 0) link[slotLimit - 1] = NIL;
  }

  /** Bytes of all columns, the two LRU links included. */
  get byteCount(): number {
    return this.slotLimit * 44;
  }

  /** True if a slot is free. */
  get hasFree(): boolean {
    return this.freeHead !== NIL;
  }

  /** Takes a free slot for a frame; the caller has tested `hasFree`. */
  take(frame: number): number {
    const slot = this.freeHead;
    this.freeHead = this.nextFree[slot];
    this.frame[slot] = frame;
    this.flags[slot] = 0;
    this.usedCount++;
    return slot;
  }

  /** Returns a slot to the free list; the frame is the caller's again. */
  give(slot: number): number {
    const frame = this.frame[slot];
    this.frame[slot] = NIL;
    this.flags[slot] = 0;
    this.nextFree[slot] = this.freeHead;
    this.freeHead = slot;
    this.usedCount--;
    return frame;
  }
}
