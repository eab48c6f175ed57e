/**
 * Inodes of the extent file layer in memory, and the free blocks between them.
 *
 * For every block b: `owned(b)` is true for the superblock, the table, each block of an extent, and
 * each block given up since the inode table was last made durable: until then the disk still says
 * that it belongs to its old file.
 */
import { ArgumentError, assert, EFBIG, ENOSPC, NIL } from '@hotpath/hw-x86';
import { EXTENT_LIMIT, INODE_COUNT, type InodeImage, TABLE_BLOCKS } from './extent-layout.js';

/** A new extent begins, where it can, in a window of so many free blocks: files stay in one piece. */
const WINDOW_BLOCKS = 256;
const ROW = EXTENT_LIMIT * 3;
/** Generations have 24 bits and are compared round the corner. */
const GENERATIONS = 2 ** 24;

const FREE = 0;
const NAMED = 1;
/** Without a name, but open. */
const NAMELESS = 2;
/** Given up; the disk may still say that it is a file. */
const LEFT = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Names, sizes and extents of all files. */
export class ExtentMap {
  /** Bytes of each file. */
  readonly size = new Float64Array(INODE_COUNT);
  /** FREE .. LEFT. */
  readonly #state = new Uint8Array(INODE_COUNT);
  /** Which of two files on the disk has a name. */
  readonly #generation = new Uint32Array(INODE_COUNT);
  #lastGeneration = 0;
  /** EXTENT_LIMIT rows of (first page, first block, count) an inode; count 0 ends them. */
  readonly #extents = new Uint32Array(INODE_COUNT * ROW);
  readonly #names: string[] = new Array<string>(INODE_COUNT).fill('');
  readonly #byName = new Map<string, number>();
  /** 1 for an owned block. */
  readonly #owned: Uint8Array;
  /** Per inode: blocks given up since its image on disk was last made durable. */
  readonly #givenUp: number[][] = Array.from({ length: INODE_COUNT }, () => []);
  /** Per inode: given-up blocks that are free again. */
  readonly #released = new Float64Array(INODE_COUNT);
  #hint = TABLE_BLOCKS + 1;

  /** @param blockCount - blocks of the file layer */
  constructor(blockCount: number) {
    this.#owned = new Uint8Array(blockCount);
    this.#owned.fill(1, 0, TABLE_BLOCKS + 1);
  }

