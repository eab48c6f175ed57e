/**
 * The virtual file system: the tree of all mounted file systems, and its caches. Wires the parts of
 * this directory to each other and nothing else.
 */
import {
  assert,
  EBUSY,
  EINVAL,
  ENOENT,
  ENOMEM,
  ENOTDIR,
  isErrno,
  type Meter,
  NIL,
  OK,
} from '@hotpath/hw-x86';
import type { PageCache } from '@hotpath/pagecache';
import type { Current } from '../current.js';
import type { KernelPaths } from '../kernel-paths.js';
import type { KernelLocks } from '../locks/kernel-locks.js';
import { type SleepLockPorts, SleepLocks } from '../locks/sleep-locks.js';
import { INODE_LIMIT, MOUNT_LIMIT, OPEN_FILE_LIMIT, TASK_LIMIT } from '../params.js';
import type { CallStack } from '../task/call-stack.js';
import type { ObjectSource } from '../task/lifecycle.js';
import type { TaskWaits } from '../task/waits.js';
import type { DeviceTable } from './character-device.js';
import { Dentries } from './dentries.js';
import { FileLocks } from './file-locks.js';
import type { FileSystem, Operation, Wait } from './file-system.js';
import { Inodes } from './inodes.js';
import { isDirectory } from './modes.js';
import type { Mounts } from './mounts.js';
import { NameSpace } from './name-space.js';
import { OpenFiles } from './open-files.js';
import { Opening } from './opening.js';
import { type BackgroundOperations, TaskOperations } from './operation-runners.js';
import type { PageStore } from './page-store.js';
import { PathLookup } from './path-lookup.js';
import { PathWalk, type Walk } from './path-walk.js';
import type { Pipes } from './pipes.js';
import { Rename } from './rename.js';

/** What the virtual file system is made over. */
export interface VfsPorts {
  readonly meter: Meter;
  readonly pages: PageCache;
  readonly store: PageStore;
  readonly mounts: Mounts;
  readonly background: BackgroundOperations;
  readonly waits: TaskWaits;
  readonly stack: CallStack;
  readonly paths: KernelPaths;
  readonly sleepLocks: SleepLockPorts;
  readonly spinLocks: KernelLocks;
  readonly current: Current;
  readonly pipes: Pipes;
  readonly devices: DeviceTable;
  readonly inodeObjects: ObjectSource;
  readonly dentryObjects: ObjectSource;
  readonly fileObjects: ObjectSource;
  readonly leader: Int32Array;
  /** Time to stamp, in nanoseconds. */
  now(): number;
}

/** All parts, and the mount table's changes. */
export class Vfs {
  readonly mounts: Mounts;
  readonly inodes: Inodes;
  readonly dentries: Dentries;
  readonly walks: PathWalk;
  readonly lookup: PathLookup;
  readonly names: NameSpace;
  readonly renames: Rename;
  readonly open: OpenFiles;
  readonly opening: Opening;
  readonly pipes: Pipes;
  readonly locks: FileLocks;
  readonly devices: DeviceTable;
  readonly operations: TaskOperations;
  readonly background: BackgroundOperations;
  /**
   * Locks, in the order of taking. Of a file system, while its tree changes shape; of a directory, by
   * inode, while its names change (exclusive) or are read (a parent before its child; two of them only
   * under the tree's); of an open file, while a call works at its offset; of a file, by inode, while
   * a call writes or cuts it.
   */
  readonly trees: SleepLocks;
  readonly directories: SleepLocks;
  readonly positions: SleepLocks;
  readonly contents: SleepLocks;
  readonly pages: PageCache;
  /** First thread of each task's process: what its process has is in that row. */
  readonly leader: Int32Array;
  /** Working directory of each process, held; NIL: the root. */
  readonly workingDirectory = new Int32Array(TASK_LIMIT).fill(NIL);
  /** Permission bits that creation leaves out. */
  readonly umask = new Int32Array(TASK_LIMIT).fill(0o022);
  readonly now: () => number;

