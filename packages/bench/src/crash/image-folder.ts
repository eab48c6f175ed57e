import type { Ext2Image } from '@hotpath/kernel/ext2';
import type { DatabaseFile, DatabaseFolder } from './database-vfs.js';

/** The root directory of an ext2 or ext3 image as a folder of databases. */
export class ImageFolder implements DatabaseFolder {
  readonly #image: Ext2Image;

  constructor(image: Ext2Image) {
    this.#image = image;
  }

  open(name: string, create: boolean): DatabaseFile {
    const path = absolute(name);
    const image = this.#image;
    if (create && !image.exists(path)) image.writeFile(path, new Uint8Array(0));
    return new ImageFile(image, image.find(path), path);
  }

  exists(name: string): boolean {
    return this.#image.exists(absolute(name));
  }

  delete(name: string, sync: boolean): void {
    this.#image.unlink(absolute(name));
    if (sync) syncInode(this.#image, this.#image.fs.root);
  }
}

class ImageFile implements DatabaseFile {
  readonly #image: Ext2Image;
  readonly #inode: number;
  readonly #path: string;

  constructor(image: Ext2Image, inode: number, path: string) {
    this.#image = image;
    this.#inode = inode;
    this.#path = path;
  }

  get size(): number {
    return this.#image.statInode(this.#inode).size;
  }

  read(target: Uint8Array, position: number): number {
    return this.#image.readAt(this.#inode, position, target);
  }

  write(source: Uint8Array, position: number): void {
    this.#image.writeAt(this.#inode, position, source);
  }

  truncate(size: number): void {
    this.#image.truncate(this.#path, size);
  }

  sync(): void {
    syncInode(this.#image, this.#inode);
  }

  close(): void {}
}

function syncInode(image: Ext2Image, inode: number): void {
  const status = image.run((wait) => image.fs.syncInode(wait, inode, false));
  if (status < 0) throw new Error(`sync of inode ${inode}: errno ${-status}`);
}

function absolute(name: string): string {
  return name.startsWith('/') ? name : `/${name}`;
}
