/**
 * Which blocks a file gets: the one behind its last if that is free; else the first run in its group
 * that is long enough. A growing file has a window of blocks in front of it that others leave alone
 * while they can (Linux's reservation windows, `fs/ext2/balloc.c`), so that files that grow side by
 * side stay contiguous.
 */
import { assert, ENOSPC, isErrno, OK } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { Changes } from './changes.js';
import { groupBlocks, groupStart } from './geometry.js';
import type { Inode } from './inode.js';
import { GD_FREE_BLOCKS, SB_FREE_BLOCKS } from './layout.js';
import type { Volume } from './volume.js';

interface Window {
  start: number;
  end: number;
  size: number;
}

const WINDOW_FIRST = 8;
const WINDOW_MAX = 1024;
/** Windows kept: more files than that do not grow at once. */
const WINDOWS = 64;

/** Allocates and frees blocks of one volume. */
export class BlockAllocator {
  /** Blocks that the last {@link BlockAllocator.allocate} gave, from its answer on. */
  got = 0;
  /** Blocks set aside for data that is still in memory only. */
  promised = 0;
  readonly #volume: Volume;
  readonly #changes: Changes;
  readonly #windows = new Map<number, Window>();
  #runAt = 0;
  #runLength = 0;

  constructor(volume: Volume, changes: Changes) {
    this.#volume = volume;
    this.#changes = changes;
  }

  /** Blocks that are free and not promised. */
  get available(): number {
    return this.#volume.superField(SB_FREE_BLOCKS) - this.promised;
  }

