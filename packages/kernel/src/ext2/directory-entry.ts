/** Entries of a directory block: inode, length of the record, length of the name, type, name. */
import { get16, get32, put16, put32, putName } from './bytes.js';

/** Bytes of a record before its name. */
export const ENTRY_HEAD = 8;

/** Bytes that a name needs: a multiple of 4. */
export function entryBytes(nameLength: number): number {
  return (ENTRY_HEAD + nameLength + 3) & ~3;
}

export function entryInode(view: Uint8Array, at: number): number {
  return get32(view, at);
}

export function entryLength(view: Uint8Array, at: number): number {
  return get16(view, at + 4);
}

export function entryNameLength(view: Uint8Array, at: number): number {
  return view[at + 6];
}

/** Type byte; it is the upper half of the name's length where there are no file types. */
export function entryType(view: Uint8Array, at: number): number {
  return view[at + 7];
}

/** What is wrong with the record at `at`, or null. */
export function entryProblem(view: Uint8Array, at: number, inodeCount: number): string | null {
  if (at + ENTRY_HEAD > view.length) return 'it does not fit the block';
  const length = entryLength(view, at);
  if (length < 12 && !(length >= ENTRY_HEAD && entryInode(view, at) === 0))
    return `its length is ${length}`;
  if (length % 4 !== 0) return `its length is ${length}`;
  if (at + length > view.length) return `its length is ${length}, beyond the block`;
  if (entryInode(view, at) === 0) return null;
  if (entryBytes(entryNameLength(view, at)) > length) return 'its name is longer than it';
  if (entryNameLength(view, at) === 0) return 'its name is empty';
  if (entryInode(view, at) > inodeCount) return `it names inode ${entryInode(view, at)}`;
  return null;
}

/** Writes a record. `type` is 0 where the volume has no file types. */
export function putEntry(
  view: Uint8Array,
  at: number,
  inode: number,
  length: number,
  name: string,
  type: number,
): void {
  put32(view, at, inode);
  put16(view, at + 4, length);
  view[at + 6] = name.length;
  view[at + 7] = type;
  putName(view, at + ENTRY_HEAD, name);
}

/** Bytes behind the name of the record at `at` that another could use. */
export function entrySlack(view: Uint8Array, at: number): number {
  const length = entryLength(view, at);
  if (entryInode(view, at) === 0) return length;
  return length - entryBytes(entryNameLength(view, at));
}
