import { assert, NIL, type PhysAddr } from '@hotpath/hw-x86';
import type { FrameReferences } from './frame-references.js';

/**
 * What a shared anonymous mapping shows: pages that come into being when one of its mappers first
 * touches them (Linux: shmem). The object holds one reference to each of its frames, every page-table
 * entry another. It lives as long as an area shows it.
 */
export class SharedMemory {
  readonly #frames: FrameReferences;
  readonly #pages = new Map<number, Map<number, PhysAddr>>();
  readonly #areas = new Map<number, number>();
  #next = 0;

  constructor(frames: FrameReferences) {
    this.#frames = frames;
  }

  /** Objects alive. */
  get liveCount(): number {
    return this.#areas.size;
  }

  /** A new object, which its first area keeps. */
  create(): number {
    return this.#next++;
  }

  /** One more area shows the object. */
  share(object: number): void {
    this.#areas.set(object, (this.#areas.get(object) ?? 0) + 1);
  }

  /** One area less; the last gives the frames back. */
  release(object: number): void {
    const left = (this.#areas.get(object) ?? 0) - 1;
    assert(left >= 0, 'shared memory is released once too often');
    if (left > 0) {
      this.#areas.set(object, left);
      return;
    }
    this.#areas.delete(object);
    for (const frame of this.#pages.get(object)?.values() ?? []) this.#frames.free(frame);
    this.#pages.delete(object);
  }

  /** Frame of a page with one more reference for the entry that will name it, or NIL if it has none. */
  take(object: number, page: number): PhysAddr {
    const frame = this.#pages.get(object)?.get(page);
    if (frame === undefined || !this.#frames.share(frame)) return NIL;
    return frame;
  }

  /** Gives a page its frame, which has one reference already: the object takes another. */
  put(object: number, page: number, frame: PhysAddr): void {
    const shared = this.#frames.share(frame);
    assert(shared, 'a fresh frame cannot be shared');
    let pages = this.#pages.get(object);
    if (pages === undefined) {
      pages = new Map();
      this.#pages.set(object, pages);
    }
    assert(!pages.has(page), 'a page of shared memory gets two frames');
    pages.set(page, frame);
  }

  /** True if the page has a frame. */
  has(object: number, page: number): boolean {
    return this.#pages.get(object)?.has(page) ?? false;
  }
}
