/**
 * Pages of the extent file layer over the block cache: pages become blocks here. Data blocks are indexed by the block cache inside the page's own frame (one frame,
 * two indexes); inode blocks are the block cache's own, pinned since the mount.
 *
 * Ordered: an inode reaches the disk only after a barrier behind the data it names.
 */
import type { BlockCache } from '@hotpath/blockcache';
import {
  assert,
  type Completion,
  isErrno,
  NIL,
  OK,
  PAGE_BYTES,
  PENDING,
  type PhysAddr,
  type PhysicalMemory,
} from '@hotpath/hw-x86';
import { FS_BLOCK_BYTES } from '../params.js';
import {
  createInodeImage,
  INODE_BYTES,
  INODE_COUNT,
  TABLE_BLOCKS,
  type WordMemory,
  writeInode,
} from './extent-layout.js';
import type { ExtentMap } from './extent-map.js';
import { StoreJobs } from './store-jobs.js';

const INODES_PER_BLOCK = FS_BLOCK_BYTES / INODE_BYTES;

/** One inode's image on its way to the disk. */
export interface InodeWrite {
  readonly inode: number;
  readonly version: number;
  readonly givenUp: number;
}

/** What the store works on. */
export interface ExtentStorePorts {
  readonly cache: BlockCache;
  readonly device: number;
  readonly memory: PhysicalMemory;
  /** Charged accesses to inode blocks. */
  readonly words: WordMemory;
  readonly map: ExtentMap;
  /** Pinned slot of each block of the inode table. */
  readonly tableSlots: Int32Array;
}

/** Reads, writes and makes durable. A call answers a status, or PENDING and the sink is told. */
export class ExtentStore {
  readonly #ports: ExtentStorePorts;
  readonly #jobs = new StoreJobs();
  /** Counts changes of each inode in memory, and those that are durable. */
  readonly #changed = new Float64Array(INODE_COUNT);
  readonly #durable = new Float64Array(INODE_COUNT);
  /** Block that the block cache indexes inside each frame of the page cache. */
  readonly #blockInFrame = new Map<PhysAddr, number>();
  readonly #image = createInodeImage();
  readonly #oneFrame = new Float64Array(1);

  constructor(ports: ExtentStorePorts) {
    this.#ports = ports;
  }

  /** The inode has changed in memory: the next sync of the file writes it. */
  inodeChanged(inode: number): void {
    this.#changed[inode] += 1;
  }

  /** A page has left its frame: the block cache must not find its block there any more. */
  forgetFrame(frame: PhysAddr): void {
    const block = this.#blockInFrame.get(frame);
    if (block === undefined) return;
    const status = this.#ports.cache.detach(this.#ports.device, block, frame, PAGE_BYTES);
    assert(status === OK, 'a page leaves its frame while its block is in use');
    this.#blockInFrame.delete(frame);
  }

