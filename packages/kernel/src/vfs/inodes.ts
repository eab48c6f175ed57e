/**
 * Inodes in memory, struct of arrays: what paths and descriptors lead to, each (mount, number) once.
 *
 *   references[i] = dentries + open files + operations under way that name i
 *   references[i] === 0, links > 0   =>  i is on the list of the unused, and may be given up
 *   references[i] === 0, links === 0 =>  i waits to be retired: its blocks go
 */
import {
  assert,
  EAGAIN,
  ENOMEM,
  isErrno,
  type Meter,
  NIL,
  OK,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { PageCache } from '@hotpath/pagecache';
import { INODE_LIMIT } from '../params.js';
import type { ObjectSource } from '../task/lifecycle.js';
import {
  type Attributes,
  createAttributes,
  type InodeNumber,
  type Operation,
  SET_TIMES,
  type Wait,
} from './file-system.js';
import { LruList } from './lru-list.js';
import { isDirectory, isRegular } from './modes.js';
import type { Mounts } from './mounts.js';
import { WaitList } from './wait-list.js';

const FREE = 0;
const LOADING = 1;
const LIVE = 2;
/** Being written out and forgotten, or retired: who wants it waits until it is gone. */
const LEAVING = 3;

/** A row is charged as two cache lines: identity and times. */
const ROW_BYTES = 128;
/** Mounts fit above 2**42 inode numbers in an exact double. */
const KEY_STRIDE = 2 ** 42;

/** What the inodes work on. */
export interface InodePorts {
  readonly mounts: Mounts;
  readonly pages: PageCache;
  readonly objects: ObjectSource;
  readonly meter: Meter;
  /** A file of the page cache is an inode's from now on. */
  bind(file: number, inode: number): void;
}

/** The inode cache. */
export class Inodes {
  readonly mount = new Int16Array(INODE_LIMIT);
  readonly number = new Float64Array(INODE_LIMIT);
  readonly references = new Int32Array(INODE_LIMIT);
  readonly mode = new Int32Array(INODE_LIMIT);
  readonly links = new Int32Array(INODE_LIMIT);
  /** Device number of a device file. */
  readonly device = new Int32Array(INODE_LIMIT);
  /** The page cache's number of a regular file, or NIL before it is opened. */
  readonly file = new Int32Array(INODE_LIMIT).fill(NIL);
  readonly accessed = new Float64Array(INODE_LIMIT);
  readonly modified = new Float64Array(INODE_LIMIT);
  readonly changed = new Float64Array(INODE_LIMIT);
  /** Target of a symbolic link, as a byte string, once it has been read. */
  readonly target: (string | null)[] = new Array<string | null>(INODE_LIMIT).fill(null);
  /** 1 while the times here are newer than the file system's. */
  readonly #timesChanged = new Uint8Array(INODE_LIMIT);
  readonly #state = new Uint8Array(INODE_LIMIT);
  readonly #object = new Float64Array(INODE_LIMIT);
  readonly #byNumber = new Map<number, number>();
  readonly #unused = new LruList(INODE_LIMIT);
  readonly #free: number[] = [];
  readonly #changing = new Map<number, WaitList>();
  readonly #dying: number[] = [];
  readonly #scratch = createAttributes();
  readonly #ports: InodePorts;
  readonly #base: VirtAddr;

  constructor(ports: InodePorts) {
    this.#ports = ports;
    this.#base = ports.meter.region('kernel.inodes', INODE_LIMIT * ROW_BYTES);
    for (let inode = INODE_LIMIT - 1; inode >= 0; inode--) this.#free.push(inode);
  }

  /** Inodes in memory. */
  get count(): number {
    return INODE_LIMIT - this.#free.length;
  }

  /** Inodes that somebody names. */
  get usedCount(): number {
    return this.count - this.#unused.count;
  }

  /** True while inodes wait for {@link Inodes.retireDying}. */
  get hasDying(): boolean {
    return this.#dying.length > 0;
  }

  /** A call looks at an inode's type and permissions. */
  charge(inode: number): void {
    this.#ports.meter.load(this.#base + inode * ROW_BYTES);
  }

  /** One more reference. */
  hold(inode: number): void {
    assert(this.#state[inode] !== FREE, 'a free inode is held');
    if (this.references[inode] === 0) this.#unused.remove(inode);
    this.references[inode] += 1;
  }

  /** One reference less. Without any, it stays until its place is needed, or dies without links. */
  drop(inode: number): void {
    this.references[inode] -= 1;
    assert(this.references[inode] >= 0, 'an inode is dropped more often than held');
    if (this.references[inode] > 0 || this.#state[inode] !== LIVE) return;
    if (this.links[inode] === 0) this.#dying.push(inode);
    else if (!this.#ports.mounts.at(this.mount[inode]).keepsPages) this.#unused.add(inode);
  }

  /** The inode with this number, brought into memory if need be and held: or EIO, ENOMEM. */
  *get(wait: Wait, mount: number, number: InodeNumber): Operation {
    const key = mount * KEY_STRIDE + number;
    let spare: number = NIL;
    for (;;) {
      const known = this.#byNumber.get(key);
      if (known !== undefined && this.#state[known] === LIVE) {
        if (spare !== NIL) this.#giveSpare(spare);
        this.hold(known);
        return known;
      }
      if (known !== undefined) {
        yield* this.#changed(known).sleep(wait);
        continue;
      }
      if (spare !== NIL) break;
      spare = yield* this.#takeSpare(wait);
      if (isErrno(spare)) return spare;
    }
    return yield* this.#load(wait, spare, key, mount, number);
  }

  /** Takes over what the file system says of an inode that one of its operations has changed. */
  refresh(inode: number): void {
    const from = this.#scratch;
    this.#ports.mounts.at(this.mount[inode]).attributes(this.number[inode], from);
    this.mode[inode] = from.mode;
    this.links[inode] = from.links;
    this.device[inode] = from.device;
    if (this.#timesChanged[inode] === 1) return;
    this.accessed[inode] = from.accessed;
    this.modified[inode] = from.modified;
    this.changed[inode] = from.changed;
  }

  /** What stat tells. */
  status(inode: number, into: Attributes): void {
    this.#ports.mounts.at(this.mount[inode]).attributes(this.number[inode], into);
    into.inode = this.number[inode];
    if (this.file[inode] !== NIL) into.size = this.#ports.pages.size(this.file[inode]);
    into.accessed = this.accessed[inode];
    into.modified = this.modified[inode];
    into.changed = this.changed[inode];
  }

  /** Bytes of a file. */
  size(inode: number): number {
    if (this.file[inode] !== NIL) return this.#ports.pages.size(this.file[inode]);
    this.#ports.mounts.at(this.mount[inode]).attributes(this.number[inode], this.#scratch);
    return this.#scratch.size;
  }

  /** The page cache's file of a regular file. */
  fileOf(inode: number): number {
    const known = this.file[inode];
    if (known !== NIL) return known;
    assert(isRegular(this.mode[inode]), 'pages are asked of what is no regular file');
    const fileSystem = this.#ports.mounts.at(this.mount[inode]);
    fileSystem.attributes(this.number[inode], this.#scratch);
    const file = this.#ports.pages.openFile(this.#scratch.size, fileSystem.keepsPages);
    this.file[inode] = file;
    this.#ports.bind(file, inode);
    return file;
  }

  /** The contents have changed at `now`. */
  contentsChanged(inode: number, now: number): void {
    this.#ports.meter.store(this.#base + inode * ROW_BYTES + 64);
    this.modified[inode] = now;
    this.changed[inode] = now;
    this.#timesChanged[inode] = 1;
  }

  /** The contents have been read: noted once after each change, and once a day (Linux: relatime). */
  contentsRead(inode: number, now: number): void {
    const accessed = this.accessed[inode];
    if (accessed > this.modified[inode] && now - accessed < 86400e9) return;
    if (this.#ports.mounts.at(this.mount[inode]).readOnly) return;
    this.accessed[inode] = now;
    this.#timesChanged[inode] = 1;
  }

  /** Sets times as utimens does. */
  setTimes(inode: number, accessed: number, modified: number, now: number): void {
    this.accessed[inode] = accessed;
    this.modified[inode] = modified;
    this.changed[inode] = now;
    this.#timesChanged[inode] = 1;
  }

  /** Tells the file system the times that it does not know yet. */
  *writeTimes(wait: Wait, inode: number): Operation {
    if (this.#timesChanged[inode] === 0) return OK;
    const fileSystem = this.#ports.mounts.at(this.mount[inode]);
    if (fileSystem.readOnly || this.links[inode] === 0) return OK;
    this.#timesChanged[inode] = 0;
    const from = createAttributes();
    this.status(inode, from);
    return yield* fileSystem.setAttributes(wait, this.number[inode], from, SET_TIMES);
  }

  /** Ends the inodes that have neither links nor references. */
  *retireDying(wait: Wait): Operation {
    // Those that somebody's pin keeps for now come back to the list; the next call takes them.
    for (let count = this.#dying.length; count > 0; count--) {
      const inode = this.#dying.shift();
      if (inode === undefined) break;
      yield* this.#retire(wait, inode);
    }
    return OK;
  }

  /** Writes back and forgets one unused inode: OK; NIL when there is none; EAGAIN if it would not go. */
  *shrink(wait: Wait): Operation {
    const inode = this.#unused.oldest;
    return inode === NIL ? NIL : yield* this.#evict(wait, inode);
  }

  /** Inodes of a mount that are in memory, and the references that they have. */
  inodesOf(mount: number): number[] {
    const found: number[] = [];
    for (let inode = 0; inode < INODE_LIMIT; inode++) {
      if (this.#state[inode] !== FREE && this.mount[inode] === mount) found.push(inode);
    }
    return found;
  }

  /** Forgets an inode of a file system that is being taken out, kept pages and all. */
  *forgetForUnmount(wait: Wait, inode: number): Operation {
    assert(this.references[inode] === 0, 'an inode in use is forgotten');
    this.#unused.remove(inode);
    if (this.#ports.mounts.at(this.mount[inode]).keepsPages) this.links[inode] = 0;
    if (this.links[inode] === 0) return yield* this.#retire(wait, inode);
    return yield* this.#evict(wait, inode);
  }

  /** Asserts the equations above. */
  checkInvariants(): void {
    let live = 0;
    for (let inode = 0; inode < INODE_LIMIT; inode++) {
      if (this.#state[inode] === FREE) {
        assert(this.references[inode] === 0, 'a free inode has references');
        continue;
      }
      live += 1;
      if (this.#unused.has(inode)) assert(this.references[inode] === 0, 'a used inode is unused');
      const key = this.mount[inode] * KEY_STRIDE + this.number[inode];
      assert(this.#byNumber.get(key) === inode, 'an inode is not where its number leads');
    }
    assert(live === this.count && live === this.#byNumber.size, 'inodes do not add up');
  }

  #changed(inode: number): WaitList {
    let list = this.#changing.get(inode);
    if (list === undefined) {
      list = new WaitList();
      this.#changing.set(inode, list);
    }
    return list;
  }

  #tellChanged(inode: number): void {
    const list = this.#changing.get(inode);
    if (list === undefined) return;
    this.#changing.delete(inode);
    list.wakeAll();
  }

  /** A free row with its object, after giving up an unused inode if need be. */
  *#takeSpare(wait: Wait): Operation {
    for (let tries = 0; this.#free.length === 0; tries++) {
      const status: number = yield* this.shrink(wait);
      if (status === NIL || tries > INODE_LIMIT) return ENOMEM;
    }
    const object = this.#ports.objects.allocate();
    if (object === NIL) return ENOMEM;
    const inode = this.#free.pop();
    assert(inode !== undefined, 'a free inode went between two looks');
    this.#object[inode] = object;
    return inode;
  }

  #giveSpare(inode: number): void {
    this.#ports.objects.free(this.#object[inode]);
    this.#state[inode] = FREE;
    this.#free.push(inode);
  }

  *#load(wait: Wait, inode: number, key: number, mount: number, number: InodeNumber): Operation {
    this.#byNumber.set(key, inode);
    this.#state[inode] = LOADING;
    this.mount[inode] = mount;
    this.number[inode] = number;
    this.references[inode] = 1;
    this.#timesChanged[inode] = 0;
    this.file[inode] = NIL;
    this.target[inode] = null;
    const status = yield* this.#ports.mounts.at(mount).load(wait, number);
    if (isErrno(status)) {
      this.references[inode] = 0;
      this.#byNumber.delete(key);
      this.#giveSpare(inode);
      this.#tellChanged(inode);
      return status;
    }
    this.#state[inode] = LIVE;
    this.refresh(inode);
    // A directory that was removed is not found by its number again.
    assert(this.links[inode] > 0 || !isDirectory(this.mode[inode]), 'a dead directory is loaded');
    this.#tellChanged(inode);
    return inode;
  }

  /** An inode with links: times and pages reach the file system first, so nothing is lost. */
  *#evict(wait: Wait, inode: number): Operation {
    const { pages } = this.#ports;
    this.hold(inode);
    yield* this.writeTimes(wait, inode);
    const file = this.file[inode];
    if (file !== NIL && pages.closeFile(file) !== OK) {
      yield* wait.settle(pages.syncFile(file, false, wait, 0));
      const alone = this.references[inode] === 1;
      if (!alone || pages.closeFile(file) !== OK) {
        this.drop(inode);
        return EAGAIN;
      }
    }
    this.file[inode] = NIL;
    if (this.references[inode] > 1) {
      this.drop(inode);
      return EAGAIN;
    }
    return yield* this.#forget(wait, inode);
  }

  *#retire(wait: Wait, inode: number): Operation {
    const { pages } = this.#ports;
    if (this.references[inode] > 0 || this.#state[inode] !== LIVE) return EAGAIN;
    this.hold(inode);
    const file = this.file[inode];
    if (file !== NIL) {
      yield* wait.settle(pages.truncate(file, 0, wait, 0));
      // Somebody may have had a page pinned; it goes when that ends.
      if (pages.closeFile(file) !== OK) {
        this.drop(inode);
        return EAGAIN;
      }
    }
    this.file[inode] = NIL;
    return yield* this.#forget(wait, inode);
  }

  *#forget(wait: Wait, inode: number): Operation {
    const { mounts } = this.#ports;
    this.#state[inode] = LEAVING;
    const status = yield* mounts.at(this.mount[inode]).forget(wait, this.number[inode]);
    this.#byNumber.delete(this.mount[inode] * KEY_STRIDE + this.number[inode]);
    this.references[inode] = 0;
    this.#giveSpare(inode);
    this.#tellChanged(inode);
    return status;
  }
}
