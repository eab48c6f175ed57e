import { type FrameSource, NIL, type PhysAddr } from '@hotpath/hw-x86';
import type { PageAllocator } from '@hotpath/slab';
import { type CallStack, frameNamed } from '../task/call-stack.js';
import type { BlockSource } from './frame-references.js';

const FRAME_RECLAIM = frameNamed('reclaim');

/** Most frames asked of the reclaimers in one go (Linux: SWAP_CLUSTER_MAX). */
const BATCH = 32;

/** Port: gives back up to `count` frames that can be had again; how many it gave. */
export interface Reclaimer {
  reclaim(count: number): number;
}

/**
 * The page allocator with somebody behind it: below the low water mark caches give frames back, clean
 * pages of files first; what cannot be had at all even so is NIL. The caches themselves take their
 * frames elsewhere, so that they are never asked from inside.
 */
export class PressuredFrames implements FrameSource, BlockSource {
  /** Times that caches were asked, and frames that they gave. */
  pressureCount = 0;
  reclaimedCount = 0;
  /** Free frames below which caches are asked. */
  readonly lowPages: number;
  readonly #pages: PageAllocator;
  readonly #stack: CallStack;
  #reclaimers: readonly Reclaimer[] = [];
  #asking = false;
  /** Single frames that may go before the allocator's lists are counted again. */
  #uncounted = 0;

  /** @param lowPages - the low water mark */
  constructor(pages: PageAllocator, lowPages: number, stack: CallStack) {
    this.#stack = stack;
    this.#pages = pages;
    this.lowPages = lowPages;
  }

  /** Wires who gives frames back, in this order; once, at boot. */
  connect(reclaimers: readonly Reclaimer[]): void {
    this.#reclaimers = reclaimers;
  }

  allocate(order = 0): PhysAddr {
    const frame = this.#pages.allocate(order);
    if (frame !== NIL && this.#isPlenty(order)) return frame;
    this.#reclaim(2 ** order);
    return frame !== NIL ? frame : this.#pages.allocate(order);
  }

  free(address: PhysAddr, order?: number): void {
    this.#pages.free(address, order);
  }

  split(address: PhysAddr): void {
    this.#pages.split(address);
  }

  /** Others allocate too, so nobody is trusted with more than a batch. */
  #isPlenty(order: number): boolean {
    if (order === 0 && this.#uncounted > 0) {
      this.#uncounted -= 1;
      return true;
    }
    const spare = this.#pages.freePages - this.lowPages;
    this.#uncounted = Math.max(0, Math.min(BATCH, spare));
    return spare >= 0;
  }

  #reclaim(wanted: number): void {
    if (this.#asking) return;
    this.#asking = true;
    this.pressureCount += 1;
    const depth = this.#stack.push(FRAME_RECLAIM);
    let left = Math.max(BATCH, wanted);
    for (const reclaimer of this.#reclaimers) {
      if (left <= 0) break;
      const given = reclaimer.reclaim(left);
      this.reclaimedCount += given;
      left -= given;
    }
    this.#stack.cut(depth);
    this.#asking = false;
  }
}