  readPages(
    inode: number,
    page: number,
    frames: Float64Array,
    count: number,
    sink: Completion,
    tag: number,
  ): number {
    const { cache, device, map, memory } = this.#ports;
    const job = this.#jobs.begin(sink, tag);
    for (let i = 0; i < count; i++) {
      const block = map.blockOf(inode, page + i);
      if (block === NIL) {
        memory.fill(frames[i], PAGE_BYTES, 0);
        continue;
      }
      this.#blockInFrame.set(frames[i], block);
      this.#jobs.add(job);
      const status = cache.attach(device, block, frames[i], PAGE_BYTES, this.#jobs, job);
      if (status !== PENDING) this.#jobs.end(job, status);
    }
    return this.#jobs.started(job);
  }

  writePages(
    inode: number,
    page: number,
    frames: Float64Array,
    count: number,
    byteCount: number,
    sink: Completion,
    tag: number,
  ): number {
    const job = this.#jobs.begin(sink, tag);
    this.#jobs.continueWith(job, (status) => {
      if (status === OK) this.#grow(inode, page * PAGE_BYTES + byteCount);
      return status;
    });
    for (let i = 0; i < count; i++) {
      const block = this.#ports.map.allocate(inode, page + i);
      if (isErrno(block)) this.#jobs.fail(job, block);
      else this.#writeOne(job, block, frames[i]);
    }
    return this.#jobs.started(job);
  }

  /** Cuts the file; the blocks are free when that is durable. */
  truncate(inode: number, size: number): void {
    const { map } = this.#ports;
    map.truncate(inode, Math.ceil(size / PAGE_BYTES));
    map.size[inode] = size;
    this.inodeChanged(inode);
  }

  /** True while the image on the disk is an older one. */
  isChanged(inode: number): boolean {
    return this.#durable[inode] !== this.#changed[inode];
  }

  /** Barrier, inode, barrier. Where the inode on disk is the same already, the first is all. */
  sync(inode: number, sink: Completion, tag: number): number {
    const { cache, device } = this.#ports;
    if (this.#durable[inode] === this.#changed[inode]) {
      return cache.flushRange(device, 0, 0, sink, tag);
    }
    const job = this.#jobs.begin(sink, tag);
    this.#jobs.add(job);
    this.#jobs.continueWith(job, (status) =>
      isErrno(status) ? status : this.#syncInode(inode, job),
    );
    const status = cache.flushRange(device, 0, 0, this.#jobs, job);
    if (status !== PENDING) this.#jobs.end(job, status);
    return this.#jobs.started(job);
  }

  /** A barrier behind everything that was written. */
  flush(sink: Completion, tag: number): number {
    return this.#ports.cache.flushRange(this.#ports.device, 0, 0, sink, tag);
  }

  /** The inode table may leave memory: the file layer is unmounted. */
  releaseTable(): void {
    const { cache, tableSlots } = this.#ports;
    for (const slot of tableSlots) {
      cache.setUnmovable(slot, false);
      cache.release(slot);
    }
  }

  /**
   * Puts an inode's image into its block of the table, for a flush to take along; what is settled when
   * that has succeeded.
   */
  writeImage(inode: number): InodeWrite {
    const { cache, map, tableSlots, words } = this.#ports;
    const slot = tableSlots[Math.floor(inode / INODES_PER_BLOCK)];
    map.encode(inode, this.#image);
    const address = cache.address(slot) + (inode % INODES_PER_BLOCK) * INODE_BYTES;
    writeInode(words, address, this.#image);
    cache.markDirty(slot);
    return { inode, version: this.#changed[inode], givenUp: map.givenUpMark(inode) };
  }

  /** The image is durable: what it no longer names is free. */
  settleImage({ inode, version, givenUp }: InodeWrite): void {
    if (version <= this.#durable[inode]) return;
    this.#durable[inode] = version;
    this.#ports.map.release(inode, givenUp);
  }

  /** Everything that was written to the inode table, on the medium. */
  flushTable(sink: Completion, tag: number): number {
    return this.#ports.cache.flushRange(this.#ports.device, 1, TABLE_BLOCKS, sink, tag);
  }

  /** Second half of a sync: the data is durable, now the inode may name it. */
  #syncInode(inode: number, job: number): number {
    const { cache, device } = this.#ports;
    const written = this.writeImage(inode);
    this.#jobs.continueWith(job, (status) => {
      if (!isErrno(status)) this.settleImage(written);
      return status;
    });
    const table = Math.floor(inode / INODES_PER_BLOCK);
    return cache.flushRange(device, 1 + table, 1, this.#jobs, job);
  }

  /** Bytes up to `end` are on the disk: only now may the inode's size say so. */
  #grow(inode: number, end: number): void {
    const { map } = this.#ports;
    if (end <= map.size[inode]) return;
    map.size[inode] = end;
    this.inodeChanged(inode);
  }

  #writeOne(job: number, block: number, frame: PhysAddr): void {
    this.#oneFrame[0] = frame;
    this.#jobs.add(job);
    const { cache, device } = this.#ports;
    const status = cache.write(device, block, 1, this.#oneFrame, this.#jobs, job);
    if (status !== PENDING) this.#jobs.end(job, status);
  }
}
