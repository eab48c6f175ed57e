import * as sqlite from 'wa-sqlite/src/sqlite-constants.js';

/** A file as a database needs it; every call ends at once. */
export interface DatabaseFile {
  readonly size: number;
  /** Bytes read: fewer than asked for only at the end. */
  read(target: Uint8Array, position: number): number;
  write(source: Uint8Array, position: number): void;
  truncate(size: number): void;
  /** Contents, size and name are durable when it returns. */
  sync(): void;
  close(): void;
}

/** A folder as a database needs it. What it throws becomes one of SQLite's I/O errors. */
export interface DatabaseFolder {
  /** Opens a file, which is made if it is not there and `create` says so. */
  open(name: string, create: boolean): DatabaseFile;
  exists(name: string): boolean;
  /** Removes a name; durably where `sync` says so. */
  delete(name: string, sync: boolean): void;
}

interface Opened {
  readonly file: DatabaseFile;
  readonly name: string;
  readonly deleteOnClose: boolean;
}

/**
 * SQLite's virtual file system (sqlite.org/vfs.html), as wa-sqlite's synchronous build takes it, over
 * any folder. One connection at a time: it locks nobody out. It promises SQLite nothing about torn or
 * reordered writes.
 */
export class DatabaseVfs {
  readonly name: string;
  readonly mxPathName = 256;
  /** Where files are opened from now on. A database that is open stays where it is. */
  folder: DatabaseFolder;
  /** What the folder last threw. */
  lastError: unknown = null;
  private readonly files: Map<number, Opened> = new Map();
  private temporaryCount = 0;

  constructor(name: string, folder: DatabaseFolder) {
    this.name = name;
    this.folder = folder;
  }

  /** Forgets what is open: the power is off. */
  abandon(): void {
    this.files.clear();
  }

  xOpen(name: string | null, id: number, flags: number, outFlags: DataView): number {
    return this.attempt(sqlite.SQLITE_CANTOPEN, () => {
      const path = name ?? `temporary-${this.temporaryCount++}`;
      const file = this.folder.open(path, (flags & sqlite.SQLITE_OPEN_CREATE) !== 0);
      const deleteOnClose = (flags & sqlite.SQLITE_OPEN_DELETEONCLOSE) !== 0;
      this.files.set(id, { file, name: path, deleteOnClose });
      outFlags.setInt32(0, flags, true);
    });
  }

  xClose(id: number): number {
    const opened = this.files.get(id);
    if (opened === undefined) return sqlite.SQLITE_OK;
    return this.attempt(sqlite.SQLITE_IOERR_CLOSE, () => {
      this.files.delete(id);
      opened.file.close();
      if (opened.deleteOnClose) this.folder.delete(opened.name, false);
    });
  }

  xRead(id: number, target: Uint8Array, offset: number): number {
    let count = 0;
    const status = this.attempt(sqlite.SQLITE_IOERR_READ, () => {
      count = this.file(id).read(target, offset);
    });
    if (status !== sqlite.SQLITE_OK || count === target.length) return status;
    target.fill(0, count);
    return sqlite.SQLITE_IOERR_SHORT_READ;
  }

  xWrite(id: number, source: Uint8Array, offset: number): number {
    return this.attempt(sqlite.SQLITE_IOERR_WRITE, () => this.file(id).write(source, offset));
  }

  xTruncate(id: number, size: number): number {
    return this.attempt(sqlite.SQLITE_IOERR_TRUNCATE, () => this.file(id).truncate(size));
  }

  xSync(id: number, _flags: number): number {
    return this.attempt(sqlite.SQLITE_IOERR_FSYNC, () => this.file(id).sync());
  }

  xFileSize(id: number, size: DataView): number {
    return this.attempt(sqlite.SQLITE_IOERR_FSTAT, () => {
      size.setBigInt64(0, BigInt(this.file(id).size), true);
    });
  }

  xDelete(name: string, syncFolder: number): number {
    return this.attempt(sqlite.SQLITE_IOERR_DELETE, () => {
      this.folder.delete(name, syncFolder !== 0);
    });
  }

  xAccess(name: string, _flags: number, result: DataView): number {
    return this.attempt(sqlite.SQLITE_IOERR_ACCESS, () => {
      result.setInt32(0, this.folder.exists(name) ? 1 : 0, true);
    });
  }

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

  private file(id: number): DatabaseFile {
    const opened = this.files.get(id);
    if (opened === undefined) throw new Error(`file ${id} is not open`);
    return opened.file;
  }

  private attempt(failure: number, call: () => void): number {
    try {
      call();
      return sqlite.SQLITE_OK;
    } catch (error) {
      // It must not unwind SQLite's own frames.
      this.lastError = error;
      return failure;
    }
  }
}
