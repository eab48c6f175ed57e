import { assert, type FrameSource, NIL, PAGE_BYTES, type PhysAddr } from '@hotpath/hw-x86';

/**
 * How many page-table entries of user halves name a frame (Linux: `_mapcount`). Copy-on-write lives
 * on it: a frame named once may be written where it is.
 *
 * For every frame f handed out here: count[f] >= 1; it goes back to its source when the last goes.
 */
export class FrameReferences implements FrameSource {
  readonly #source: FrameSource;
  readonly #count: Uint16Array;
  #liveCount = 0;

  /** @param memoryBytes - physical memory, for two bytes a frame */
  constructor(source: FrameSource, memoryBytes: number) {
    this.#source = source;
    this.#count = new Uint16Array(Math.ceil(memoryBytes / PAGE_BYTES));
  }

  /** Frames that some entry names. */
  get liveCount(): number {
    return this.#liveCount;
  }

  /** A frame that one entry will name, or NIL. */
  allocate(): PhysAddr {
    const frame = this.#source.allocate();
    if (frame === NIL) return NIL;
    this.#count[frame / PAGE_BYTES] = 1;
    this.#liveCount += 1;
    return frame;
  }

  /** One more entry names the frame; false if it has as many as can be counted. */
  share(frame: PhysAddr): boolean {
    const index = frame / PAGE_BYTES;
    assert(this.#count[index] > 0, 'a free frame is shared');
    if (this.#count[index] === 65535) return false;
    this.#count[index] += 1;
    return true;
  }

  /** True if more than one entry names the frame. */
  isShared(frame: PhysAddr): boolean {
    return this.#count[frame / PAGE_BYTES] > 1;
  }

  /** One entry less; the last gives the frame back. */
  free(frame: PhysAddr): void {
    const index = frame / PAGE_BYTES;
    assert(this.#count[index] > 0, 'a free frame is freed');
    this.#count[index] -= 1;
    if (this.#count[index] > 0) return;
    this.#liveCount -= 1;
    this.#source.free(frame);
  }
}