  /** Blocks that no file has. */
  get freeBlocks(): number {
    let free = 0;
    for (const owned of this.#owned) free += 1 - owned;
    return free;
  }

  /** Inode of a name, or NIL. */
  lookup(name: string): number {
    return this.#byName.get(name) ?? NIL;
  }

  /** Name of an inode. */
  nameOf(inode: number): string {
    return this.#names[inode];
  }

  /** Names of all files, sorted. */
  list(): string[] {
    return [...this.#byName.keys()].sort();
  }

  /** Inodes that could be created now. */
  get freeInodes(): number {
    return this.#state.reduce((free, state) => free + (state === FREE ? 1 : 0), 0);
  }

  /** True if the inode is a file, named or open. */
  isFile(inode: number): boolean {
    return this.#state[inode] === NAMED || this.#state[inode] === NAMELESS;
  }

  /** True if the inode has a name. */
  isNamed(inode: number): boolean {
    return this.#state[inode] === NAMED;
  }

  /** Blocks of a file. */
  blockCount(inode: number): number {
    let count = 0;
    for (let at = inode * ROW; at < inode * ROW + ROW; at += 3) count += this.#extents[at + 2];
    return count;
  }

  /** True if the inode was given up and the disk may still say that it is a file. */
  isLeft(inode: number): boolean {
    return this.#state[inode] === LEFT;
  }

  /** Inodes that were given up and are not free before the disk says so. */
  leftInodes(): number[] {
    const left: number[] = [];
    for (let inode = 0; inode < INODE_COUNT; inode++) {
      if (this.#state[inode] === LEFT) left.push(inode);
    }
    return left;
  }

  /** Takes a file's name away. */
  unname(inode: number): void {
    assert(this.#state[inode] === NAMED, 'a name is taken away that is not there');
    this.#state[inode] = NAMELESS;
    this.#byName.delete(this.#names[inode]);
    this.#names[inode] = '';
  }

  /** Another name, which nobody has. */
  rename(inode: number, name: string): void {
    assert(!this.#byName.has(name), 'a name is given twice');
    this.#byName.delete(this.#names[inode]);
    this.#name(inode, name);
  }

  /** Gives up a file without a name; its inode is free when that is durable. */
  leave(inode: number): void {
    assert(this.#state[inode] === NAMELESS, 'a file with a name is given up');
    this.truncate(inode, 0);
    this.size[inode] = 0;
    this.#state[inode] = LEFT;
  }

  /** The disk says that the inode is no file. */
  freeInode(inode: number): void {
    assert(this.#state[inode] === LEFT, 'an inode is freed that was not given up');
    this.#state[inode] = FREE;
  }

  /** A new empty file, or ENOSPC without a free inode. The name must not exist. */
  create(name: string): number {
    assert(!this.#byName.has(name), 'a name is created twice');
    const inode = this.#state.indexOf(FREE);
    if (inode < 0) return ENOSPC;
    this.#state[inode] = NAMED;
    this.#name(inode, name);
    this.size[inode] = 0;
    this.#extents.fill(0, inode * ROW, inode * ROW + ROW);
    return inode;
  }

  /** Block of a file's page, or NIL in a hole. */
  blockOf(inode: number, page: number): number {
    for (let at = inode * ROW; at < inode * ROW + ROW; at += 3) {
      const from = this.#extents[at];
      if (page >= from && page < from + this.#extents[at + 2]) {
        return this.#extents[at + 1] + page - from;
      }
    }
    return NIL;
  }

  /** Block of a page, a new one if it had none; or ENOSPC, or EFBIG when all extents are in use. */
  allocate(inode: number, page: number): number {
    const block = this.blockOf(inode, page);
    if (block !== NIL) return block;
    for (let at = inode * ROW; at < inode * ROW + ROW; at += 3) {
      const count = this.#extents[at + 2];
      if (count === 0) return this.#startExtent(at, page);
      const next = this.#extents[at + 1] + count;
      if (this.#extents[at] + count !== page || next >= this.#owned.length) continue;
      if (this.#owned[next] === 1) continue;
      this.#owned[next] = 1;
      this.#extents[at + 2] = count + 1;
      return next;
    }
    return EFBIG;
  }

  /** Gives up the pages from `firstPage` on; they stay owned until {@link ExtentMap.release}. */
  truncate(inode: number, firstPage: number): void {
    for (let at = inode * ROW; at < inode * ROW + ROW; at += 3) {
      const from = this.#extents[at];
      const count = this.#extents[at + 2];
      const keep = Math.min(count, Math.max(0, firstPage - from));
      const start = this.#extents[at + 1];
      for (let i = keep; i < count; i++) this.#givenUp[inode].push(start + i);
      this.#extents[at + 2] = keep;
    }
    this.#compact(inode);
  }

  /** Blocks that an inode has ever given up: a mark for {@link ExtentMap.release}. */
  givenUpMark(inode: number): number {
    return this.#released[inode] + this.#givenUp[inode].length;
  }

  /** Blocks that are given up and not free yet. */
  get givenUpCount(): number {
    return this.#givenUp.reduce((sum, blocks) => sum + blocks.length, 0);
  }

  /** An image of the inode that was made at `mark` is durable: what it no longer names is free. */
  release(inode: number, mark: number): void {
    const count = Math.max(0, mark - this.#released[inode]);
    this.#released[inode] += count;
    for (const block of this.#givenUp[inode].splice(0, count)) {
      assert(this.#owned[block] === 1, 'a free block is released');
      this.#owned[block] = 0;
    }
  }

  /** Fills an image for the disk. */
  encode(inode: number, image: InodeImage): void {
    image.used = this.#state[inode] === NAMED;
    image.generation = this.#generation[inode];
    image.size = this.size[inode];
    image.extents.set(this.#extents.subarray(inode * ROW, inode * ROW + ROW));
    image.name.fill(0);
    image.nameBytes = encoder.encodeInto(this.#names[inode], image.name).written;
  }

  /**
   * Takes an inode in from the disk, at mount. Of two with one name the later has it; the other was
   * replaced by it just before the power was cut.
   * @throws ArgumentError `ERR_INODE` for a file that names a block twice, or one outside the disk
   */
  decode(inode: number, image: InodeImage): void {
    if (!image.used) return;
    const name = decoder.decode(image.name.subarray(0, image.nameBytes));
    const other = this.#byName.get(name);
    if (name === '' || (other !== undefined && this.#generation[other] === image.generation)) {
      throw new ArgumentError(
        'ERR_INODE',
        `inode ${inode} is named "${name}"; allowed: one name each`,
      );
    }
    for (let at = 0; at < ROW; at += 3) {
      this.#claim(inode, image.extents[at + 1], image.extents[at + 2]);
    }
    this.#state[inode] = NAMED;
    this.#names[inode] = name;
    this.#generation[inode] = image.generation;
    if (isLater(image.generation, this.#lastGeneration)) this.#lastGeneration = image.generation;
    this.size[inode] = image.size;
    this.#extents.set(image.extents, inode * ROW);
    if (other !== undefined && isLater(this.#generation[other], image.generation)) {
      this.#state[inode] = NAMELESS;
      this.#names[inode] = '';
      this.leave(inode);
      return;
    }
    if (other !== undefined) {
      this.unname(other);
      this.leave(other);
    }
    this.#byName.set(name, inode);
  }

  /** Asserts that every block of an extent is owned and that no two files share one. */
  checkInvariants(): void {
    const seen = new Set<number>();
    for (let inode = 0; inode < INODE_COUNT; inode++) {
      if (!this.isFile(inode)) continue;
      const named = this.#byName.get(this.#names[inode]) === inode;
      assert(named === this.isNamed(inode), 'a file lost its name');
      for (let at = inode * ROW; at < inode * ROW + ROW; at += 3) {
        for (let i = 0; i < this.#extents[at + 2]; i++) {
          const block = this.#extents[at + 1] + i;
          assert(this.#owned[block] === 1, 'a block of a file is free');
          assert(!seen.has(block), 'two files share a block');
          seen.add(block);
        }
      }
    }
    for (const block of this.#givenUp.flat())
      assert(!seen.has(block), 'a given-up block is in a file');
  }

  #name(inode: number, name: string): void {
    this.#lastGeneration = (this.#lastGeneration + 1) % GENERATIONS;
    this.#generation[inode] = this.#lastGeneration;
    this.#names[inode] = name;
    this.#byName.set(name, inode);
  }

  #claim(inode: number, start: number, count: number): void {
    if (count === 0) return;
    if (start + count > this.#owned.length) {
      throw new ArgumentError(
        'ERR_INODE',
        `inode ${inode} has blocks up to ${start + count}; allowed: below ${this.#owned.length}`,
      );
    }
    for (let block = start; block < start + count; block++) {
      if (this.#owned[block] === 1) {
        throw new ArgumentError('ERR_INODE', `inode ${inode} has block ${block}, which is taken`);
      }
      this.#owned[block] = 1;
    }
  }

  #startExtent(at: number, page: number): number {
    const block = this.#findFree();
    if (block === NIL) return ENOSPC;
    this.#owned[block] = 1;
    this.#extents[at] = page;
    this.#extents[at + 1] = block;
    this.#extents[at + 2] = 1;
    this.#hint = block + 1;
    return block;
  }

  /** The start of a free window behind the last one, else any free block. */
  #findFree(): number {
    const blocks = this.#owned.length;
    const windows = Math.floor(blocks / WINDOW_BLOCKS);
    const first = Math.ceil(this.#hint / WINDOW_BLOCKS);
    for (let i = 0; i < windows; i++) {
      const start = ((first + i) % windows) * WINDOW_BLOCKS;
      const taken = this.#owned.indexOf(1, start);
      if (taken < 0 || taken >= start + WINDOW_BLOCKS) return start;
    }
    return this.#owned.indexOf(0);
  }

  /** Extents that became empty go to the end of their inode's rows. */
  #compact(inode: number): void {
    const base = inode * ROW;
    let to = base;
    for (let at = base; at < base + ROW; at += 3) {
      if (this.#extents[at + 2] === 0) continue;
      if (to !== at) this.#extents.copyWithin(to, at, at + 3);
      to += 3;
    }
    this.#extents.fill(0, to, base + ROW);
  }
}

function isLater(generation: number, other: number): boolean {
  return (generation - other + GENERATIONS) % GENERATIONS < GENERATIONS / 2;
}
