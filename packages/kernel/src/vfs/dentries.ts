/**
 * The dentry cache: names in directories and what they lead to, found without a lock and without a
 * wait. A name that is known not to exist is an entry too, with NIL for an inode (negative).
 *
 *   references[d] = children of d + open files, working directories, mounts, operations that name d
 *   references[d] === 0 and hashed  =>  d is on the list of the unused and may be given up
 *   every dentry holds one reference of its parent and, if it is positive, one of its inode
 */
import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import type { SpinLock } from '../locks/spin-lock.js';
import { DENTRY_LIMIT } from '../params.js';
import type { ObjectSource } from '../task/lifecycle.js';
import type { Inodes } from './inodes.js';
import { LruList } from './lru-list.js';

const BUCKETS = DENTRY_LIMIT;
/** A row is charged as two cache lines: links and identity, and the name. */
const ROW_BYTES = 128;
/** FNV-1a, 32 bits (Fowler, Noll, Vo). */
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const SITE_CHAIN = 0x6b64;
const SITE_NAME = 0x6b65;

/** Names in memory. */
export class Dentries {
  readonly parent = new Int32Array(DENTRY_LIMIT).fill(NIL);
  /** Inode, or NIL for a negative entry. */
  readonly inode = new Int32Array(DENTRY_LIMIT).fill(NIL);
  /** Mounted file system that it belongs to. */
  readonly mount = new Int16Array(DENTRY_LIMIT);
  /** File system whose root covers it, or NIL. */
  readonly covered = new Int16Array(DENTRY_LIMIT).fill(NIL);
  readonly references = new Int32Array(DENTRY_LIMIT);
  /** Byte string. */
  readonly name: string[] = new Array<string>(DENTRY_LIMIT).fill('');
  /** Look-ups that found an entry, and those that did not. */
  hitCount = 0;
  missCount = 0;
  /** Entries in memory of which it is the parent. */
  readonly #children = new Int32Array(DENTRY_LIMIT);
  readonly #hash = new Uint32Array(DENTRY_LIMIT);
  readonly #hashed = new Uint8Array(DENTRY_LIMIT);
  readonly #buckets = new Int32Array(BUCKETS).fill(NIL);
  readonly #next = new Int32Array(DENTRY_LIMIT).fill(NIL);
  readonly #object = new Float64Array(DENTRY_LIMIT);
  readonly #unused = new LruList(DENTRY_LIMIT);
  readonly #free: number[] = [];
  readonly #inodes: Inodes;
  readonly #lock: SpinLock;
  readonly #current: Current;
  readonly #objects: ObjectSource;
  readonly #meter: Meter;
  readonly #bucketBase: VirtAddr;
  readonly #rowBase: VirtAddr;

  /**
   * @param meter - takes the accesses to buckets and rows
   * @param lock - taken where a name comes or goes; finding takes none
   */
  constructor(
    inodes: Inodes,
    objects: ObjectSource,
    meter: Meter,
    lock: SpinLock,
    current: Current,
  ) {
    this.#lock = lock;
    this.#current = current;
    this.#inodes = inodes;
    this.#objects = objects;
    this.#meter = meter;
    this.#bucketBase = meter.region('kernel.dentry-buckets', BUCKETS * 4);
    this.#rowBase = meter.region('kernel.dentries', DENTRY_LIMIT * ROW_BYTES);
    for (let dentry = DENTRY_LIMIT - 1; dentry >= 0; dentry--) this.#free.push(dentry);
  }

  /** Entries in memory. */
  get count(): number {
    return DENTRY_LIMIT - this.#free.length;
  }

  /** Entries that somebody names. */
  get usedCount(): number {
    return this.count - this.#unused.count;
  }

  /** True while the entry can be found: its directory still has this name. */
  isHashed(dentry: number): boolean {
    return this.#hashed[dentry] === 1;
  }

