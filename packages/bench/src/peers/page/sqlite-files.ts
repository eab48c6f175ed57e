/** SQLite (wa-sqlite) over a folder of synchronous files, the same code for both contestants. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Factory } from 'wa-sqlite';
import createModule from 'wa-sqlite/dist/wa-sqlite.mjs';
import * as sqlite from 'wa-sqlite/src/sqlite-constants.js';
import type { PreparedWork } from '../../harness/contestant.js';
import type { PageWorkload } from './work.js';

/** A file of the race. */
export interface RaceFile {
  size(): number;
  read(target: Uint8Array, position: number): number;
  write(source: Uint8Array, position: number): void;
  truncate(size: number): void;
  sync(): void;
}

class RaceVfs {
  readonly name = 'race';
  readonly mxPathName = 64;
  private readonly make: (name: string) => RaceFile;
  private readonly byName: Map<string, RaceFile> = new Map();
  /** Deleted files, empty, for the next that is made: journals come and go. */
  private readonly spare: RaceFile[] = [];
  private readonly byId: Map<number, RaceFile> = new Map();

  constructor(make: (name: string) => RaceFile) {
    this.make = make;
  }

  xOpen(name: string | null, id: number, flags: number, outFlags: DataView): number {
    const path = name ?? `temporary-${id}`;
    let file = this.byName.get(path);
    if (file === undefined) {
      file = this.spare.pop() ?? this.make(path);
      this.byName.set(path, file);
    }
    this.byId.set(id, file);
    outFlags.setInt32(0, flags, true);
    return sqlite.SQLITE_OK;
  }
  xClose(id: number): number {
    this.byId.delete(id);
    return sqlite.SQLITE_OK;
  }
  xRead(id: number, target: Uint8Array, offset: number): number {
    const count = this.byId.get(id)!.read(target, offset);
    if (count === target.length) return sqlite.SQLITE_OK;
    target.fill(0, count);
    return sqlite.SQLITE_IOERR_SHORT_READ;
  }
  xWrite(id: number, source: Uint8Array, offset: number): number {
    this.byId.get(id)!.write(source, offset);
    return sqlite.SQLITE_OK;
  }
  xTruncate(id: number, size: number): number {
    this.byId.get(id)!.truncate(size);
    return sqlite.SQLITE_OK;
  }
  xSync(id: number): number {
    this.byId.get(id)!.sync();
    return sqlite.SQLITE_OK;
  }
  xFileSize(id: number, size: DataView): number {
    size.setBigInt64(0, BigInt(this.byId.get(id)!.size()), true);
    return sqlite.SQLITE_OK;
  }
  xDelete(name: string): number {
    const file = this.byName.get(name);
    if (file !== undefined) {
      file.truncate(0);
      this.spare.push(file);
      this.byName.delete(name);
    }
    return sqlite.SQLITE_OK;
  }
  xAccess(name: string, _flags: number, result: DataView): number {
    result.setInt32(0, this.byName.has(name) ? 1 : 0, true);
    return sqlite.SQLITE_OK;
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
}

/** Inserts rows a hundred a transaction, reads each by key, and empties the table. */
export async function prepareSqlite(
  workload: PageWorkload,
  make: (name: string) => RaceFile,
  facts: () => Record<string, number>,
): Promise<PreparedWork> {
  const wasm = createRequire(import.meta.url).resolve('wa-sqlite/dist/wa-sqlite.wasm');
  const api = Factory(await createModule({ wasmBinary: readFileSync(wasm) }));
  const vfs = new RaceVfs(make);
  api.vfs_register(vfs as unknown as SQLiteVFS, false);
  const db = await api.open_v2('race.db', undefined, vfs.name);
  // A small cache of SQLite's own, so that the file below is what is raced.
  await api.exec(db, 'PRAGMA cache_size = 20; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)');
  const rowCount = workload.rowCount ?? 0;
  return {
    operationCount: rowCount,
    async run(): Promise<number> {
      for (let first = 0; first < rowCount; first += 100) {
        await api.exec(
          db,
          `BEGIN; WITH RECURSIVE n(i) AS (SELECT ${first} UNION ALL SELECT i + 1 FROM n
           WHERE i < ${first + 99}) INSERT INTO t SELECT i, 'row ' || i || hex(zeroblob(60)) FROM n;
           COMMIT`,
        );
      }
      let sum = 0;
      const sql = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n
        WHERE i < ${rowCount - 1})
        SELECT sum(length(v) + t.id) FROM n JOIN t ON t.id = (n.i * 7919) % ${rowCount}`;
      await api.exec(db, sql, (row) => {
        sum = row[0] as number;
      });
      await api.exec(db, 'DELETE FROM t');
      return sum;
    },
    facts,
  };
}
