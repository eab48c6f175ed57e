/**
 * From a file's block index to a block of the volume, through up to three levels of pointer blocks.
 * The depth follows from the index, so that no damage can make a walk endless.
 */
import { assert, EFBIG, isErrno, OK } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { BlockAllocator } from './block-allocator.js';
import { get32, put32 } from './bytes.js';
import type { Changes } from './changes.js';
import type { Inode } from './inode.js';
import { DIRECT_BLOCKS } from './layout.js';
import { HOLE, RESERVED, UNKNOWN } from './mapped-blocks.js';
import type { Volume } from './volume.js';

/** Entries of a pointer block that one look brings into memory. */
const LEARNED = 256;
/** Answers of {@link BlockMap.cut}. */
export const CUT_DONE = 1;
export const CUT_MORE = 0;

/** Maps, allocates and frees the blocks of inodes. */
export class BlockMap {
  /** Blocks that a file can have at most, by its pointers and by the 32 bits of its sector count. */
  readonly blocksMax: number;
  readonly #volume: Volume;
  readonly #changes: Changes;
  readonly #allocator: BlockAllocator;
  /** Pointers in a block. */
  readonly #pointers: number;
  readonly #sectorsPerBlock: number;
  /** Offsets of the last path, outermost first. */
  readonly #path = [0, 0, 0];
  #runStart = 0;
  #runLength = 0;
  #stopped = false;

