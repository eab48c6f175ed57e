import {
  ArgumentError,
  assert,
  type ByteCount,
  checkInteger,
  type Meter,
  type VirtAddr,
} from '@hotpath/hw-x86';
import { SITE_BASE } from './trace-events.js';

/** Bits of the second level: each power of two is cut into 16 lists. */
const SECOND_BITS = 4;
const SECOND_COUNT = 16;
/** Sizes below 128 bytes share first level 0, in steps of 8. */
const SMALL_BYTES = 128;
const FIRST_SHIFT = 7;
const FIRST_COUNT = 25;
/** Header of a block: size and flags, then the block before it in memory. */
const HEADER_BYTES = 8;
/** Header and the two links of a free block. */
const MIN_BLOCK = 16;
const FREE_FLAG = 1;

const SITE_FOUND = SITE_BASE + 48;
const SITE_SPLIT = SITE_BASE + 49;
const SITE_NEXT_FREE = SITE_BASE + 50;
const SITE_PREVIOUS_FREE = SITE_BASE + 51;
const SITE_LIST_EMPTY = SITE_BASE + 52;

/** Options of {@link GenericMalloc}. */
export interface GenericMallocOptions {
  /** Bytes of the heap, a multiple of 8, 64 to 1 GiB. */
  readonly byteCount: ByteCount;
  /** The heap's memory; default: a buffer of its own. */
  readonly buffer?: ArrayBufferLike;
  /** Where in `buffer` the heap starts, a multiple of 8; default 0. */
  readonly byteOffset?: ByteCount;
  readonly meter?: Meter | null;
}

/**
 * A generic malloc to compare slab caches with: two-level segregated fit (Masmano, Ripoll, Crespo,
 * Real 2004) with boundary tags. Any size, constant time, immediate coalescing; headers lie in front
 * of the blocks, in the heap itself, as in every malloc of this kind. Addresses are byte offsets in
 * the heap; 0 is none. A wrong `free` is not noticed here: a generic malloc cannot.
 *
 * Blocks follow each other without gaps; two free blocks never touch
 */
export class GenericMalloc {
  /** Bytes handed out, headers included. */
  usedBytes = 0;
  /** Highest offset that a block in use ever ended at. */
  peakExtent = 0;
  readonly byteCount: ByteCount;
  private readonly words: Int32Array;
  /** First free block of each pair of levels; 0: none. */
  private readonly lists = new Int32Array(FIRST_COUNT * SECOND_COUNT);
  /** Word 0: first levels that are not empty; then the second levels of each. */
  private readonly maps = new Int32Array(1 + FIRST_COUNT);
  private readonly meter: Meter | null;
  private readonly heapBase: VirtAddr;
  private readonly listsBase: VirtAddr;
  private readonly mapsBase: VirtAddr;

  /** @throws ArgumentError ERR_HEAP_BYTES */
  constructor(options: GenericMallocOptions) {
    const byteCount = checkInteger('ERR_HEAP_BYTES', 'byteCount', options.byteCount, 64, 2 ** 30);
    const byteOffset = options.byteOffset ?? 0;
    if (byteCount % 8 !== 0 || byteOffset % 8 !== 0) {
      throw new ArgumentError(
        'ERR_HEAP_BYTES',
        `heap ${byteOffset}+${byteCount}; allowed: multiples of 8`,
      );
    }
    this.byteCount = byteCount;
    this.words = new Int32Array(
      options.buffer ?? new ArrayBuffer(byteCount),
      byteOffset,
      byteCount / 4,
    );
    this.meter = null;
    this.heapBase = this.listsBase = this.mapsBase = 0;
    // First block behind an unused word pair, last a header of size 0 that is never free.
    const size = byteCount - 2 * HEADER_BYTES;
    this.writeHeader(8, size, 0);
    this.writeHeader(byteCount - HEADER_BYTES, 0, 8);
    this.insert(8, size);
    this.meter = options.meter ?? null;
    if (this.meter === null) return;
    this.heapBase = this.meter.region('malloc.heap', byteCount);
    this.listsBase = this.meter.region('malloc.lists', this.lists.byteLength);
    this.mapsBase = this.meter.region('malloc.maps', this.maps.byteLength);
  }

  /** Offset of at least `byteCount` bytes, aligned to 8, or 0. O(1). */
  malloc(byteCount: ByteCount): number {
    if (!(byteCount >= 0 && byteCount <= this.byteCount)) return 0;
    const size = blockBytes(byteCount);
    const block = this.find(size);
    if (this.meter !== null) this.meter.branch(SITE_FOUND, block !== 0);
    if (block === 0) return 0;
    const found = this.read(block) & -8;
    this.remove(block, found);
    this.use(block, found, size);
    return block + HEADER_BYTES;
  }

