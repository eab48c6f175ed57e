import {
  assert,
  type FrameSource,
  LARGE_PAGE_BYTES,
  NIL,
  PAGE_BYTES,
  type PhysAddr,
} from '@hotpath/hw-x86';

/** Port: where single frames and blocks of 2 MiB come from. */
export interface BlockSource extends FrameSource {
  /** A block of `2**order` frames, or NIL. */
  allocate(order?: number): PhysAddr;
  free(address: PhysAddr, order?: number): void;
  /** Makes an allocated block as many single frames, each to be freed by itself. */
  split(address: PhysAddr): void;
}

const LARGE_ORDER = 9;
const FRAMES = 512;

/**
 * How many page-table entries of user halves name a frame of anonymous memory (Linux: `_mapcount`).
 * Copy-on-write lives on it: a frame named once may be written where it is. A page of 2 MiB counts in
 * each of its 512 frames; its block is taken apart when the first of them goes alone.
 *
 * count[f] >= 1 for every frame f handed out here, and 0 for every other: frames of the page cache
 * are none of these.
 */
export class FrameReferences implements FrameSource {
  readonly #source: BlockSource;
  readonly #count: Uint16Array;
  /** 1 for each 2 MiB that are one block of the source. */
  readonly #isBlock: Uint8Array;
  #liveCount = 0;

  /** @param memoryBytes - physical memory, for two bytes a frame */
  constructor(source: BlockSource, memoryBytes: number) {
    this.#source = source;
    this.#count = new Uint16Array(Math.ceil(memoryBytes / PAGE_BYTES));
    this.#isBlock = new Uint8Array(Math.ceil(memoryBytes / LARGE_PAGE_BYTES));
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

  /** 2 MiB that one entry will name, or NIL where no such block is free. */
  allocateLarge(): PhysAddr {
    const frame = this.#source.allocate(LARGE_ORDER);
    if (frame === NIL) return NIL;
    const index = frame / PAGE_BYTES;
    this.#count.fill(1, index, index + FRAMES);
    this.#isBlock[frame / LARGE_PAGE_BYTES] = 1;
    this.#liveCount += FRAMES;
    return frame;
  }

  /** True for a frame of anonymous memory. */
  isAnonymous(frame: PhysAddr): boolean {
    return this.#count[frame / PAGE_BYTES] > 0;
  }

  /** One more entry of `pageBytes` names the frame; false if it has as many as can be counted. */
  share(frame: PhysAddr, pageBytes: number = PAGE_BYTES): boolean {
    const first = frame / PAGE_BYTES;
    const end = first + pageBytes / PAGE_BYTES;
    for (let index = first; index < end; index++) {
      assert(this.#count[index] > 0, 'a free frame is shared');
      if (this.#count[index] === 65535) return false;
    }
    for (let index = first; index < end; index++) this.#count[index] += 1;
    return true;
  }

  /** True if more than one entry names the frame, or one of the frames of a large page. */
  isShared(frame: PhysAddr, pageBytes: number = PAGE_BYTES): boolean {
    const first = frame / PAGE_BYTES;
    for (let index = first; index < first + pageBytes / PAGE_BYTES; index++) {
      if (this.#count[index] > 1) return true;
    }
    return false;
  }

  /** One entry less; the last gives the frame back. */
  free(frame: PhysAddr): void {
    const index = frame / PAGE_BYTES;
    assert(this.#count[index] > 0, 'a free frame is freed');
    this.#count[index] -= 1;
    if (this.#count[index] > 0) return;
    this.#liveCount -= 1;
    const block = Math.floor(frame / LARGE_PAGE_BYTES);
    if (this.#isBlock[block] === 1) {
      this.#isBlock[block] = 0;
      this.#source.split(block * LARGE_PAGE_BYTES);
    }
    this.#source.free(frame);
  }

  /** One entry of 2 MiB less. */
  freeLarge(frame: PhysAddr): void {
    const block = frame / LARGE_PAGE_BYTES;
    if (this.#isBlock[block] === 1 && !this.isShared(frame, LARGE_PAGE_BYTES)) {
      const index = frame / PAGE_BYTES;
      this.#count.fill(0, index, index + FRAMES);
      this.#isBlock[block] = 0;
      this.#liveCount -= FRAMES;
      this.#source.free(frame, LARGE_ORDER);
      return;
    }
    for (let i = 0; i < FRAMES; i++) this.free(frame + i * PAGE_BYTES);
  }
}
