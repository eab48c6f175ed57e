/** A page cache over a block cache over a memory disk: with one frame for both, or with a copy in each. */

import { BlockCache } from '@hotpath/blockcache';
import { assert, type Completion, type FrameSource, isErrno, NIL, OK } from '@hotpath/hw-x86';
import { createMemoryDisk } from '@hotpath/hw-x86/host';
import { type BackingStore, PageCache } from '@hotpath/pagecache';
import { FrameArena } from '@hotpath/pagecache/node';
import type { PreparedWork } from '../../harness/contestant.js';
import { PAGE, type PageWorkload, pageOrder, taste } from './work.js';

const nobody: Completion = { completed: () => {} };

/** Counts who holds how many frames of one arena. */
class CountedFrames implements FrameSource {
  held = 0;
  private readonly arena: FrameArena;
  constructor(arena: FrameArena) {
    this.arena = arena;
  }
  allocate(): number {
    const frame = this.arena.allocate();
    if (frame !== NIL) this.held++;
    return frame;
  }
  free(frame: number): void {
    this.held--;
    this.arena.free(frame);
  }
}

/** File 0 is the whole device: page n is block n. Read-only, as the race is. */
class DeviceStore implements BackingStore {
  readonly canPunch = false;
  private readonly blocks: BlockCache;
  private readonly arena: FrameArena;
  private readonly shares: boolean;
  /** Block in each frame that is attached. */
  private readonly blockAt: Map<number, number> = new Map();

  constructor(blocks: BlockCache, arena: FrameArena, shares: boolean) {
    this.blocks = blocks;
    this.arena = arena;
    this.shares = shares;
  }
  readPages(_file: number, page: number, frames: Float64Array, count: number): number {
    for (let i = 0; i < count; i++) {
      const status = this.shares
        ? this.attach(page + i, frames[i])
        : this.copy(page + i, frames[i]);
      if (isErrno(status)) return status;
    }
    return OK;
  }
  forgetFrame(frame: number): void {
    const block = this.blockAt.get(frame);
    if (block === undefined) return;
    assert(this.blocks.detach(0, block, frame, PAGE) === OK, 'a block is busy in no transfer');
    this.blockAt.delete(frame);
  }
  writePages(): number {
    return OK;
  }
  truncate(): number {
    return OK;
  }
  punch(): number {
    return OK;
  }
  sync(): number {
    return OK;
  }

  private attach(block: number, frame: number): number {
    this.blockAt.set(frame, block);
    return this.blocks.attach(0, block, frame, PAGE, nobody, 0);
  }
  private copy(block: number, frame: number): number {
    const slot = this.blocks.get(0, block, nobody, 0);
    if (isErrno(slot)) return slot;
    this.arena.view(frame).set(this.arena.view(this.blocks.address(slot)));
    this.blocks.release(slot);
    return OK;
  }
}

/** Reads all pages of the device through the page cache; all fit into either cache. */
export function prepareLayers(workload: PageWorkload, seed: number, shares: boolean): PreparedWork {
  const pages = workload.fileBytes / PAGE;
  const order = pageOrder(workload, seed);
  const arena = new FrameArena(2 * pages);
  const pageFrames = new CountedFrames(arena);
  const blockFrames = new CountedFrames(arena);
  const disk = createMemoryDisk({ blockCount: pages });
  const words = new Uint32Array(disk.bytes.buffer);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2654435761) >>> 0;
  const { memory } = arena;
  const blocks = new BlockCache({ memory, capacity: pages, blockBytes: PAGE, frames: blockFrames });
  blocks.addDevice(disk);
  const store = new DeviceStore(blocks, arena, shares);
  const cache = new PageCache({ memory, frames: pageFrames, store, slotLimit: pages });
  const facts = { page: 0, block: 0, indexed: 0 };
  return {
    operationCount: order.length,
    run() {
      const file = cache.openFile(workload.fileBytes);
      let sum = 0;
      for (let i = 0; i < order.length; i++) {
        const slot = cache.get(file, order[i], nobody, 0);
        sum += taste(arena.view(cache.frame(slot)), 0);
        cache.release(slot);
      }
      facts.page = pageFrames.held;
      facts.block = blockFrames.held;
      facts.indexed = blocks.size;
      assert(cache.closeFile(file) === OK, 'the file is idle');
      // The next round finds neither cache filled.
      blocks.invalidate(0, 0, pages);
      return sum;
    },
    facts: () => ({
      'pages in the page cache': facts.page,
      'blocks in the block cache': facts.indexed,
      'frames held by both': facts.page + facts.block,
      'MiB of frames': ((facts.page + facts.block) * PAGE) / 2 ** 20,
      'bytes held a cached page': ((facts.page + facts.block) * PAGE) / facts.page,
    }),
  };
}
