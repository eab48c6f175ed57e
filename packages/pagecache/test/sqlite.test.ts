import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { testWithTools } from '../../../scripts/testing/tools.js';
import { serveLargeFile } from '../examples/serve-large-file.js';
import { makeDatabase } from '../examples/sqlite.js';
import { sqliteCrashes } from './sqlite-crash.js';

const STATES = Number(process.env['HOTPATH_SQLITE_STATES'] ?? 50);

it(`${STATES} power cuts under SQLite leave a sound database with every acknowledged transaction`, async () => {
  const report = await sqliteCrashes(STATES, 7);
  expect(report.states).toBe(STATES);
  expect(report.lossy).toBeGreaterThanOrEqual(STATES / 5);
  expect(report.commits).toBe(61);
}, 600_000);

it('the judge of power cuts finds a lost transaction when the disk never hears of a flush', async () => {
  const { CrashFolder } = await import('./crash-folder.js');
  const original = CrashFolder.prototype.sync;
  CrashFolder.prototype.sync = () => 0;
  try {
    await expect(sqliteCrashes(60, 7)).rejects.toThrow();
  } finally {
    CrashFolder.prototype.sync = original;
  }
});

testWithTools(
  'the sqlite3 command opens a database made on the page cache',
  ['sqlite3'],
  async (sqlite3) => {
    const folder = mkdtempSync(join(tmpdir(), 'pagecache-'));
    try {
      const path = join(folder, 'words.db');
      const cache = await makeDatabase(path, 800);
      expect(cache.pages.pageCount).toBe(0);
      const sql = 'PRAGMA integrity_check; SELECT count(*) FROM words';
      expect(execFileSync(sqlite3, [path, sql], { encoding: 'utf8' })).toBe('ok\n800\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

it('a large file is served through a small cache to several readers, byte for byte', async () => {
  const { served, resident, cache } = await serveLargeFile(3_000_001, 256 * 1024, 5);
  expect(served).toBeGreaterThan(3_000_001);
  expect(resident).toBeLessThanOrEqual(256 * 1024);
  expect(cache.pages.pageCount).toBe(0);
});
