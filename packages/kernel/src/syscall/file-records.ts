/** The records of stat, statfs and getdents64 as Linux lays them out on x86-64. */
import type { Attributes, DirectoryEntry, VolumeStatus } from '../vfs/file-system.js';

/** Bytes of struct stat. */
export const STAT_BYTES = 144;
/** Bytes of struct statfs. */
export const STATFS_BYTES = 120;

/** Writes struct stat. */
export function encodeStatus(into: Uint8Array, from: Attributes, device: number): void {
  const view = new DataView(into.buffer, into.byteOffset, STAT_BYTES);
  into.fill(0, 0, STAT_BYTES);
  put64(view, 0, device);
  put64(view, 8, from.inode);
  put64(view, 16, from.links);
  view.setUint32(24, from.mode, true);
  view.setUint32(28, from.owner, true);
  view.setUint32(32, from.group, true);
  put64(view, 40, from.device);
  put64(view, 48, from.size);
  put64(view, 56, 4096);
  put64(view, 64, from.blocks);
  putTime(view, 72, from.accessed);
  putTime(view, 88, from.modified);
  putTime(view, 104, from.changed);
}

/** Writes struct statfs. */
export function encodeVolume(into: Uint8Array, from: VolumeStatus, nameBytesMax: number): void {
  const view = new DataView(into.buffer, into.byteOffset, STATFS_BYTES);
  into.fill(0, 0, STATFS_BYTES);
  put64(view, 8, from.blockBytes);
  put64(view, 16, from.blocks);
  put64(view, 24, from.freeBlocks);
  put64(view, 32, from.freeBlocks);
  put64(view, 40, from.inodes);
  put64(view, 48, from.freeInodes);
  put64(view, 64, nameBytesMax);
  put64(view, 72, from.blockBytes);
}

/** Bytes of an entry's record: header, name, zero, and up to a multiple of 8. */
export function entryBytes(entry: DirectoryEntry): number {
  return Math.ceil((19 + entry.name.length + 1) / 8) * 8;
}

/** Writes struct linux_dirent64 at `at`; the record's bytes were zero. */
export function encodeEntry(
  into: Uint8Array,
  at: number,
  entry: DirectoryEntry,
  next: number,
): void {
  const view = new DataView(into.buffer, into.byteOffset + at);
  put64(view, 0, entry.inode);
  put64(view, 8, next);
  view.setUint16(16, entryBytes(entry), true);
  // d_type is the type's number within a mode.
  view.setUint8(18, entry.type >>> 12);
  for (let i = 0; i < entry.name.length; i++) view.setUint8(19 + i, entry.name.charCodeAt(i));
}

function put64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

function putTime(view: DataView, at: number, nanoseconds: number): void {
  put64(view, at, Math.floor(nanoseconds / 1e9));
  put64(view, at + 8, nanoseconds % 1e9);
}
