/** An inode in memory, and its record on disk. */
import type { Attributes } from '../vfs/file-system.js';
import { get16, get32, put16, put32 } from './bytes.js';
import {
  BLOCK_POINTERS,
  EXTRA_BYTES,
  I_ACCESSED,
  I_ACCESSED_EXTRA,
  I_ATTRIBUTES,
  I_BLOCK,
  I_CHANGED,
  I_CHANGED_EXTRA,
  I_CREATED,
  I_CREATED_EXTRA,
  I_DELETED,
  I_EXTRA_BYTES,
  I_FLAGS,
  I_GENERATION,
  I_GROUP,
  I_GROUP_HIGH,
  I_LINKS,
  I_MODE,
  I_MODIFIED,
  I_MODIFIED_EXTRA,
  I_OWNER,
  I_OWNER_HIGH,
  I_SECTORS,
  I_SIZE,
  I_SIZE_HIGH,
  TYPE_BLOCK,
  TYPE_CHARACTER,
  TYPE_DIRECTORY,
  TYPE_MASK,
  TYPE_REGULAR,
} from './layout.js';
import { MappedBlocks } from './mapped-blocks.js';
import type { NameIndex } from './name-index.js';

/** One inode in memory. */
export class Inode {
  readonly number: number;
  mode = 0;
  owner = 0;
  group = 0;
  size = 0;
  links = 0;
  /** 512-byte units in use, blocks of pointers among them. */
  sectors = 0;
  flags = 0;
  generation = 0;
  /** Block of extended attributes, or 0. */
  attributes = 0;
  accessed = 0;
  modified = 0;
  changed = 0;
  created = 0;
  /** While in the list of orphans: the next one; else the time of deletion, in seconds. */
  deleted = 0;
  blocks = new Uint32Array(BLOCK_POINTERS);
  /** The virtual file system holds it between `load` and `forget`. */
  held = false;
  /** In the list of orphans. */
  orphan = false;
  /** Transaction that changed it last. */
  changedIn = 0;
  readonly mapped = new MappedBlocks();
  /** Block behind the one that was allocated last: where the next is sought. */
  nextBlock = 0;
  /** Room set aside for pointer blocks, and the pointer blocks it is for. */
  promisedPointers = 0;
  readonly promisedLeaves = new Set<number>();
  /** Names of a directory; null: not read yet. */
  names: NameIndex | null = null;

  constructor(number: number) {
    this.number = number;
  }

  get type(): number {
    return this.mode & TYPE_MASK;
  }

  get isDirectory(): boolean {
    return (this.mode & TYPE_MASK) === TYPE_DIRECTORY;
  }

  get isRegular(): boolean {
    return (this.mode & TYPE_MASK) === TYPE_REGULAR;
  }

  get isDevice(): boolean {
    const { type } = this;
    return type === TYPE_CHARACTER || type === TYPE_BLOCK;
  }

  /** A function that puts all fields back as they are now. */
  snapshot(): () => void {
    const { mode, owner, group, size, links, sectors, flags, attributes, deleted, orphan } = this;
    const { accessed, modified, changed, created, nextBlock, generation } = this;
    const blocks = this.blocks.slice();
    return () => {
      Object.assign(this, { mode, owner, group, size, links, sectors, flags, attributes });
      Object.assign(this, { deleted, orphan, accessed, modified, changed, created, nextBlock });
      this.generation = generation;
      this.blocks = blocks;
    };
  }

  /** What stat tells. */
  describe(into: Attributes): void {
    into.inode = this.number;
    into.mode = this.mode;
    into.links = this.links;
    into.owner = this.owner;
    into.group = this.group;
    into.size = this.size;
    into.blocks = this.sectors;
    into.accessed = this.accessed;
    into.modified = this.modified;
    into.changed = this.changed;
    into.device = this.isDevice ? decodeDevice(this.blocks) : 0;
  }
}

/** Device number, major * 256 + minor, as the block pointers of a device file have it. */
function decodeDevice(blocks: Uint32Array): number {
  if (blocks[0] !== 0) return blocks[0] & 0xffff;
  const number = blocks[1];
  return ((number >>> 8) & 0xfff) * 256 + ((number & 0xff) | ((number >>> 12) & 0xfff00));
}

/** Puts a device number, major * 256 + minor, into block pointers. */
export function encodeDevice(blocks: Uint32Array, device: number): void {
  const major = Math.floor(device / 256);
  if (major < 256) blocks[0] = device;
  else blocks[1] = ((device & 0xff) | (major << 8)) >>> 0;
}

const NS = 1e9;

function getTime(view: Uint8Array, at: number, extraAt: number): number {
  const seconds = get32(view, at) | 0;
  if (extraAt === 0) return seconds * NS;
  const extra = get32(view, extraAt);
  return (seconds + (extra & 3) * 2 ** 32) * NS + (extra >>> 2);
}

