import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { DatabaseFile, DatabaseFolder } from './database-vfs.js';

/** A folder of the host's own disk as a folder of databases. */
export class HostFolder implements DatabaseFolder {
  readonly #path: string;

  /** @param path - a folder that is there */
  constructor(path: string) {
    this.#path = path;
  }

  open(name: string, create: boolean): DatabaseFile {
    const path = join(this.#path, name);
    const isNew = create && !existsSync(path);
    return new HostFile(openSync(path, isNew ? 'wx+' : 'r+'), isNew ? this.#path : null);
  }

  exists(name: string): boolean {
    return existsSync(join(this.#path, name));
  }

  delete(name: string, sync: boolean): void {
    unlinkSync(join(this.#path, name));
    if (sync) syncFolder(this.#path);
  }
}

class HostFile implements DatabaseFile {
  readonly #file: number;
  /** Its folder while the name may not be durable yet. */
  #unsynced: string | null;

  constructor(file: number, unsynced: string | null) {
    this.#file = file;
    this.#unsynced = unsynced;
  }

  get size(): number {
    return fstatSync(this.#file).size;
  }

  read(target: Uint8Array, position: number): number {
    let done = 0;
    while (done < target.length) {
      const count = readSync(this.#file, target, done, target.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(source: Uint8Array, position: number): void {
    for (let done = 0; done < source.length; ) {
      done += writeSync(this.#file, source, done, source.length - done, position + done);
    }
  }

  truncate(size: number): void {
    ftruncateSync(this.#file, size);
  }

  sync(): void {
    fsyncSync(this.#file);
    if (this.#unsynced !== null) syncFolder(this.#unsynced);
    this.#unsynced = null;
  }

  close(): void {
    closeSync(this.#file);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