  /** First of `got` blocks in a row, 1 to `want`, near `goal`; ENOSPC. In a change. */
  *allocate(wait: Wait, inode: Inode, goal: number, want: number): Operation {
    const volume = this.#volume;
    const { groupCount, firstBlock, blockCount } = volume.geometry;
    // What is promised to data in memory is nobody else's.
    const most = inode.mapped.reserved > 0 ? want : Math.min(want, this.available);
    if (most < 1) return ENOSPC;
    const aim = goal > firstBlock && goal < blockCount ? goal : firstBlock + 1;
    const firstGroup = volume.groupOf(aim);
    // First without touching the windows of others, then with.
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < groupCount; i++) {
        const group = (firstGroup + i) % groupCount;
        if (volume.groupField(group, GD_FREE_BLOCKS) === 0) continue;
        const from = i === 0 ? aim - groupStart(volume.geometry, group) : 0;
        const found = yield* this.#search(wait, inode, group, from, most, pass === 0);
        if (isErrno(found)) return found;
        if (found > 0) return yield* this.#take(wait, inode, group, most);
      }
      if (this.#windows.size === 0) break;
    }
    return ENOSPC;
  }

  /** Finds a run of free blocks in a group: its length, 0 when there is none. */
  *#search(
    wait: Wait,
    inode: Inode,
    group: number,
    from: number,
    want: number,
    respect: boolean,
  ): Operation {
    const slot = yield* this.#volume.get(
      wait,
      this.#volume.blockBitmap(group),
      this.#changes.log.pins,
    );
    if (isErrno(slot)) return slot;
    const bitmap = this.#volume.view(slot);
    const count = groupBlocks(this.#volume.geometry, group);
    const start = groupStart(this.#volume.geometry, group);
    this.#runLength = 0;
    this.#scan(bitmap, start, from, count, want, inode, respect, from);
    if (this.#runLength < want && from > 0 && this.#runAt !== from) {
      this.#scan(bitmap, start, 0, from, want, inode, respect, -1);
    }
    this.#volume.ports.cache.release(slot);
    return this.#runLength;
  }

  /** The first run of `want` free blocks in `[from, to)`, else the longest; a run at `goal` at once. */
  #scan(
    bitmap: Uint8Array,
    start: number,
    from: number,
    to: number,
    want: number,
    inode: Inode,
    respect: boolean,
    goal: number,
  ): void {
    for (let bit = from; bit < to; ) {
      if ((bit & 7) === 0 && bitmap[bit >>> 3] === 0xff) {
        bit += 8;
        continue;
      }
      const skip = this.#blocked(bitmap, start, bit, inode, respect);
      if (skip > bit) {
        bit = skip;
        continue;
      }
      let end = bit + 1;
      while (
        end < to &&
        end - bit < want &&
        this.#blocked(bitmap, start, end, inode, respect) === end
      ) {
        end += 1;
      }
      if (end - bit > this.#runLength) {
        this.#runAt = bit;
        this.#runLength = end - bit;
        if (this.#runLength >= want || bit === goal) return;
      }
      bit = end;
    }
  }

  /** `bit` itself if its block may be taken, else the next bit worth a look. */
  #blocked(bitmap: Uint8Array, start: number, bit: number, inode: Inode, respect: boolean): number {
    if ((bitmap[bit >>> 3] & (1 << (bit & 7))) !== 0) return bit + 1;
    const block = start + bit;
    if (this.#changes.log.isHeldBack(block)) return bit + 1;
    if (!respect) return bit;
    for (const [owner, window] of this.#windows) {
      if (owner === inode.number) continue;
      if (block >= window.start && block < window.end) return window.end - start;
    }
    return bit;
  }

  /** Takes the run that the search found. */
  *#take(wait: Wait, inode: Inode, group: number, want: number): Operation {
    const volume = this.#volume;
    const at = this.#runAt;
    const length = Math.min(this.#runLength, want);
    const block = groupStart(volume.geometry, group) + at;
    const slot = yield* this.#openGroup(wait, group, volume.blockBitmap(group));
    if (isErrno(slot)) return slot;
    const bitmap = volume.view(slot);
    for (let bit = at; bit < at + length; bit++) {
      if (!volume.isUsable(block - at + bit)) {
        return volume.corrupt(`block bitmap of group ${group}: block ${block - at + bit} is free`);
      }
      assert((bitmap[bit >>> 3] & (1 << (bit & 7))) === 0, 'ext2: a block is allocated twice');
      bitmap[bit >>> 3] |= 1 << (bit & 7);
    }
    const status = this.#count(group, -length);
    if (isErrno(status)) return status;
    this.got = length;
    if (inode.isRegular) this.#moveWindow(inode, block + length, group);
    return block;
  }

  /** Opens what an allocation changes: descriptor, superblock, and the bitmap, whose slot it answers. */
  *#openGroup(wait: Wait, group: number, bitmap: number): Operation {
    const volume = this.#volume;
    const descriptor = yield* this.#changes.write(wait, volume.descriptorBlock(group));
    if (isErrno(descriptor)) return descriptor;
    const superblock = yield* this.#changes.write(wait, volume.superblockBlock);
    if (isErrno(superblock)) return superblock;
    return yield* this.#changes.write(wait, bitmap);
  }

  #count(group: number, amount: number): number {
    const volume = this.#volume;
    const inGroup = volume.groupField(group, GD_FREE_BLOCKS) + amount;
    if (inGroup < 0 || inGroup > groupBlocks(volume.geometry, group)) {
      return volume.corrupt(
        `group ${group}: ${inGroup - amount} free blocks contradict its bitmap`,
      );
    }
    const inAll = volume.superField(SB_FREE_BLOCKS) + amount;
    if (inAll < 0 || inAll > volume.geometry.blockCount) {
      return volume.corrupt(`superblock: ${inAll - amount} free blocks contradict the bitmaps`);
    }
    volume.addToGroup(group, GD_FREE_BLOCKS, amount);
    volume.setSuperField(SB_FREE_BLOCKS, inAll);
    return OK;
  }

  #moveWindow(inode: Inode, from: number, group: number): void {
    const { geometry } = this.#volume;
    const end = groupStart(geometry, group) + groupBlocks(geometry, group);
    let window = this.#windows.get(inode.number);
    if (window === undefined) {
      if (this.#windows.size >= WINDOWS) {
        for (const oldest of this.#windows.keys()) {
          this.#windows.delete(oldest);
          break;
        }
      }
      window = { start: 0, end: 0, size: WINDOW_FIRST };
      this.#windows.set(inode.number, window);
    } else if (from >= window.end || from < window.start) {
      window.size = Math.min(window.size * 2, WINDOW_MAX);
    } else {
      window.start = from;
      return;
    }
    window.start = from;
    window.end = Math.min(from + window.size, end);
  }

  /** The file grows no more: its window is anybody's. */
  closeWindow(inode: Inode): void {
    this.#windows.delete(inode.number);
  }

  /** Frees `count` blocks in a row; EUCLEAN when one is free already. In a change. */
  *free(wait: Wait, start: number, count: number): Operation {
    const volume = this.#volume;
    for (let block = start; block < start + count; ) {
      if (!volume.isUsable(block))
        return volume.corrupt(`block ${block} is freed; it is no data block`);
      const group = volume.groupOf(block);
      const first = groupStart(volume.geometry, group);
      const end = Math.min(start + count, first + groupBlocks(volume.geometry, group));
      const slot = yield* this.#openGroup(wait, group, volume.blockBitmap(group));
      if (isErrno(slot)) return slot;
      const bitmap = volume.view(slot);
      for (let at = block; at < end; at++) {
        const bit = at - first;
        if (!volume.isUsable(at))
          return volume.corrupt(`block ${at} is freed; it is no data block`);
        if ((bitmap[bit >>> 3] & (1 << (bit & 7))) === 0) {
          return volume.corrupt(`block ${at} is freed twice`);
        }
        bitmap[bit >>> 3] &= ~(1 << (bit & 7));
      }
      const status = this.#count(group, end - block);
      if (isErrno(status)) return status;
      this.#changes.freed(block, end - block);
      block = end;
    }
    return OK;
  }
}