function putTime(view: Uint8Array, at: number, extraAt: number, time: number): void {
  const seconds = Math.floor(time / NS);
  put32(view, at, seconds);
  if (extraAt === 0) return;
  // Two bits more of seconds: counted from what the signed low word says.
  const epoch = (Math.floor((seconds - (seconds | 0)) / 2 ** 32) & 3) >>> 0;
  put32(view, extraAt, ((time - seconds * NS) * 4 + epoch) >>> 0);
}

/** Fields behind the first 128 bytes that a record has: offset of a time's further bits, or 0. */
function extraOf(view: Uint8Array, base: number, inodeBytes: number, field: number): number {
  if (inodeBytes <= 128) return 0;
  const extra = get16(view, base + I_EXTRA_BYTES);
  return field + 4 <= 128 + extra && 128 + extra <= inodeBytes ? base + field : 0;
}

/** Reads a record. */
export function readInode(inode: Inode, view: Uint8Array, base: number, inodeBytes: number): void {
  inode.mode = get16(view, base + I_MODE);
  inode.owner = get16(view, base + I_OWNER) + get16(view, base + I_OWNER_HIGH) * 65_536;
  inode.group = get16(view, base + I_GROUP) + get16(view, base + I_GROUP_HIGH) * 65_536;
  inode.size = get32(view, base + I_SIZE);
  // In a directory the upper half is something else in revision 0, and no directory is that large.
  if (inode.isRegular) inode.size += get32(view, base + I_SIZE_HIGH) * 2 ** 32;
  inode.accessed = getTime(
    view,
    base + I_ACCESSED,
    extraOf(view, base, inodeBytes, I_ACCESSED_EXTRA),
  );
  inode.changed = getTime(view, base + I_CHANGED, extraOf(view, base, inodeBytes, I_CHANGED_EXTRA));
  inode.modified = getTime(
    view,
    base + I_MODIFIED,
    extraOf(view, base, inodeBytes, I_MODIFIED_EXTRA),
  );
  const created = extraOf(view, base, inodeBytes, I_CREATED);
  if (created !== 0)
    inode.created = getTime(view, created, extraOf(view, base, inodeBytes, I_CREATED_EXTRA));
  inode.deleted = get32(view, base + I_DELETED);
  inode.links = get16(view, base + I_LINKS);
  inode.sectors = get32(view, base + I_SECTORS);
  inode.flags = get32(view, base + I_FLAGS);
  inode.generation = get32(view, base + I_GENERATION);
  inode.attributes = get32(view, base + I_ATTRIBUTES);
  for (let i = 0; i < BLOCK_POINTERS; i++) {
    inode.blocks[i] = get32(view, base + I_BLOCK + i * 4);
  }
}

/** Writes a record; what this driver does not know in it stays. */
export function writeInode(inode: Inode, view: Uint8Array, base: number, inodeBytes: number): void {
  put16(view, base + I_MODE, inode.mode);
  put16(view, base + I_OWNER, inode.owner);
  put16(view, base + I_OWNER_HIGH, Math.floor(inode.owner / 65_536));
  put16(view, base + I_GROUP, inode.group);
  put16(view, base + I_GROUP_HIGH, Math.floor(inode.group / 65_536));
  put32(view, base + I_SIZE, inode.size % 2 ** 32);
  if (inode.isRegular) put32(view, base + I_SIZE_HIGH, Math.floor(inode.size / 2 ** 32));
  putTime(
    view,
    base + I_ACCESSED,
    extraOf(view, base, inodeBytes, I_ACCESSED_EXTRA),
    inode.accessed,
  );
  putTime(view, base + I_CHANGED, extraOf(view, base, inodeBytes, I_CHANGED_EXTRA), inode.changed);
  putTime(
    view,
    base + I_MODIFIED,
    extraOf(view, base, inodeBytes, I_MODIFIED_EXTRA),
    inode.modified,
  );
  put32(view, base + I_DELETED, inode.deleted);
  put16(view, base + I_LINKS, inode.links);
  put32(view, base + I_SECTORS, inode.sectors);
  put32(view, base + I_FLAGS, inode.flags);
  put32(view, base + I_GENERATION, inode.generation);
  put32(view, base + I_ATTRIBUTES, inode.attributes);
  for (let i = 0; i < BLOCK_POINTERS; i++) {
    put32(view, base + I_BLOCK + i * 4, inode.blocks[i]);
  }
}

/** Clears a record for a new inode. */
export function clearRecord(
  view: Uint8Array,
  base: number,
  inodeBytes: number,
  created: number,
): void {
  view.fill(0, base, base + inodeBytes);
  if (inodeBytes < 128 + EXTRA_BYTES) return;
  put16(view, base + I_EXTRA_BYTES, EXTRA_BYTES);
  putTime(view, base + I_CREATED, base + I_CREATED_EXTRA, created);
}
