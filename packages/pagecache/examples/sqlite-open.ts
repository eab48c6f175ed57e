import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Factory } from 'wa-sqlite';
import createModule from 'wa-sqlite/dist/wa-sqlite.mjs';
import { SqliteVfs, type SyncFolder } from './sqlite-vfs.js';

/** One SQLite library and what the examples do with it. */
export interface Sqlite {
  /** Opens a database in a folder. */
  open(folder: SyncFolder, name: string): Promise<Database>;
}

/** A database that is open. */
export interface Database {
  /** Runs SQL and returns the rows. */
  run(sql: string): Promise<unknown[][]>;
  close(): Promise<void>;
}

let names = 0;

/** Loads SQLite (WebAssembly, synchronous build). */
export async function loadSqlite(): Promise<Sqlite> {
  const wasm = createRequire(import.meta.url).resolve('wa-sqlite/dist/wa-sqlite.wasm');
  const api = Factory(await createModule({ wasmBinary: readFileSync(wasm) }));
  return {
    async open(folder, name): Promise<Database> {
      // SQLite keeps every registered file system, so that each folder needs a name of its own.
      const vfs = new SqliteVfs(`folder${names++}`, folder);
      api.vfs_register(vfs as unknown as SQLiteVFS, false);
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
  };
}
