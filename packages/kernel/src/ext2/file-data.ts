/**
 * Contents of files: pages to and from frames. The block cache indexes a page's blocks inside the
 * page's own frame. Blocks are given to data when it is written, not before: until then only room is
 * set aside, so that what is written together lies together.
 */
import {
  assert,
  EFBIG,
  EINVAL,
  EISDIR,
  ENOSPC,
  ENOSYS,
  EROFS,
  isErrno,
  OK,
  PAGE_BYTES,
} from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import type { BlockAllocator } from './block-allocator.js';
import { type BlockMap, CUT_DONE } from './block-map.js';
import type { Changes } from './changes.js';
import type { Inode } from './inode.js';
import type { InodeTable } from './inode-table.js';
import { DIRECT_BLOCKS, READ_ONLY_LARGE_FILE, SB_READ_ONLY, SB_REVISION } from './layout.js';
import { HOLE, RESERVED, UNKNOWN } from './mapped-blocks.js';
import type { Orphans } from './orphans.js';
import { Requests } from './requests.js';
import type { Volume } from './volume.js';

/** Size from which a file needs the feature large_file. */
const LARGE_FILE_BYTES = 2 ** 31;

/** What the data of files works on. */
export interface FileDataParts {
  readonly volume: Volume;
  readonly changes: Changes;
  readonly table: InodeTable;
  readonly map: BlockMap;
  readonly allocator: BlockAllocator;
  readonly orphans: Orphans;
}

/** Data of the files of one volume. */
export class FileData {
  readonly #volume: Volume;
  readonly #changes: Changes;
  readonly #table: InodeTable;
  readonly #map: BlockMap;
  readonly #allocator: BlockAllocator;
  readonly #orphans: Orphans;
  readonly #blockBytes: number;
  readonly #blocksPerPage: number;
  /** Block that the block cache indexes at each address inside a page's frame. */
  readonly #blockAt = new Map<number, number>();

  constructor(parts: FileDataParts) {
    this.#volume = parts.volume;
    this.#changes = parts.changes;
    this.#table = parts.table;
    this.#map = parts.map;
    this.#allocator = parts.allocator;
    this.#orphans = parts.orphans;
    this.#blockBytes = parts.volume.geometry.blockBytes;
    this.#blocksPerPage = PAGE_BYTES / this.#blockBytes;
  }

  /** Largest size of a file, in bytes. */
  get bytesMax(): number {
    return this.#map.blocksMax * this.#blockBytes;
  }

  /** As `FileSystem.readPages`. */
  *readPages(
    wait: Wait,
    inode: Inode,
    page: number,
    frames: Float64Array,
    count: number,
  ): Operation {
    const { cache, device, memory } = this.#volume.ports;
    const perPage = this.#blocksPerPage;
    const first = page * perPage;
    const blocks = new Float64Array(count * perPage);
    for (let i = 0; i < blocks.length; i++) {
      const block = yield* this.#map.lookup(wait, inode, first + i);
      if (isErrno(block)) return block;
      blocks[i] = block;
    }
    const requests = new Requests();
    for (let i = 0; i < blocks.length; ) {
      const address = frames[Math.floor(i / perPage)] + (i % perPage) * this.#blockBytes;
      if (blocks[i] === 0) {
        memory.fill(address, this.#blockBytes, 0);
        i += 1;
        continue;
      }
      let run = 1;
      while ((i + run) % perPage !== 0 && blocks[i + run] === blocks[i] + run) run += 1;
      for (let k = 0; k < run; k++) {
        this.#blockAt.set(address + k * this.#blockBytes, blocks[i] + k);
      }
      const bytes = run * this.#blockBytes;
      requests.add(cache.attach(device, blocks[i], address, bytes, requests, 0));
      i += run;
    }
    const status = yield* requests.settle(wait);
    if (!isErrno(status)) this.#clearTail(inode, page, frames, count);
    return status;
  }

  /** Bytes of the last page behind the end of the file are zeros, whatever lies on the disk. */
  #clearTail(inode: Inode, page: number, frames: Float64Array, count: number): void {
    const last = Math.floor(inode.size / PAGE_BYTES);
    const inside = inode.size % PAGE_BYTES;
    if (inside === 0 || last < page || last >= page + count) return;
    this.#volume.ports.memory.fill(frames[last - page] + inside, PAGE_BYTES - inside, 0);
  }

