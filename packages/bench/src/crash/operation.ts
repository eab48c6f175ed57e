import type { Ext2Image } from '@hotpath/kernel/ext2';

/** One call of a workload. Paths are absolute; `fill` seeds the bytes written. */
export type CrashOperation =
  | { readonly call: 'create' | 'mkdir' | 'unlink' | 'rmdir' | 'fsync'; readonly path: string }
  /** Removes the last name while somebody has the file open. */
  | { readonly call: 'unlink-open'; readonly path: string }
  | {
      readonly call: 'write';
      readonly path: string;
      readonly at: number;
      readonly length: number;
      readonly fill: number;
    }
  | { readonly call: 'truncate'; readonly path: string; readonly size: number }
  /** Whole pages of 4 KiB become a hole. */
  | { readonly call: 'punch'; readonly path: string; readonly page: number; readonly count: number }
  | { readonly call: 'rename' | 'link'; readonly path: string; readonly to: string }
  /** A symbolic link at `path`. */
  | { readonly call: 'symlink'; readonly path: string; readonly target: string }
  | { readonly call: 'sync' };

/** Bytes that a write puts at `at`: no two blocks of one campaign's writes are alike. */
export function bytesOf(fill: number, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const place = at + i;
    bytes[i] = 1 + ((Math.imul(fill + 1, 40_503) + Math.imul(place >>> 9, 97) + place) & 0x7f);
  }
  return bytes;
}

/**
 * Makes the call on a mounted image; the inodes that it leaves open join `held`. Throws what the
 * image throws.
 */
export function perform(image: Ext2Image, operation: CrashOperation, held: number[]): void {
  switch (operation.call) {
    case 'create':
      image.writeFile(operation.path, new Uint8Array(0));
      return;
    case 'mkdir':
      image.mkdir(operation.path);
      return;
    case 'unlink':
      image.unlink(operation.path);
      return;
    case 'unlink-open': {
      const inode = image.find(operation.path);
      must(
        operation,
        image.run((wait) => image.fs.load(wait, inode)),
      );
      held.push(inode);
      image.unlink(operation.path);
      return;
    }
    case 'rmdir':
      image.rmdir(operation.path);
      return;
    case 'write': {
      const { path, at, length, fill } = operation;
      image.writeAt(image.find(path), at, bytesOf(fill, at, length));
      return;
    }
    case 'truncate':
      image.truncate(operation.path, operation.size);
      return;
    case 'punch': {
      const { path, page, count } = operation;
      const inode = image.find(path);
      must(
        operation,
        image.run((wait) => image.fs.punch(wait, inode, page, count)),
      );
      return;
    }
    case 'rename':
      image.rename(operation.path, operation.to);
      return;
    case 'link':
      image.link(operation.path, operation.to);
      return;
    case 'symlink':
      image.symlink(operation.target, operation.path);
      return;
    case 'fsync': {
      const inode = image.find(operation.path);
      must(
        operation,
        image.run((wait) => image.fs.syncInode(wait, inode, false)),
      );
      return;
    }
    case 'sync':
      image.sync();
  }
}

function must(operation: CrashOperation, status: number): void {
  if (status < 0) throw new Error(`${describe(operation)}: errno ${-status}`);
}

/** The call in words. */
export function describe(operation: CrashOperation): string {
  switch (operation.call) {
    case 'write':
      return `write ${operation.length} bytes at ${operation.at} of ${operation.path}`;
    case 'truncate':
      return `truncate ${operation.path} to ${operation.size} bytes`;
    case 'punch': {
      const last = operation.page + operation.count - 1;
      return `punch pages ${operation.page}..${last} out of ${operation.path}`;
    }
    case 'rename':
      return `rename ${operation.path} to ${operation.to}`;
    case 'link':
      return `link ${operation.path} as ${operation.to}`;
    case 'symlink':
      return `symlink ${operation.path} to ${operation.target}`;
    case 'unlink-open':
      return `unlink ${operation.path} while it is open`;
    case 'sync':
      return 'sync';
    default:
      return `${operation.call} ${operation.path}`;
  }
}
