import { assert } from '../../errors.js';
import type { SparseBlocks } from './sparse-blocks.js';

/** Versions whose data share one array. */
const SLAB_VERSIONS = 64;
const NONE = -1;

/** A version as a snapshot holds it; block NIL if it is superseded. */
interface SavedVersion {
  readonly block: number;
  readonly write: number;
  readonly data: Uint8Array;
}

/** What {@link WriteCache.save} answers. */
export interface SavedCache {
  readonly head: number;
  readonly versions: readonly SavedVersion[];
}

/**
 * Volatile write cache: every completed write that no FLUSH has made durable, in order of
 * completion. All versions of a block are kept, since a real drive may have put any of them on the
 * medium before the power went.
 *
 * A version has a sequence number; its columns lie at `sequence % capacity`.
 * For all s in head..tail-1: blockOf[s] is a block, or NONE when a durable write superseded it.
 * newest(b) is the largest s with blockOf[s] === b; olderOf[s] the next smaller one, or NONE.
 */
export class WriteCache {
  readonly capacity: number;
  readonly #medium: SparseBlocks;
  readonly #blockBytes: number;
  readonly #blockOf: Float64Array;
  readonly #olderOf: Float64Array;
  readonly #writeOf: Float64Array;
  readonly #data: (Uint8Array | undefined)[];
  readonly #newest = new Map<number, number>();
  #head = 0;
  #tail = 0;

  /** @param capacity - versions that fit, at least 1 */
  constructor(medium: SparseBlocks, capacity: number) {
    this.#medium = medium;
    this.#blockBytes = medium.blockBytes;
    assert(capacity >= 1, 'a cache holds one version at least');
    this.capacity = capacity;
    this.#blockOf = new Float64Array(capacity);
    this.#olderOf = new Float64Array(capacity);
    this.#writeOf = new Float64Array(capacity);
    this.#data = new Array(Math.ceil(capacity / SLAB_VERSIONS));
  }

  /** Versions held. */
  get length(): number {
    return this.#tail - this.#head;
  }

  /** Sequence number of the next version; a FLUSH remembers it as its target. */
  get tail(): number {
    return this.#tail;
  }

  /** Sequence number of the oldest version. */
  get head(): number {
    return this.#head;
  }

  /** Blocks that have a version here. */
  get dirtyCount(): number {
    return this.#newest.size;
  }

  has(block: number): boolean {
    return this.#newest.has(block);
  }