  constructor(ports: VfsPorts) {
    const { background, devices, meter, mounts, pages, pipes, store, waits } = ports;
    this.mounts = mounts;
    this.pages = pages;
    this.pipes = pipes;
    this.devices = devices;
    this.background = background;
    this.leader = ports.leader;
    this.now = ports.now;
    this.operations = new TaskOperations(waits, ports.stack);
    this.locks = new FileLocks(waits);
    this.trees = new SleepLocks(MOUNT_LIMIT, 'tree', ports.sleepLocks);
    this.directories = new SleepLocks(INODE_LIMIT, 'directory', ports.sleepLocks, true);
    this.positions = new SleepLocks(OPEN_FILE_LIMIT, 'file position', ports.sleepLocks);
    this.contents = new SleepLocks(INODE_LIMIT, 'file contents', ports.sleepLocks);
    this.inodes = new Inodes({
      mounts,
      pages,
      objects: ports.inodeObjects,
      meter,
      bind: (file, inode) => store.bind(file, inode),
    });
    store.connect(this.inodes);
    this.dentries = new Dentries(
      this.inodes,
      ports.dentryObjects,
      meter,
      ports.spinLocks.dentries,
      ports.current,
    );
    const { dentries, directories, inodes, trees } = this;
    this.walks = new PathWalk({ dentries, inodes, mounts, meter, paths: ports.paths });
    const { stack } = ports;
    this.lookup = new PathLookup({
      dentries,
      inodes,
      mounts,
      walks: this.walks,
      directories,
      stack,
    });
    const { lookup, walks } = this;
    const { now } = ports;
    const names = { dentries, inodes, mounts, lookup, directories, trees, stack, now };
    this.names = new NameSpace(names);
    this.renames = new Rename(names, this.names);
    this.open = new OpenFiles(ports.fileObjects, meter);
    this.opening = new Opening({
      dentries,
      inodes,
      mounts,
      walks,
      lookup,
      names: this.names,
      pages,
      open: this.open,
      pipes,
      locks: this.locks,
      contents: this.contents,
      devices,
    });
  }

  /** Mounts the root of all: OK or an errno. */
  *mountRoot(wait: Wait, fileSystem: FileSystem, source: string): Operation {
    const root = yield* this.#attach(wait, fileSystem, source, NIL);
    if (isErrno(root)) return root;
    this.walks.root = root;
    return OK;
  }

  /**
   * Mounts over a directory at the end of a walk that was begun: ENOENT, ENOTDIR, EBUSY, ENOMEM. In
   * the root of all the name need not exist: a root without directories has mount points too.
   */
  *mount(wait: Wait, walk: Walk, fileSystem: FileSystem, source: string): Operation {
    const status = yield* this.lookup.resolve(wait, walk);
    if (isErrno(status)) return status;
    const inode = this.dentries.inode[walk.target];
    if (inode === NIL && this.dentries.parent[walk.target] !== this.walks.root) return ENOENT;
    if (inode !== NIL && !isDirectory(this.inodes.mode[inode])) return ENOTDIR;
    return yield* this.#mountAt(wait, walk.target, fileSystem, source);
  }

  /**
   * Mounts at a name in the root that need not exist there: a file system without directories has
   * mount points too.
   */
  *mountInRoot(wait: Wait, name: string, fileSystem: FileSystem): Operation {
    const { root } = this.walks;
    const known = yield* this.lookup.child(wait, root, name);
    if (isErrno(known)) return known;
    return yield* this.#mountAt(wait, known, fileSystem, fileSystem.typeName);
  }

  /** Takes out the file system whose root is at the end of a walk: EINVAL, EBUSY while it is used. */
  *unmount(wait: Wait, walk: Walk): Operation {
    const status = yield* this.lookup.resolve(wait, walk);
    if (isErrno(status)) return status;
    const mount = this.dentries.mount[walk.target];
    const root = this.mounts.root[mount];
    const point = this.mounts.point[mount];
    if (walk.target !== root || point === NIL) return EINVAL;
    this.dentries.shrinkMount(mount);
    // Its own reference is the mount's; its inode has one of the root's dentry.
    if (this.dentries.references[root] > 1) return EBUSY;
    const left = this.inodes.inodesOf(mount);
    const used = left.filter((inode) => this.inodes.references[inode] > 0);
    if (used.length > 1 || this.inodes.references[this.dentries.inode[root]] > 1) return EBUSY;
    this.dentries.covered[point] = NIL;
    this.dentries.put(point);
    this.dentries.put(root);
    for (const inode of this.inodes.inodesOf(mount)) {
      yield* this.inodes.forgetForUnmount(wait, inode);
    }
    const unmounted = yield* this.mounts.at(mount).unmount(wait);
    if (isErrno(unmounted)) this.mounts.at(mount).abandon?.();
    this.mounts.give(mount);
    return isErrno(unmounted) ? unmounted : OK;
  }