  /** As `FileSystem.forgetFrame`. */
  forgetFrame(frame: number): void {
    if (this.#blockAt.size === 0) return;
    const { cache, device } = this.#volume.ports;
    for (let i = 0; i < this.#blocksPerPage; i++) {
      const address = frame + i * this.#blockBytes;
      const block = this.#blockAt.get(address);
      if (block === undefined) continue;
      const status = cache.detach(device, block, address, this.#blockBytes);
      assert(status === OK, 'ext2: a page leaves its frame while its block is in use');
      this.#blockAt.delete(address);
    }
  }

  /** As `FileSystem.writePages`. */
  *writePages(
    wait: Wait,
    inode: Inode,
    page: number,
    frames: Float64Array,
    count: number,
    byteCount: number,
  ): Operation {
    assert(byteCount <= count * PAGE_BYTES, 'ext2: more bytes than frames');
    const first = page * this.#blocksPerPage;
    const end = page * PAGE_BYTES + byteCount;
    const last = Math.ceil(end / this.#blockBytes);
    for (let from = first; from < last; ) {
      let to = this.#mappedUpTo(inode, from, last);
      let ticket = -1;
      if (to < last || end > inode.size) {
        to = yield* this.#changes.run(wait, () => this.#mapForWrite(wait, inode, from, last, end));
        if (isErrno(to)) return to;
        ticket = this.#changes.log.dataBegins();
      }
      const status = yield* this.#writeBlocks(wait, inode, from, to, frames, first);
      if (ticket >= 0) this.#changes.log.dataDone(ticket);
      if (isErrno(status)) return status;
      from = to;
    }
    return OK;
  }

  /** First block from `from` on that is not known to have a place, at most `last`. */
  #mappedUpTo(inode: Inode, from: number, last: number): number {
    const { mapped } = inode;
    let to = from;
    while (to < last) {
      const block = mapped.get(to);
      if (block === UNKNOWN || block === HOLE || block === RESERVED) break;
      to += 1;
    }
    return to;
  }

  /** Gives places to blocks `from .. last - 1`, or as many as one change may; the first without. */
  *#mapForWrite(wait: Wait, inode: Inode, from: number, last: number, end: number): Operation {
    this.#table.change(inode);
    const { mapped } = inode;
    const reservedBefore = mapped.reserved;
    let index = from;
    while (index < last && !this.#changes.isLong) {
      const block = yield* this.#map.lookup(wait, inode, index);
      if (isErrno(block)) return block;
      if (block !== 0) {
        index += 1;
        continue;
      }
      let run = 1;
      while (index + run < last && isHole(mapped.get(index + run))) run += 1;
      const got = yield* this.#map.allocate(wait, inode, index, run);
      if (isErrno(got)) return got;
      index += got;
    }
    const size = Math.min(end, index * this.#blockBytes);
    const grown = yield* this.#setSize(wait, inode, Math.max(size, inode.size));
    if (isErrno(grown)) return grown;
    const stored = yield* this.#table.store(wait, inode);
    if (isErrno(stored)) return stored;
    this.#keepPromise(inode, reservedBefore - mapped.reserved);
    return index;
  }

  *#setSize(wait: Wait, inode: Inode, size: number): Operation {
    const volume = this.#volume;
    if (
      size >= LARGE_FILE_BYTES &&
      (volume.superField(SB_READ_ONLY) & READ_ONLY_LARGE_FILE) === 0
    ) {
      if (volume.superField(SB_REVISION) === 0) return EFBIG;
      const slot = yield* this.#changes.write(wait, volume.superblockBlock);
      if (isErrno(slot)) return slot;
      const features = volume.superField(SB_READ_ONLY) | READ_ONLY_LARGE_FILE;
      volume.setSuperField(SB_READ_ONLY, features);
    }
    inode.size = size;
    return OK;
  }

  *#writeBlocks(
    wait: Wait,
    inode: Inode,
    from: number,
    to: number,
    frames: Float64Array,
    first: number,
  ): Operation {
    const { cache, device } = this.#volume.ports;
    const { mapped } = inode;
    const perPage = this.#blocksPerPage;
    const requests = new Requests();
    for (let index = from; index < to; ) {
      const block = mapped.get(index);
      const addresses: number[] = [];
      for (let at = index; at < to && mapped.get(at) === block + at - index; at++) {
        const inRun = at - first;
        addresses.push(frames[Math.floor(inRun / perPage)] + (inRun % perPage) * this.#blockBytes);
      }
      assert(this.#volume.isUsable(block), 'ext2: data is written where no data may be');
      requests.add(cache.write(device, block, addresses.length, addresses, requests, 0));
      index += addresses.length;
    }
    return yield* requests.settle(wait);
  }

  /** `count` blocks set aside have been allocated: nobody else waits for them. */
  #keepPromise(inode: Inode, count: number): void {
    const pointers = inode.mapped.reserved === 0 ? inode.promisedPointers : 0;
    const leaves = [...inode.promisedLeaves];
    this.#allocator.promised -= count + pointers;
    inode.promisedPointers -= pointers;
    if (inode.mapped.reserved === 0) inode.promisedLeaves.clear();
    this.#changes.onUndo(() => {
      this.#allocator.promised += count + pointers;
      inode.promisedPointers += pointers;
      for (const leaf of leaves) inode.promisedLeaves.add(leaf);
    });
  }

  /** Gives back what is set aside from block `first` on. */
  #breakPromise(inode: Inode, first: number): void {
    this.#allocator.promised -= inode.mapped.cut(first);
    if (inode.mapped.reserved > 0) return;
    this.#allocator.promised -= inode.promisedPointers;
    inode.promisedPointers = 0;
    inode.promisedLeaves.clear();
  }

  /** As `FileSystem.reserve`: sets room aside for data and for the pointers to it. */
  *reserve(wait: Wait, inode: Inode, page: number, count: number): Operation {
    if (this.#changes.readOnly || this.#changes.log.aborted !== OK) return EROFS;
    const from = page * this.#blocksPerPage;
    const to = from + count * this.#blocksPerPage;
    if (to > this.#map.blocksMax) return EFBIG;
    for (let index = from; index < to; index++) {
      const block = yield* this.#map.lookup(wait, inode, index);
      if (isErrno(block)) return block;
    }
    const { mapped } = inode;
    const fresh: number[] = [];
    const leaves = new Set<number>();
    let pointers = 0;
    for (let index = from; index < to; index++) {
      if (mapped.get(index) !== HOLE) continue;
      fresh.push(index);
      const leaf = Math.floor((index - DIRECT_BLOCKS) / (this.#blockBytes / 4));
      if (leaf < 0 || leaves.has(leaf) || inode.promisedLeaves.has(leaf)) continue;
      leaves.add(leaf);
      pointers += leaf === 0 ? 1 : 3;
    }
    if (fresh.length + pointers > this.#allocator.available) return ENOSPC;
    for (const index of fresh) mapped.set(index, RESERVED);
    for (const leaf of leaves) inode.promisedLeaves.add(leaf);
    inode.promisedPointers += pointers;
    this.#allocator.promised += fresh.length + pointers;
    return OK;
  }

  /** As `FileSystem.isReserved`. */
  isReserved(inode: Inode, page: number): boolean {
    const { mapped } = inode;
    const from = page * this.#blocksPerPage;
    for (let index = from; index < from + this.#blocksPerPage; index++) {
      const block = mapped.get(index);
      if (block === UNKNOWN || block === HOLE) return false;
    }
    return true;
  }

  /** As `FileSystem.truncate`. A cut that is too long for one change goes on after a crash. */
  *truncate(wait: Wait, inode: Inode, size: number, now: number): Operation {
    if (inode.isDirectory) return EISDIR;
    if (!inode.isRegular || !(size >= 0)) return EINVAL;
    if (size > this.bytesMax) return EFBIG;
    const shrinks = size < inode.size;
    const keep = Math.ceil(size / this.#blockBytes);
    if (shrinks && size % this.#blockBytes !== 0) {
      const cleared = yield* this.#clearOnDisk(wait, inode, size);
      if (isErrno(cleared)) return cleared;
    }
    let done = true;
    const status = yield* this.#changes.run(wait, () =>
      this.#shortenFirst(wait, inode, size, keep, now, (finished) => {
        done = finished;
      }),
    );
    if (isErrno(status)) return status;
    if (shrinks) this.#breakPromise(inode, keep);
    return done ? OK : yield* this.finishCut(wait, inode, keep);
  }

  *#shortenFirst(
    wait: Wait,
    inode: Inode,
    size: number,
    keep: number,
    now: number,
    tell: (finished: boolean) => void,
  ): Operation {
    this.#table.change(inode);
    const shrinks = size < inode.size;
    const sized = yield* this.#setSize(wait, inode, size);
    if (isErrno(sized)) return sized;
    inode.modified = now;
    inode.changed = now;
    const cut = shrinks ? yield* this.#map.cut(wait, inode, keep) : CUT_DONE;
    if (isErrno(cut)) return cut;
    tell(cut === CUT_DONE);
    if (cut !== CUT_DONE) {
      const added = yield* this.#orphans.add(wait, inode);
      if (isErrno(added)) return added;
    }
    return yield* this.#table.store(wait, inode);
  }

  /** Goes on with a cut that the list of orphans remembers. */
  *finishCut(wait: Wait, inode: Inode, keep: number): Operation {
    for (let done = false; !done; ) {
      const status = yield* this.#changes.run(wait, () =>
        this.#shortenOn(wait, inode, keep, (finished) => {
          done = finished;
        }),
      );
      if (isErrno(status)) return status;
    }
    return OK;
  }

  *#shortenOn(
    wait: Wait,
    inode: Inode,
    keep: number,
    tell: (finished: boolean) => void,
  ): Operation {
    this.#table.change(inode);
    const cut = yield* this.#map.cut(wait, inode, keep);
    if (isErrno(cut)) return cut;
    tell(cut === CUT_DONE);
    if (cut === CUT_DONE && inode.orphan && inode.links > 0) {
      const removed = yield* this.#orphans.remove(wait, inode);
      if (isErrno(removed)) return removed;
    }
    return yield* this.#table.store(wait, inode);
  }

  /** Zeros behind the new end in its block, so that they are zeros when the file grows again. */
  *#clearOnDisk(wait: Wait, inode: Inode, size: number): Operation {
    if (this.#changes.readOnly || this.#changes.log.aborted !== OK) return EROFS;
    const block = yield* this.#map.lookup(wait, inode, Math.floor(size / this.#blockBytes));
    if (isErrno(block) || block === 0) return block;
    const { cache } = this.#volume.ports;
    const slot = yield* this.#volume.get(wait, block, this.#changes.log.pins);
    if (isErrno(slot)) return slot;
    this.#volume.view(slot).fill(0, size % this.#blockBytes);
    const status = yield* wait.settle(cache.writeSlot(slot, false, wait, 0));
    if (isErrno(status)) cache.takeDirty(slot);
    cache.release(slot);
    return status;
  }

  /** As `FileSystem.punch`. */
  *punch(wait: Wait, inode: Inode, page: number, count: number): Operation {
    if (!inode.isRegular) return ENOSYS;
    const to = Math.min((page + count) * this.#blocksPerPage, this.#map.blocksMax);
    for (let from = page * this.#blocksPerPage; from < to; ) {
      const start = from;
      const next = yield* this.#changes.run(wait, () => this.#punchPart(wait, inode, start, to));
      if (isErrno(next)) return next;
      from = next;
    }
    return OK;
  }

  *#punchPart(wait: Wait, inode: Inode, from: number, to: number): Operation {
    this.#table.change(inode);
    const next = yield* this.#map.punch(wait, inode, from, to);
    if (isErrno(next)) return next;
    const stored = yield* this.#table.store(wait, inode);
    return isErrno(stored) ? stored : next;
  }

  /** The file leaves memory: room set aside and its window are given back. */
  release(inode: Inode): void {
    this.#breakPromise(inode, 0);
    this.#allocator.closeWindow(inode);
  }
}

function isHole(known: number): boolean {
  return known === HOLE || known === RESERVED;
}