  /** Entry of the name `bytes[from..to-1]` in a directory, or NIL. Allocates nothing. */
  find(parent: number, bytes: Uint8Array, from: number, to: number): number {
    let hash = FNV_BASIS ^ parent;
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at], FNV_PRIME);
    hash >>>= 0;
    const meter = this.#meter;
    meter.retire(2 * (to - from));
    meter.load(this.#bucketBase + (hash % BUCKETS) * 4);
    let dentry = this.#buckets[hash % BUCKETS];
    while (dentry !== NIL) {
      meter.load(this.#rowBase + dentry * ROW_BYTES);
      const same = this.#hash[dentry] === hash && this.parent[dentry] === parent;
      meter.branch(SITE_CHAIN, same);
      if (same && this.#sameName(dentry, bytes, from, to)) {
        this.hitCount += 1;
        return dentry;
      }
      dentry = this.#next[dentry];
    }
    this.missCount += 1;
    return NIL;
  }

  /** The same for a name as text. */
  findName(parent: number, name: string): number {
    const hash = hashOf(parent, name);
    let dentry = this.#buckets[hash % BUCKETS];
    while (dentry !== NIL) {
      if (this.#hash[dentry] === hash && this.parent[dentry] === parent) {
        if (this.name[dentry] === name) return dentry;
      }
      dentry = this.#next[dentry];
    }
    return NIL;
  }

  /**
   * A new entry, unused; NIL when there is neither a free row nor an unused one. It takes over one
   * reference of `inode`. A root has no parent and cannot be found by name.
   */
  add(parent: number, name: string, inode: number, mount: number): number {
    const dentry = this.#take();
    if (dentry === NIL) return NIL;
    this.name[dentry] = name;
    this.inode[dentry] = inode;
    this.mount[dentry] = mount;
    this.covered[dentry] = NIL;
    this.references[dentry] = 0;
    this.parent[dentry] = parent;
    if (parent !== NIL) {
      this.hold(parent);
      this.#children[parent] += 1;
      this.#enter(dentry);
    }
    this.#unused.add(dentry);
    this.#meter.store(this.#rowBase + dentry * ROW_BYTES);
    this.#meter.store(this.#rowBase + dentry * ROW_BYTES + 64);
    return dentry;
  }

  /** A negative entry's name exists now. Takes over one reference of `inode`. */
  setInode(dentry: number, inode: number): void {
    assert(this.inode[dentry] === NIL, 'a name gets a second inode');
    this.inode[dentry] = inode;
  }

  /** One more reference. */
  hold(dentry: number): void {
    if (this.references[dentry] === 0) this.#unused.remove(dentry);
    this.references[dentry] += 1;
  }

  /** One reference less. One that cannot be found any more goes with its last. */
  put(dentry: number): void {
    this.references[dentry] -= 1;
    assert(this.references[dentry] >= 0, 'a dentry is dropped more often than held');
    if (this.references[dentry] > 0) return;
    if (this.#hashed[dentry] === 1) this.#unused.add(dentry);
    else this.#release(dentry);
  }

  /** Its directory has this name no more; who has the entry keeps it, but not what it lacks. */
  unhash(dentry: number): void {
    if (this.#hashed[dentry] === 0) return;
    this.#leave(dentry);
    if (this.#children[dentry] > 0) this.#shrinkBelow(dentry);
    if (this.references[dentry] > 0) return;
    this.#unused.remove(dentry);
    this.#release(dentry);
  }

  /** A rename. Nothing with the new name is in memory. */
  move(dentry: number, parent: number, name: string): void {
    const before = this.parent[dentry];
    this.#leave(dentry);
    this.hold(parent);
    this.#children[before] -= 1;
    this.#children[parent] += 1;
    this.parent[dentry] = parent;
    this.name[dentry] = name;
    this.#enter(dentry);
    this.put(before);
  }

  /** True if `ancestor` is `dentry` or above it in its file system. */
  isBelow(dentry: number, ancestor: number): boolean {
    for (let at = dentry; at !== NIL; at = this.parent[at]) if (at === ancestor) return true;
    return false;
  }

  /** Gives up the entry that has been unused longest; false when there is none. */
  shrink(): boolean {
    const dentry = this.#unused.oldest;
    if (dentry === NIL) return false;
    this.#giveUp(dentry);
    return true;
  }

  /** Negative entries of a directory that is gone would keep its inode. */
  #shrinkBelow(directory: number): void {
    this.hold(directory);
    for (let dentry = 0; dentry < DENTRY_LIMIT && this.#children[directory] > 0; dentry++) {
      if (this.parent[dentry] === directory && this.#unused.has(dentry)) this.#giveUp(dentry);
    }
    this.references[directory] -= 1;
    if (this.references[directory] === 0) this.#unused.add(directory);
  }

  #giveUp(dentry: number): void {
    this.#unused.remove(dentry);
    if (this.#hashed[dentry] === 1) this.#leave(dentry);
    this.#release(dentry);
  }

  /** Gives up the unused entries of one mount: leaves first, so that their directories follow. */
  shrinkMount(mount: number): void {
    for (let found = true; found; ) {
      found = false;
      for (let dentry = 0; dentry < DENTRY_LIMIT; dentry++) {
        if (!this.#unused.has(dentry) || this.mount[dentry] !== mount) continue;
        found = true;
        this.#giveUp(dentry);
      }
    }
  }

  /** Asserts the equations above, for those references that are seen here. */
  checkInvariants(): void {
    const children = new Int32Array(DENTRY_LIMIT);
    const free = new Set(this.#free);
    for (let dentry = 0; dentry < DENTRY_LIMIT; dentry++) {
      if (free.has(dentry)) continue;
      const parent = this.parent[dentry];
      if (parent !== NIL) children[parent] += 1;
      if (this.inode[dentry] !== NIL) {
        assert(this.#inodes.references[this.inode[dentry]] > 0, 'a name leads to a lost inode');
      }
      const unused = this.references[dentry] === 0;
      assert(unused === this.#unused.has(dentry), 'an entry is on the wrong list');
      if (this.#hashed[dentry] === 1) {
        const found = this.findName(parent, this.name[dentry]);
        assert(found === dentry, 'a name is not found, or found twice');
      }
    }
    for (let dentry = 0; dentry < DENTRY_LIMIT; dentry++) {
      assert(children[dentry] === this.#children[dentry], 'names of a directory are miscounted');
      assert(children[dentry] <= this.references[dentry], 'a directory goes before its names');
    }
  }

  #sameName(dentry: number, bytes: Uint8Array, from: number, to: number): boolean {
    const name = this.name[dentry];
    this.#meter.load(this.#rowBase + dentry * ROW_BYTES + 64);
    let same = name.length === to - from;
    for (let at = 0; same && at < name.length; at++) {
      same = name.charCodeAt(at) === bytes[from + at];
    }
    this.#meter.retire(Math.ceil(name.length / 8));
    this.#meter.branch(SITE_NAME, same);
    return same;
  }

  #take(): number {
    if (this.#free.length === 0 && !this.shrink()) return NIL;
    const object = this.#objects.allocate();
    if (object === NIL) return NIL;
    const dentry = this.#free.pop();
    assert(dentry !== undefined, 'a dentry was given up and is not free');
    this.#object[dentry] = object;
    return dentry;
  }

  #enter(dentry: number): void {
    const { cpu } = this.#current;
    this.#lock.acquire(cpu);
    const hash = hashOf(this.parent[dentry], this.name[dentry]);
    this.#hash[dentry] = hash;
    this.#next[dentry] = this.#buckets[hash % BUCKETS];
    this.#buckets[hash % BUCKETS] = dentry;
    this.#hashed[dentry] = 1;
    this.#meter.store(this.#bucketBase + (hash % BUCKETS) * 4);
    this.#lock.release(cpu);
  }

  #leave(dentry: number): void {
    const { cpu } = this.#current;
    this.#lock.acquire(cpu);
    const bucket = this.#hash[dentry] % BUCKETS;
    this.#hashed[dentry] = 0;
    this.#meter.store(this.#bucketBase + bucket * 4);
    if (this.#buckets[bucket] === dentry) {
      this.#buckets[bucket] = this.#next[dentry];
    } else {
      let before = this.#buckets[bucket];
      while (this.#next[before] !== dentry) before = this.#next[before];
      this.#next[before] = this.#next[dentry];
    }
    this.#lock.release(cpu);
  }

  /** Frees a row and what it held; its directory may become unused, or go as well. */
  #release(dentry: number): void {
    const parent = this.parent[dentry];
    const inode = this.inode[dentry];
    this.#objects.free(this.#object[dentry]);
    this.parent[dentry] = NIL;
    this.inode[dentry] = NIL;
    this.name[dentry] = '';
    this.#free.push(dentry);
    if (inode !== NIL) this.#inodes.drop(inode);
    if (parent === NIL) return;
    this.#children[parent] -= 1;
    this.put(parent);
  }
}

function hashOf(parent: number, name: string): number {
  let hash = FNV_BASIS ^ parent;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), FNV_PRIME);
  }
  return hash >>> 0;
}