  constructor(volume: Volume, changes: Changes, allocator: BlockAllocator) {
    this.#volume = volume;
    this.#changes = changes;
    this.#allocator = allocator;
    const { blockBytes } = volume.geometry;
    this.#pointers = blockBytes / 4;
    this.#sectorsPerBlock = blockBytes / 512;
    const p = this.#pointers;
    const byPointers = DIRECT_BLOCKS + p + p * p + p * p * p;
    this.blocksMax = Math.min(byPointers, Math.floor((2 ** 32 - 2 ** 24) / this.#sectorsPerBlock));
  }

  /** Levels of pointer blocks above block `index`, 0 to 3; their offsets are in `#path`. */
  #depthOf(index: number): number {
    const p = this.#pointers;
    let at = index - DIRECT_BLOCKS;
    if (at < 0) return 0;
    for (let depth = 1, span = p; depth <= 3; depth++, span *= p) {
      if (at >= span) {
        at -= span;
        continue;
      }
      for (let level = 0, part = span / p; level < depth; level++, part /= p) {
        this.#path[level] = Math.floor(at / part) % p;
      }
      return depth;
    }
    return 4;
  }

  #bad(inode: Inode, index: number, block: number): number {
    return this.#volume.corrupt(
      `inode ${inode.number}: its block ${index} is said to be at ${block}`,
    );
  }

  /** Block of the volume, 0 for a hole, or an errno. */
  *lookup(wait: Wait, inode: Inode, index: number): Operation {
    const known = inode.mapped.get(index);
    if (known === HOLE || known === RESERVED) return 0;
    if (known !== UNKNOWN) return known;
    if (index >= this.blocksMax) return 0;
    const depth = this.#depthOf(index);
    const path = this.#path.slice(0, depth);
    let block = inode.blocks[depth === 0 ? index : DIRECT_BLOCKS + depth - 1];
    for (let level = 0; level < depth && block !== 0; level++) {
      if (!this.#volume.isUsable(block)) return this.#bad(inode, index, block);
      const slot = yield* this.#volume.get(wait, block);
      if (isErrno(slot)) return slot;
      const view = this.#volume.view(slot);
      block = get32(view, path[level] * 4);
      if (level === depth - 1) this.#learn(inode, index, view, path[level]);
      this.#volume.ports.cache.release(slot);
    }
    if (block !== 0 && !this.#volume.isUsable(block)) return this.#bad(inode, index, block);
    inode.mapped.learn(index, block === 0 ? HOLE : block);
    return block;
  }

  /** What the rest of a pointer block says, as far as one look is worth. */
  #learn(inode: Inode, index: number, view: Uint8Array, at: number): void {
    const end = Math.min(this.#pointers, at + LEARNED);
    for (let i = at; i < end; i++) {
      const block = get32(view, i * 4);
      if (block !== 0 && !this.#volume.isUsable(block)) continue;
      inode.mapped.learn(index + i - at, block === 0 ? HOLE : block);
    }
  }

  /**
   * Gives blocks to the hole that begins at `index`, at most `want`; how many, or an errno. In a
   * change; the caller has said that the inode changes and stores it.
   */
  *allocate(wait: Wait, inode: Inode, index: number, want: number): Operation {
    if (index >= this.blocksMax) return EFBIG;
    const depth = this.#depthOf(index);
    if (depth === 0) return yield* this.#allocateDirect(wait, inode, index, want);
    const path = this.#path.slice(0, depth);
    const top = DIRECT_BLOCKS + depth - 1;
    if (inode.blocks[top] === 0) {
      const block = yield* this.#newPointers(wait, inode, index);
      if (isErrno(block)) return block;
      inode.blocks[top] = block;
    }
    let block = inode.blocks[top];
    for (let level = 0; ; level++) {
      if (!this.#volume.isUsable(block)) return this.#bad(inode, index, block);
      const slot = yield* this.#changes.write(wait, block);
      if (isErrno(slot)) return slot;
      const view = this.#volume.view(slot);
      if (level === depth - 1) {
        return yield* this.#allocateLeaf(wait, inode, index, want, view, path[level]);
      }
      let next = get32(view, path[level] * 4);
      if (next === 0) {
        next = yield* this.#newPointers(wait, inode, index);
        if (isErrno(next)) return next;
        put32(view, path[level] * 4, next);
      }
      block = next;
    }
  }

  *#allocateDirect(wait: Wait, inode: Inode, index: number, want: number): Operation {
    let room = 0;
    while (room < want && index + room < DIRECT_BLOCKS && inode.blocks[index + room] === 0)
      room += 1;
    assert(room > 0, 'ext2: a block is allocated where there is one');
    const block = yield* this.#data(wait, inode, index, room);
    if (isErrno(block)) return block;
    for (let i = 0; i < this.#allocator.got; i++) inode.blocks[index + i] = block + i;
    return this.#took(inode, index, block);
  }

  *#allocateLeaf(
    wait: Wait,
    inode: Inode,
    index: number,
    want: number,
    view: Uint8Array,
    at: number,
  ): Operation {
    let room = 0;
    while (room < want && at + room < this.#pointers && get32(view, (at + room) * 4) === 0)
      room += 1;
    assert(room > 0, 'ext2: a block is allocated where there is one');
    const block = yield* this.#data(wait, inode, index, room);
    if (isErrno(block)) return block;
    for (let i = 0; i < this.#allocator.got; i++) put32(view, (at + i) * 4, block + i);
    return this.#took(inode, index, block);
  }

  /** Blocks for data: behind the one before, if that is known. */
  *#data(wait: Wait, inode: Inode, index: number, want: number): Operation {
    const before = index === 0 ? UNKNOWN : inode.mapped.get(index - 1);
    const known = before !== UNKNOWN && before !== HOLE && before !== RESERVED;
    return yield* this.#allocator.allocate(wait, inode, known ? before + 1 : inode.nextBlock, want);
  }

  #took(inode: Inode, index: number, block: number): number {
    const count = this.#allocator.got;
    const { mapped } = inode;
    const before: number[] = [];
    for (let i = 0; i < count; i++) {
      before.push(mapped.get(index + i));
      mapped.set(index + i, block + i);
    }
    this.#changes.onUndo(() => {
      for (let i = 0; i < count; i++) mapped.set(index + i, before[i]);
    });
    inode.sectors += count * this.#sectorsPerBlock;
    inode.nextBlock = block + count;
    return count;
  }

  *#newPointers(wait: Wait, inode: Inode, index: number): Operation {
    const block = yield* this.#data(wait, inode, index, 1);
    if (isErrno(block)) return block;
    const slot = yield* this.#changes.fresh(wait, block);
    if (isErrno(slot)) return slot;
    inode.sectors += this.#sectorsPerBlock;
    inode.nextBlock = block + 1;
    return block;
  }

  /**
   * Frees the blocks from `first` on, from the end: CUT_DONE, CUT_MORE when the change has grown long
   * and another must go on, or an errno. In a change; the inode as in {@link BlockMap.allocate}.
   */
  *cut(wait: Wait, inode: Inode, first: number): Operation {
    const p = this.#pointers;
    this.#stopped = false;
    this.#runLength = 0;
    const isMetadata = !inode.isRegular;
    for (let depth = 3; depth >= 1 && !this.#stopped; depth--) {
      const base = DIRECT_BLOCKS + (depth > 1 ? p : 0) + (depth > 2 ? p * p : 0);
      const at = DIRECT_BLOCKS + depth - 1;
      if (first >= base + p ** depth || inode.blocks[at] === 0) continue;
      const empty = yield* this.#cutBranch(wait, inode, inode.blocks[at], depth, base, first);
      if (isErrno(empty)) return empty;
      if (empty === 0) continue;
      const freed = yield* this.#freePointers(wait, inode, inode.blocks[at]);
      if (isErrno(freed)) return freed;
      inode.blocks[at] = 0;
    }
    for (let i = DIRECT_BLOCKS - 1; i >= first && !this.#stopped; i--) {
      if (inode.blocks[i] === 0) continue;
      const status = yield* this.#freeData(wait, inode, inode.blocks[i], isMetadata);
      if (isErrno(status)) return status;
      inode.blocks[i] = 0;
    }
    const flushed = yield* this.#flushRun(wait);
    if (isErrno(flushed)) return flushed;
    return this.#stopped ? CUT_MORE : CUT_DONE;
  }

  /** 1 when nothing is left below the block, else 0, or an errno. */
  *#cutBranch(
    wait: Wait,
    inode: Inode,
    block: number,
    depth: number,
    base: number,
    first: number,
  ): Operation {
    if (!this.#volume.isUsable(block)) return this.#bad(inode, base, block);
    const slot = yield* this.#changes.write(wait, block);
    if (isErrno(slot)) return slot;
    const view = this.#volume.view(slot);
    const span = this.#pointers ** (depth - 1);
    const from = Math.max(0, Math.floor((first - base) / span));
    for (let i = this.#pointers - 1; i >= from; i--) {
      const child = get32(view, i * 4);
      if (child === 0) continue;
      if (this.#changes.isLong) {
        this.#stopped = true;
        return 0;
      }
      if (depth === 1) {
        const status = yield* this.#freeData(wait, inode, child, !inode.isRegular);
        if (isErrno(status)) return status;
      } else {
        const empty = yield* this.#cutBranch(wait, inode, child, depth - 1, base + i * span, first);
        if (isErrno(empty)) return empty;
        if (empty === 0) {
          if (this.#stopped) return 0;
          continue;
        }
        const status = yield* this.#freePointers(wait, inode, child);
        if (isErrno(status)) return status;
      }
      put32(view, i * 4, 0);
    }
    return first <= base ? 1 : 0;
  }

  *#freePointers(wait: Wait, inode: Inode, block: number): Operation {
    return yield* this.#freeData(wait, inode, block, true);
  }

  /** Adds a block to the run that is freed next. */
  *#freeData(wait: Wait, inode: Inode, block: number, isMetadata: boolean): Operation {
    if (isMetadata) this.#changes.drop(block);
    inode.sectors = Math.max(0, inode.sectors - this.#sectorsPerBlock);
    if (this.#runLength > 0 && block === this.#runStart - 1) {
      this.#runStart = block;
      this.#runLength += 1;
      return OK;
    }
    const status = yield* this.#flushRun(wait);
    this.#runStart = block;
    this.#runLength = 1;
    return status;
  }

  *#flushRun(wait: Wait): Operation {
    const length = this.#runLength;
    this.#runLength = 0;
    return length === 0 ? OK : yield* this.#allocator.free(wait, this.#runStart, length);
  }

  /**
   * Makes a hole of blocks `from .. to - 1`; the index from which another change must go on, `to` at
   * the end, or an errno. Pointer blocks stay. In a change.
   */
  *punch(wait: Wait, inode: Inode, from: number, to: number): Operation {
    this.#runLength = 0;
    let index = from;
    for (; index < to && !this.#changes.isLong; index++) {
      const block = yield* this.lookup(wait, inode, index);
      if (isErrno(block)) return block;
      if (block === 0) continue;
      const unlinked = yield* this.#unlink(wait, inode, index);
      if (isErrno(unlinked)) return unlinked;
      const status = yield* this.#freeData(wait, inode, block, false);
      if (isErrno(status)) return status;
      inode.mapped.set(index, HOLE);
      this.#changes.onUndo(() => inode.mapped.set(index, block));
    }
    const flushed = yield* this.#flushRun(wait);
    return isErrno(flushed) ? flushed : index;
  }

  /** Clears the pointer to a block that is there. */
  *#unlink(wait: Wait, inode: Inode, index: number): Operation {
    const depth = this.#depthOf(index);
    if (depth === 0) {
      inode.blocks[index] = 0;
      return OK;
    }
    const path = this.#path.slice(0, depth);
    let block = inode.blocks[DIRECT_BLOCKS + depth - 1];
    for (let level = 0; ; level++) {
      if (!this.#volume.isUsable(block)) return this.#bad(inode, index, block);
      const last = level === depth - 1;
      const slot = last
        ? yield* this.#changes.write(wait, block)
        : yield* this.#volume.get(wait, block, this.#changes.log.pins);
      if (isErrno(slot)) return slot;
      const view = this.#volume.view(slot);
      block = get32(view, path[level] * 4);
      if (last) {
        put32(view, path[level] * 4, 0);
        return OK;
      }
      this.#volume.ports.cache.release(slot);
    }
  }
}