  /**
   * Leaves the root's disk clean at the end of a run: nothing of it can be used afterwards. What is
   * open does not hinder it, but for a file without a name, which is to be closed first: EBUSY. On
   * an errno the root stays, though perhaps only to be read.
   */
  *unmountRoot(wait: Wait): Operation {
    const mount = this.dentries.mount[this.walks.root];
    yield* this.inodes.retireDying(wait);
    for (const inode of this.inodes.inodesOf(mount)) {
      if (this.inodes.links[inode] === 0) return EBUSY;
    }
    const synced = yield* this.syncMount(wait, mount);
    return isErrno(synced) ? synced : yield* this.mounts.at(mount).unmount(wait);
  }

  /** Everything of every file system on its medium: OK, or the first errno. */
  *sync(wait: Wait): Operation {
    let status: number = OK;
    for (let mount = 0; mount < MOUNT_LIMIT; mount++) {
      if (this.mounts.fileSystem[mount] === null) continue;
      const result = yield* this.syncMount(wait, mount);
      if (isErrno(result) && status === OK) status = result;
    }
    return status;
  }

  /** The same for one file system. */
  *syncMount(wait: Wait, mount: number): Operation {
    let status: number = OK;
    for (const inode of this.inodes.inodesOf(mount)) {
      const file = this.inodes.file[inode];
      if (this.inodes.mount[inode] !== mount || this.inodes.links[inode] === 0) continue;
      this.inodes.hold(inode);
      let result = yield* this.inodes.writeTimes(wait, inode);
      if (file !== NIL) result = yield* wait.settle(this.pages.syncFile(file, false, wait, 0));
      this.inodes.drop(inode);
      if (isErrno(result) && status === OK) status = result;
    }
    const synced = yield* this.mounts.at(mount).sync(wait);
    return isErrno(status) || !isErrno(synced) ? status : synced;
  }

  /** Gives up every name and inode that nobody uses: what remains is in use, or has leaked. */
  *dropCaches(wait: Wait): Operation {
    while (this.dentries.shrink()) {
      // One by one: a directory becomes unused when its names have gone.
    }
    yield* this.inodes.retireDying(wait);
    for (let left = this.inodes.count; left > 0; left--) {
      const status: number = yield* this.inodes.shrink(wait);
      if (status === NIL) break;
    }
    return OK;
  }

  /** Ends inodes that lost their last name and use, without a task. */
  retireInBackground(): void {
    if (!this.inodes.hasDying) return;
    const runner = this.background.take();
    const operation = this.inodes.retireDying(this.background.waitOf(runner));
    this.background.start(runner, operation, null, 0);
  }

  /** The path of a dentry as a byte string, or ENOENT where its directory was removed. */
  pathOf(dentry: number): string | number {
    let path = '';
    for (let at = dentry; ; ) {
      if (this.dentries.parent[at] === NIL) {
        const point = this.mounts.point[this.dentries.mount[at]];
        if (point === NIL) return path === '' ? '/' : path;
        at = point;
        continue;
      }
      if (!this.dentries.isHashed(at)) return ENOENT;
      path = `/${this.dentries.name[at]}${path}`;
      at = this.dentries.parent[at];
    }
  }

  /** Asserts the invariants of all parts. */
  checkInvariants(): void {
    this.inodes.checkInvariants();
    this.dentries.checkInvariants();
    this.pipes.checkInvariants();
    for (const fileSystem of this.mounts.fileSystem) fileSystem?.checkInvariants?.();
  }

  *#mountAt(wait: Wait, point: number, fileSystem: FileSystem, source: string): Operation {
    if (this.dentries.covered[point] !== NIL) return EBUSY;
    this.dentries.hold(point);
    const root = yield* this.#attach(wait, fileSystem, source, point);
    if (isErrno(root)) {
      this.dentries.put(point);
      return root;
    }
    assert(this.dentries.covered[point] === NIL, 'two file systems cover one name');
    this.dentries.covered[point] = this.dentries.mount[root];
    return OK;
  }

  /** Takes a file system into the table: the dentry of its root, held by the mount. */
  *#attach(wait: Wait, fileSystem: FileSystem, source: string, point: number): Operation {
    const mount = this.mounts.take(fileSystem, source);
    if (isErrno(mount)) return mount;
    this.mounts.point[mount] = point;
    const inode = yield* this.inodes.get(wait, mount, fileSystem.root);
    const root = isErrno(inode) ? NIL : this.dentries.add(NIL, '/', inode, mount);
    if (root === NIL) {
      if (!isErrno(inode)) this.inodes.drop(inode);
      this.mounts.give(mount);
      return isErrno(inode) ? inode : ENOMEM;
    }
    this.dentries.hold(root);
    this.mounts.root[mount] = root;
    return root;
  }
}