  /** Copies the newest version to `target[offset ..]`; false when the cache has none. */
  read(block: number, target: Uint8Array, offset: number): boolean {
    const sequence = this.#newest.get(block);
    if (sequence === undefined) return false;
    const start = this.#dataOffset(sequence);
    target.set(this.#slab(sequence).subarray(start, start + this.#blockBytes), offset);
    return true;
  }

  /**
   * Adds a version with `source[offset ..]`, belonging to the write with the given number; a full
   * cache puts its oldest version on the medium first.
   */
  put(block: number, source: Uint8Array, offset: number, write: number): void {
    assert(offset + this.#blockBytes <= source.length, 'a version has a whole block of data');
    if (this.length === this.capacity) this.#destageHead();
    const sequence = this.#tail++;
    const index = sequence % this.capacity;
    this.#blockOf[index] = block;
    this.#writeOf[index] = write;
    this.#olderOf[index] = this.#newest.get(block) ?? NONE;
    this.#newest.set(block, sequence);
    const end = offset + this.#blockBytes;
    this.#slab(sequence).set(source.subarray(offset, end), this.#dataOffset(sequence));
  }

  /** Forgets all versions of a block: a durable write or a discard superseded them. */
  supersede(block: number): void {
    let sequence = this.#newest.get(block) ?? NONE;
    if (sequence === NONE) return;
    this.#newest.delete(block);
    while (sequence >= this.#head) {
      const index = sequence % this.capacity;
      assert(this.#blockOf[index] === block, 'a chain holds versions of one block');
      this.#blockOf[index] = NONE;
      sequence = this.#olderOf[index];
    }
  }

  /** Forgets the versions of a range, looking at whichever is smaller: the range or the cache. */
  supersedeRange(block: number, blockCount: number): void {
    if (blockCount <= this.#newest.size) {
      for (let b = block; b < block + blockCount; b++) this.supersede(b);
      return;
    }
    for (const b of [...this.#newest.keys()]) {
      if (b >= block && b < block + blockCount) this.supersede(b);
    }
  }

  /** Puts every version below the sequence number on the medium: what a FLUSH promises. */
  destage(below: number): void {
    const end = Math.min(below, this.#tail);
    while (this.#head < end) this.#destageHead();
  }

  #destageHead(): void {
    assert(this.#head < this.#tail, 'a cache that is destaged holds a version');
    const sequence = this.#head;
    const block = this.#blockOf[sequence % this.capacity];
    if (block !== NONE) {
      this.#medium.write(block, this.#slab(sequence), this.#dataOffset(sequence));
      if (this.#newest.get(block) === sequence) this.#newest.delete(block);
    }
    this.#head++;
  }

  /** Blocks with a version below the sequence number, ascending, each once. */
  dirtyBelow(below: number): Float64Array {
    const blocks = new Set<number>();
    const end = Math.min(below, this.#tail);
    for (let s = this.#head; s < end; s++) {
      const block = this.#blockOf[s % this.capacity];
      if (block !== NONE) blocks.add(block);
    }
    return Float64Array.from(blocks).sort();
  }

  /**
   * Visits the versions, oldest first: number of the write, block, and where the data lies.
   * Superseded ones are left out.
   */
  forEach(visit: (write: number, block: number, data: Uint8Array, offset: number) => void): void {
    for (let s = this.#head; s < this.#tail; s++) {
      const index = s % this.capacity;
      const block = this.#blockOf[index];
      if (block !== NONE) visit(this.#writeOf[index], block, this.#slab(s), this.#dataOffset(s));
    }
  }

  /** Empties the cache: the power is gone. Sequence numbers go on. */
  clear(): void {
    this.#head = this.#tail;
    this.#newest.clear();
  }

  /** A copy of everything, superseded versions included, since a FLUSH counts in them. */
  save(): SavedCache {
    const versions: SavedVersion[] = [];
    for (let s = this.#head; s < this.#tail; s++) {
      const index = s % this.capacity;
      const start = this.#dataOffset(s);
      const data = this.#slab(s).slice(start, start + this.#blockBytes);
      versions.push({ block: this.#blockOf[index], write: this.#writeOf[index], data });
    }
    return { head: this.#head, versions };
  }

  /** Takes saved versions back, each under its old sequence number. */
  load(saved: SavedCache): void {
    assert(saved.versions.length <= this.capacity, 'a snapshot of a cache of this size');
    this.#newest.clear();
    this.#head = saved.head;
    this.#tail = saved.head;
    for (const { block, write, data } of saved.versions) {
      if (block === NONE) this.#blockOf[this.#tail++ % this.capacity] = NONE;
      else this.put(block, data, 0, write);
    }
  }

  #slab(sequence: number): Uint8Array {
    const index = Math.floor((sequence % this.capacity) / SLAB_VERSIONS);
    return (this.#data[index] ??= new Uint8Array(SLAB_VERSIONS * this.#blockBytes));
  }

  #dataOffset(sequence: number): number {
    return ((sequence % this.capacity) % SLAB_VERSIONS) * this.#blockBytes;
  }

  /** Throws InvariantError unless the equations of the class hold. */
  checkInvariants(): void {
    assert(this.#head <= this.#tail, 'the head is not behind the tail');
    assert(this.length <= this.capacity, 'the cache is no fuller than full');
    const newest = new Map<number, number>();
    for (let s = this.#head; s < this.#tail; s++) {
      const block = this.#blockOf[s % this.capacity];
      if (block === NONE) continue;
      const older = this.#olderOf[s % this.capacity];
      const expected = newest.get(block) ?? NONE;
      assert(
        older === expected || (expected === NONE && older < this.#head),
        'chains are in order',
      );
      newest.set(block, s);
    }
    assert(newest.size === this.#newest.size, 'each block with a live version has a newest');
    for (const [block, s] of newest) assert(this.#newest.get(block) === s, 'newest is the last');
  }
}