  /** Takes a block back; 0 is ignored. O(1). */
  free(address: number): void {
    if (address === 0) return;
    let block = address - HEADER_BYTES;
    let size = this.read(block) & -8;
    assert((this.words[block >> 2] & FREE_FLAG) === 0, 'a generic block is freed once');
    this.usedBytes -= size;
    const next = block + size;
    const nextWord = this.read(next);
    if (this.meter !== null) this.meter.branch(SITE_NEXT_FREE, (nextWord & FREE_FLAG) !== 0);
    if ((nextWord & FREE_FLAG) !== 0) {
      this.remove(next, nextWord & -8);
      size += nextWord & -8;
    }
    const previous = this.read(block + 4);
    const previousFree = previous !== 0 && (this.read(previous) & FREE_FLAG) !== 0;
    if (this.meter !== null) this.meter.branch(SITE_PREVIOUS_FREE, previousFree);
    if (previousFree) {
      const previousBytes = this.read(previous) & -8;
      this.remove(previous, previousBytes);
      block = previous;
      size += previousBytes;
    }
    this.write(block + size + 4, block);
    this.insert(block, size);
  }

  /** Bytes that the block at `address` has. */
  sizeOf(address: number): ByteCount {
    return (this.read(address - HEADER_BYTES) & -8) - HEADER_BYTES;
  }

  /** Grows into a free neighbour where it can, else moves; 0 when memory is out, the old block stays. */
  realloc(address: number, byteCount: ByteCount): number {
    if (address === 0) return this.malloc(byteCount);
    if (!(byteCount >= 0 && byteCount <= this.byteCount)) return 0;
    const block = address - HEADER_BYTES;
    const old = this.read(block) & -8;
    const size = blockBytes(byteCount);
    let room = old;
    const nextWord = this.read(block + old);
    if (size > old && (nextWord & FREE_FLAG) !== 0) room += nextWord & -8;
    if (size <= room) {
      if (room > old) this.remove(block + old, nextWord & -8);
      this.usedBytes -= old;
      this.use(block, room, size);
      return address;
    }
    const moved = this.malloc(byteCount);
    if (moved === 0) return 0;
    const from = address >> 2;
    this.words.copyWithin(moved >> 2, from, from + ((old - HEADER_BYTES) >> 2));
    this.free(address);
    return moved;
  }

  /** Marks `size` bytes of a block of `found` as used and gives the rest back. */
  private use(block: number, found: number, size: number): void {
    const rest = found - size;
    const splits = rest >= MIN_BLOCK;
    if (this.meter !== null) this.meter.branch(SITE_SPLIT, splits);
    const taken = splits ? size : found;
    this.write(block, taken);
    if (splits) {
      let restBytes = rest;
      const behind = this.read(block + found);
      // Only after a shrink in place can the block behind be free.
      if ((behind & FREE_FLAG) !== 0) {
        this.remove(block + found, behind & -8);
        restBytes += behind & -8;
      }
      this.write(block + size + 4, block);
      this.write(block + size + restBytes + 4, block + size);
      this.insert(block + size, restBytes);
    } else {
      this.write(block + found + 4, block);
    }
    this.usedBytes += taken;
    if (block + taken > this.peakExtent) this.peakExtent = block + taken;
  }

  /** First block of a list whose blocks all have at least `size` bytes, or 0. */
  private find(size: number): number {
    // Rounded up to the next list, so that its first block is large enough: good fit in O(1).
    const rounded = size < SMALL_BYTES ? size : size + (1 << (27 - Math.clz32(size))) - 1;
    let first = firstLevel(rounded);
    if (this.meter !== null) this.meter.retire(8);
    let map = this.readMap(1 + first) & (-1 << secondLevel(rounded, first));
    if (map === 0) {
      const higher = this.readMap(0) & (-1 << (first + 1));
      if (higher === 0) return 0;
      first = 31 - Math.clz32(higher & -higher);
      map = this.readMap(1 + first);
    }
    const second = 31 - Math.clz32(map & -map);
    const list = first * SECOND_COUNT + second;
    if (this.meter !== null) this.meter.load(this.listsBase + list * 4);
    return this.lists[list];
  }

