import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Factory } from 'wa-sqlite';
import createModule from 'wa-sqlite/dist/wa-sqlite.mjs';
import { type DatabaseFolder, DatabaseVfs } from './database-vfs.js';

/** A database that is open. */
export interface Database {
  /** Runs SQL, one or more statements, and returns all rows. Rejects with SQLite's own error. */
  run(sql: string): Promise<unknown[][]>;
  close(): Promise<void>;
}

/** SQLite (WebAssembly, synchronous build of wa-sqlite), loaded once, over one folder at a time. */
export interface Sqlite {
  open(folder: DatabaseFolder, name: string): Promise<Database>;
  /** The power is off: what is open is forgotten, without another call to its folder. */
  abandon(): void;
}

let names = 0;

/** Loads SQLite: some 20 ms. */
export async function loadSqlite(): Promise<Sqlite> {
  const wasm = createRequire(import.meta.url).resolve('wa-sqlite/dist/wa-sqlite.wasm');
  const api = Factory(await createModule({ wasmBinary: readFileSync(wasm) }));
  const nowhere: DatabaseFolder = {
    open: () => {
      throw new Error('no folder');
    },
    exists: () => false,
    delete: () => {},
  };
  // SQLite keeps what is registered for good: one file system, whose folder changes.
  const vfs = new DatabaseVfs(`hotpath-${names++}`, nowhere);
  api.vfs_register(vfs as unknown as SQLiteVFS, false);
  return {
    async open(folder, name): Promise<Database> {
      vfs.folder = folder;
      const db = await api.open_v2(name, undefined, vfs.name);
      return {
        async run(sql): Promise<unknown[][]> {
          const rows: unknown[][] = [];
          await api.exec(db, sql, (row) => rows.push(row));
          return rows;
        },
        async close(): Promise<void> {
          await api.close(db);
        },
      };
    },
    abandon(): void {
      vfs.abandon();
      vfs.folder = nowhere;
    },
  };
}
