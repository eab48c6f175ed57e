import { assert, EBUSY, NIL } from '@hotpath/hw-x86';
import { MOUNT_LIMIT } from '../params.js';
import type { FileSystem } from './file-system.js';

/** The file systems of the tree: which one, its root, and the name that it covers. */
export class Mounts {
  readonly fileSystem: (FileSystem | null)[] = new Array<FileSystem | null>(MOUNT_LIMIT).fill(null);
  /** What was mounted, as /proc/mounts shows it. */
  readonly source: string[] = new Array<string>(MOUNT_LIMIT).fill('');
  /** Dentry of the root directory. */
  readonly root = new Int32Array(MOUNT_LIMIT).fill(NIL);
  /** Dentry that the root covers; NIL for the root of all. */
  readonly point = new Int32Array(MOUNT_LIMIT).fill(NIL);

  /** A row for a file system, or EBUSY when all are taken. */
  take(fileSystem: FileSystem, source: string): number {
    const mount = this.fileSystem.indexOf(null);
    if (mount < 0) return EBUSY;
    this.fileSystem[mount] = fileSystem;
    this.source[mount] = source;
    return mount;
  }

  /** Frees a row. */
  give(mount: number): void {
    this.fileSystem[mount] = null;
    this.root[mount] = NIL;
    this.point[mount] = NIL;
  }

  /** The file system of a row in use. */
  at(mount: number): FileSystem {
    const fileSystem = this.fileSystem[mount];
    assert(fileSystem !== null, 'a file system is asked that is not mounted');
    return fileSystem;
  }
}