  private insert(block: number, size: number): void {
    const first = firstLevel(size);
    const second = secondLevel(size, first);
    const list = first * SECOND_COUNT + second;
    const next = this.lists[list];
    if (this.meter !== null) {
      this.meter.load(this.listsBase + list * 4);
      this.meter.store(this.listsBase + list * 4);
      this.meter.retire(10);
      this.meter.branch(SITE_LIST_EMPTY, next === 0);
    }
    this.write(block, size | FREE_FLAG);
    this.write(block + 8, next);
    this.write(block + 12, 0);
    if (next !== 0) this.write(next + 12, block);
    this.lists[list] = block;
    this.writeMap(0, this.readMap(0) | (1 << first));
    this.writeMap(1 + first, this.readMap(1 + first) | (1 << second));
  }

  private remove(block: number, size: number): void {
    const next = this.read(block + 8);
    const previous = this.read(block + 12);
    if (next !== 0) this.write(next + 12, previous);
    if (this.meter !== null) this.meter.branch(SITE_LIST_EMPTY, previous === 0);
    if (previous !== 0) {
      this.write(previous + 8, next);
      return;
    }
    const first = firstLevel(size);
    const second = secondLevel(size, first);
    const list = first * SECOND_COUNT + second;
    assert(this.lists[list] === block, 'a block without a previous one is first of its list');
    this.lists[list] = next;
    if (this.meter !== null) {
      this.meter.store(this.listsBase + list * 4);
      this.meter.retire(8);
    }
    if (next !== 0) return;
    const map = this.readMap(1 + first) & ~(1 << second);
    this.writeMap(1 + first, map);
    if (map === 0) this.writeMap(0, this.readMap(0) & ~(1 << first));
  }

  private writeHeader(block: number, word: number, previous: number): void {
    this.write(block, word);
    this.write(block + 4, previous);
  }

  private read(offset: number): number {
    if (this.meter !== null) this.meter.load(this.heapBase + offset);
    return this.words[offset >> 2];
  }

  private write(offset: number, value: number): void {
    if (this.meter !== null) this.meter.store(this.heapBase + offset);
    this.words[offset >> 2] = value;
  }

  private readMap(word: number): number {
    if (this.meter !== null) this.meter.load(this.mapsBase + word * 4);
    return this.maps[word];
  }

  private writeMap(word: number, value: number): void {
    if (this.meter !== null) this.meter.store(this.mapsBase + word * 4);
    this.maps[word] = value;
  }

  /** Walks all blocks and lists; throws InvariantError. O(blocks). */
  checkInvariants(): void {
    let previous = 0;
    let wasFree = false;
    let used = 0;
    let free = 0;
    const end = this.byteCount - HEADER_BYTES;
    let block = 8;
    for (; block < end; block += this.words[block >> 2] & -8) {
      const size = this.words[block >> 2] & -8;
      const isFree = (this.words[block >> 2] & FREE_FLAG) !== 0;
      assert(size >= MIN_BLOCK, 'a block holds a header and two links');
      assert(this.words[(block + 4) >> 2] === previous, 'the boundary tag names the block before');
      assert(!(isFree && wasFree), 'two free blocks never touch');
      if (isFree) free += 1;
      else used += size;
      wasFree = isFree;
      previous = block;
    }
    assert(block === end, 'the blocks fill the heap');
    assert(used === this.usedBytes, 'used bytes are those of the blocks');
    for (let list = 0; list < this.lists.length; list += 1) {
      const first = Math.floor(list / SECOND_COUNT);
      const mapped = (this.maps[1 + first] & (1 << (list % SECOND_COUNT))) !== 0;
      assert(mapped === (this.lists[list] !== 0), 'the maps tell which lists are empty');
      for (let at = this.lists[list]; at !== 0; at = this.words[(at + 8) >> 2]) {
        const size = this.words[at >> 2] & -8;
        assert(
          firstLevel(size) * SECOND_COUNT + secondLevel(size, firstLevel(size)) === list,
          'a free block is in the list of its size',
        );
        free -= 1;
      }
    }
    assert(free === 0, 'every free block is in a list');
  }
}

function blockBytes(byteCount: ByteCount): number {
  return Math.max(MIN_BLOCK, (byteCount + HEADER_BYTES + 7) & -8);
}

function firstLevel(size: number): number {
  return size < SMALL_BYTES ? 0 : 32 - Math.clz32(size) - FIRST_SHIFT;
}

function secondLevel(size: number, first: number): number {
  return first === 0 ? size >> 3 : (size >> (first + FIRST_SHIFT - 1 - SECOND_BITS)) - SECOND_COUNT;
}
