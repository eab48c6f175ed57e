/**
 * Path walk over the dentry cache: from component to component without a lock, a wait or an
 * allocation, until the path ends or something has to be asked of a file system.
 */
import { ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, type Meter, NIL, OK } from '@hotpath/hw-x86';
import { type KernelPaths, PATH_COMPONENT } from '../kernel-paths.js';
import { NAME_BYTES_MAX, PATH_BYTES, SYMLINK_LIMIT } from '../params.js';
import type { Dentries } from './dentries.js';
import type { Inodes } from './inodes.js';
import { isDirectory, isSymbolicLink } from './modes.js';
import type { Mounts } from './mounts.js';

/** Answer of a step: the name at the walk's position is not in the dentry cache. */
export const NEED_LOOKUP = -4200;
/** Answer of a step: the target of the symbolic link `walk.link` has not been read. */
export const NEED_TARGET = -4201;

/** A symbolic link at the end is what is meant, whatever stands behind it. */
export const FOLLOW_NEVER = 0;
/** It is followed if slashes stand behind it. */
export const FOLLOW_SLASH = 1;
/** It is followed. */
export const FOLLOW_ALWAYS = 2;

/** The path ends in a name. */
export const LAST_NAME = 0;
/** It ends in `.`. */
export const LAST_DOT = 1;
/** It ends in `..`. */
export const LAST_DOTDOT = 2;
/** It is all slashes. */
export const LAST_ROOT = 3;

const SLASH = 47;
const DOT = 46;

/**
 * One path under way, reused. Nothing in it is held: whoever waits holds what it needs across the
 * wait.
 */
export class Walk {
  /** The path; symbolic links are put in where they are met. */
  readonly bytes = new Uint8Array(2 * PATH_BYTES);
  length = 0;
  position = 0;
  /** Where it has come to: a directory, before the end. */
  dentry = NIL;
  /** Symbolic links met. */
  links = 0;
  /** FOLLOW_NEVER .. FOLLOW_ALWAYS. */
  follow = FOLLOW_ALWAYS;
  /** Directory of the last name; of `..` and the like, the directory itself. */
  parent = NIL;
  /** The last name in `bytes`. */
  from = 0;
  to = 0;
  /** LAST_NAME .. LAST_ROOT. */
  last = LAST_ROOT;
  /** True if slashes stand behind the last name: it must be a directory. */
  trailing = false;
  /** What the path leads to, maybe a negative entry. */
  target = NIL;
  /** Inode of a symbolic link whose target is needed. */
  link = NIL;
  /** Entry of a file system with volatile names that has just been asked for. */
  fresh = NIL;

  /** The last name, or the one that is to be looked up, as a byte string. */
  get name(): string {
    let name = '';
    for (let at = this.from; at < this.to; at++) name += String.fromCharCode(this.bytes[at]);
    return name;
  }

  /** Puts a path in from a byte string, for the kernel's own paths. */
  set(path: string): void {
    for (let at = 0; at < path.length; at++) this.bytes[at] = path.charCodeAt(at);
    this.length = path.length;
  }
}

/** What the walk needs. */
export interface PathWalkPorts {
  readonly dentries: Dentries;
  readonly inodes: Inodes;
  readonly mounts: Mounts;
  readonly meter: Meter;
  readonly paths: KernelPaths;
}

/** Walks paths. */
export class PathWalk {
  /** Dentry of the root of all. */
  root = NIL;
  readonly #ports: PathWalkPorts;

  constructor(ports: PathWalkPorts) {
    this.#ports = ports;
  }

  /** Begins a walk whose path is in place: OK, or ENOENT for an empty one. */
  begin(walk: Walk, from: number, follow: number): number {
    walk.position = 0;
    walk.links = 0;
    walk.follow = follow;
    walk.fresh = NIL;
    walk.dentry = walk.bytes[0] === SLASH ? this.root : from;
    walk.parent = walk.dentry;
    walk.target = NIL;
    walk.last = LAST_ROOT;
    walk.trailing = false;
    walk.from = 0;
    walk.to = 0;
    return walk.length === 0 ? ENOENT : OK;
  }

