import * as sqlite from 'wa-sqlite/src/sqlite-constants.js';

/** A file as SQLite needs it. `CachedFile` is one. */
export interface SyncFile {
  readonly size: number;
  readSync(target: Uint8Array, position: number): number;
  writeSync(source: Uint8Array, position: number): number;
  truncateSync(size: number): void;
  fsyncSync(): void;
  closeSync(): void;
}

/** A folder as SQLite needs it. */
export interface SyncFolder {
  open(name: string, create: boolean): SyncFile;
  exists(name: string): boolean;
  delete(name: string): void;
}

interface Opened {
  file: SyncFile;
  name: string;
  deleteOnClose: boolean;
}

/** SQLite's virtual file system (sqlite.org/vfs.html) over any folder of synchronous files. */
export class SqliteVfs {
  readonly name: string;
  readonly mxPathName = 256;
  private readonly folder: SyncFolder;
  private readonly files: Map<number, Opened> = new Map();
  private temporaryCount = 0;

  constructor(name: string, folder: SyncFolder) {
    this.name = name;
    this.folder = folder;
  }

  xOpen(name: string | null, id: number, flags: number, outFlags: DataView): number {
    return attempt(sqlite.SQLITE_CANTOPEN, () => {
      const path = name ?? `temporary-${this.temporaryCount++}`;
      const file = this.folder.open(path, (flags & sqlite.SQLITE_OPEN_CREATE) !== 0);
      const deleteOnClose = (flags & sqlite.SQLITE_OPEN_DELETEONCLOSE) !== 0;
      this.files.set(id, { file, name: path, deleteOnClose });
      outFlags.setInt32(0, flags, true);
    });
  }

  xClose(id: number): number {
    return attempt(sqlite.SQLITE_IOERR_CLOSE, () => {
      const { file, name, deleteOnClose } = this.files.get(id)!;
      this.files.delete(id);
      file.closeSync();
      if (deleteOnClose) this.folder.delete(name);
    });
  }

  xRead(id: number, target: Uint8Array, offset: number): number {
    let count = 0;
    const status = attempt(sqlite.SQLITE_IOERR_READ, () => {
      count = this.files.get(id)!.file.readSync(target, offset);
    });
    if (status !== sqlite.SQLITE_OK || count === target.length) return status;
    target.fill(0, count);
    return sqlite.SQLITE_IOERR_SHORT_READ;
  }

  xWrite(id: number, source: Uint8Array, offset: number): number {
    return attempt(sqlite.SQLITE_IOERR_WRITE, () => {
      this.files.get(id)!.file.writeSync(source, offset);
    });
  }

  xTruncate(id: number, size: number): number {
    return attempt(sqlite.SQLITE_IOERR_TRUNCATE, () => {
      this.files.get(id)!.file.truncateSync(size);
    });
  }

  xSync(id: number, _flags: number): number {
    return attempt(sqlite.SQLITE_IOERR_FSYNC, () => {
      this.files.get(id)!.file.fsyncSync();
    });
  }

  xFileSize(id: number, size: DataView): number {
    size.setBigInt64(0, BigInt(this.files.get(id)!.file.size), true);
    return sqlite.SQLITE_OK;
  }

  xDelete(name: string, _syncFolder: number): number {
    return attempt(sqlite.SQLITE_IOERR_DELETE, () => {
      this.folder.delete(name);
    });
  }

  xAccess(name: string, _flags: number, result: DataView): number {
    result.setInt32(0, this.folder.exists(name) ? 1 : 0, true);
    return sqlite.SQLITE_OK;
  }

  // One connection at a time: there is nobody to lock out.
  xLock(): number {
    return sqlite.SQLITE_OK;
  }
  xUnlock(): number {
    return sqlite.SQLITE_OK;
  }
  xCheckReservedLock(_id: number, result: DataView): number {
    result.setInt32(0, 0, true);
    return sqlite.SQLITE_OK;
  }
  xFileControl(): number {
    return sqlite.SQLITE_NOTFOUND;
  }
  xSectorSize(): number {
    return 4096;
  }
  xDeviceCharacteristics(): number {
    return 0;
  }
}

function attempt(failure: number, call: () => void): number {
  try {
    call();
    return sqlite.SQLITE_OK;
  } catch (error) {
    if ((error as { code?: unknown }).code === undefined) throw error;
    return failure;
  }
}
