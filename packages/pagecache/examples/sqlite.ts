/**
 * Real SQLite on the page cache over a real file:
 *
 *   npx tsx --conditions=@hotpath/source packages/pagecache/examples/sqlite.ts [FILE]
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { FileCache } from '@hotpath/pagecache/node';
import { loadSqlite } from './sqlite-open.js';
import type { SyncFolder } from './sqlite-vfs.js';

/** Files of one host folder behind one page cache. */
export function cachedFolder(cache: FileCache, path: string): SyncFolder {
  return {
    open: (name, create) => cache.open(join(path, name), create ? 'create' : 'r+'),
    exists: (name) => existsSync(join(path, name)),
    delete: (name) => rmSync(join(path, name), { force: true }),
  };
}

/** Makes a database of `count` rows; returns what the cache did. */
export async function makeDatabase(path: string, count: number): Promise<FileCache> {
  const cache = new FileCache({ cacheBytes: 1024 * 1024 });
  const sqlite = await loadSqlite();
  const db = await sqlite.open(cachedFolder(cache, dirname(path)), basename(path));
  await db.run('CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT)');
  await db.run('BEGIN');
  for (let i = 0; i < count; i++) {
    await db.run(`INSERT INTO words (word) VALUES ('word number ${i}')`);
  }
  await db.run('COMMIT');
  await db.run('CREATE INDEX by_word ON words (word)');
  await db.close();
  cache.stop();
  return cache;
}

if (process.argv[1]?.endsWith('sqlite.ts')) {
  const folder = mkdtempSync(join(tmpdir(), 'pagecache-'));
  const path = process.argv[2] ?? join(folder, 'words.db');
  const cache = await makeDatabase(path, 5000);
  const { hits, misses, pagesWritten } = cache.counters;
  console.log(`${path}: ${hits} hits, ${misses} misses, ${pagesWritten} pages written`);
  if (process.argv[2] === undefined) rmSync(folder, { recursive: true });
}
