import {
  type Attributes,
  createAttributes,
  type DirectoryEntry,
  type VolumeStatus,
} from '../vfs/file-system.js';
import type { Call } from './call.js';

/**
 * What calls tell beside a number, for programs that are written in JavaScript: the record that also
 * went to the program's memory, if it gave an address.
 */
export interface CallAnswer {
  /** Of stat, lstat, fstat. */
  readonly attributes: Attributes;
  /** Of statfs. */
  readonly volume: VolumeStatus;
  /** Of readdir; the name is a byte string. */
  readonly entry: DirectoryEntry;
  /** Of readlink and getcwd: a byte string. */
  text: string;
  /** Of getdents: records on their way to the program, and where the next begin. */
  records: Uint8Array;
  cookie: number;
}

/** The record of a task's calls; made at its first use. */
export function answerOf(call: Call): CallAnswer {
  call.answer ??= {
    attributes: createAttributes(),
    volume: { blockBytes: 0, blocks: 0, freeBlocks: 0, inodes: 0, freeInodes: 0 },
    entry: { name: '', inode: 0, type: 0 },
    text: '',
    records: new Uint8Array(0),
    cookie: 0,
  };
  return call.answer;
}