  /**
   * Goes on as far as the cache leads: OK with `walk.target`, which may be negative; ENOENT, ENOTDIR,
   * ELOOP, ENAMETOOLONG; or NEED_LOOKUP, NEED_TARGET, after which step again.
   */
  step(walk: Walk): number {
    const { bytes } = walk;
    for (;;) {
      while (walk.position < walk.length && bytes[walk.position] === SLASH) walk.position += 1;
      if (walk.position === walk.length) return this.#atDirectory(walk);
      const from = walk.position;
      let to = from;
      while (to < walk.length && bytes[to] !== SLASH) to += 1;
      if (!this.#isDirectory(walk.dentry)) return ENOTDIR;
      if (to - from > NAME_BYTES_MAX) return ENAMETOOLONG;
      const last = this.#isLast(walk, to);
      walk.from = from;
      walk.to = to;
      if (bytes[from] === DOT && this.#takeDots(walk, from, to)) continue;
      const status = this.#takeName(walk, from, to, last);
      if (status !== OK || walk.target !== NIL) return status;
    }
  }

  /** Root of the file system that covers a dentry, if any does; `..` goes the other way. */
  cross(dentry: number): number {
    const { dentries, mounts } = this.#ports;
    let at = dentry;
    while (dentries.covered[at] !== NIL) at = mounts.root[dentries.covered[at]];
    return at;
  }

  /** The directory above, across mounts. */
  above(dentry: number): number {
    const { dentries, mounts } = this.#ports;
    let at = dentry;
    while (dentries.parent[at] === NIL) {
      const point = mounts.point[dentries.mount[at]];
      if (point === NIL) return at;
      at = point;
    }
    return this.cross(dentries.parent[at]);
  }

  #isDirectory(dentry: number): boolean {
    const { dentries, inodes } = this.#ports;
    const inode = dentries.inode[dentry];
    inodes.charge(inode);
    return isDirectory(inodes.mode[inode]);
  }

  #isLast(walk: Walk, to: number): boolean {
    for (let at = to; at < walk.length; at++) if (walk.bytes[at] !== SLASH) return false;
    walk.trailing = to < walk.length;
    return true;
  }

  /** The path has ended at a directory, by slashes or dots. */
  #atDirectory(walk: Walk): number {
    walk.target = walk.dentry;
    return OK;
  }

  /** `.` and `..`: true if the component was one of them. */
  #takeDots(walk: Walk, from: number, to: number): boolean {
    if (to - from === 1) {
      walk.last = LAST_DOT;
    } else if (to - from === 2 && walk.bytes[from + 1] === DOT) {
      walk.last = LAST_DOTDOT;
      walk.dentry = this.above(walk.dentry);
    } else {
      return false;
    }
    walk.parent = walk.dentry;
    walk.position = to;
    return true;
  }

  /** A name: OK and on to the next (or `walk.target` is set), an errno, or what is needed. */
  #takeName(walk: Walk, from: number, to: number, last: boolean): number {
    const { dentries, inodes, mounts } = this.#ports;
    this.#ports.paths.pass(PATH_COMPONENT);
    walk.last = LAST_NAME;
    walk.parent = walk.dentry;
    const found = dentries.find(walk.dentry, walk.bytes, from, to);
    if (found === NIL) return NEED_LOOKUP;
    if (dentries.covered[found] === NIL && walk.fresh !== found) {
      if (mounts.at(dentries.mount[found]).volatileNames) return NEED_LOOKUP;
    }
    const child = this.cross(found);
    const inode = dentries.inode[child];
    if (inode === NIL) {
      if (!last) return ENOENT;
      walk.target = child;
      return OK;
    }
    const mode = inodes.mode[inode];
    inodes.charge(inode);
    if (isSymbolicLink(mode) && (!last || this.#follows(walk))) {
      return this.#expand(walk, inode, to);
    }
    if (!last) {
      walk.position = to;
      walk.dentry = child;
      return OK;
    }
    // The position stays before the last name: a walk that has ended can be stepped again.
    walk.target = child;
    return walk.trailing && !isDirectory(mode) ? ENOTDIR : OK;
  }

  #follows(walk: Walk): boolean {
    return walk.follow === FOLLOW_ALWAYS || (walk.follow === FOLLOW_SLASH && walk.trailing);
  }

  /** Puts a link's target in the place of its name and goes on from there. */
  #expand(walk: Walk, inode: number, to: number): number {
    const target = this.#ports.inodes.target[inode];
    if (target === null) {
      walk.link = inode;
      return NEED_TARGET;
    }
    walk.links += 1;
    if (walk.links > SYMLINK_LIMIT) return ELOOP;
    const { bytes } = walk;
    const rest = walk.length - to;
    if (target.length + rest > bytes.length) return ENAMETOOLONG;
    bytes.copyWithin(target.length, to, walk.length);
    for (let at = 0; at < target.length; at++) bytes[at] = target.charCodeAt(at);
    this.#ports.meter.retire(target.length + rest);
    walk.length = target.length + rest;
    walk.position = 0;
    if (bytes[0] === SLASH) {
      walk.dentry = this.root;
      walk.parent = this.root;
    }
    walk.last = LAST_ROOT;
    walk.trailing = false;
    return target.length === 0 ? ENOENT : OK;
  }
}
