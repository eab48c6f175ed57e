import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { HostFolder } from '../../src/crash/host-folder.js';
import { loadSqlite } from '../../src/crash/sqlite.js';

const path = mkdtempSync(join(tmpdir(), 'hotpath-sqlite-'));
afterAll(() => rmSync(path, { recursive: true }));

test('a database on a disk of the host is a file that other programs read', async () => {
  const sqlite = await loadSqlite();
  const db = await sqlite.open(new HostFolder(path), 'test.db');
  await db.run('CREATE TABLE t (v TEXT); BEGIN; INSERT INTO t VALUES (hex(zeroblob(9000)))');
  expect(existsSync(join(path, 'test.db-journal'))).toBe(true);
  await db.run('COMMIT');
  expect(existsSync(join(path, 'test.db-journal'))).toBe(false);
  await db.close();
  expect(readFileSync(join(path, 'test.db')).subarray(0, 15).toString()).toBe('SQLite format 3');
  const again = await sqlite.open(new HostFolder(path), 'test.db');
  expect(await again.run('SELECT length(v) FROM t')).toEqual([[18_000]]);
  await again.close();
});

test('a folder that is not there cannot be opened', async () => {
  const sqlite = await loadSqlite();
  const nowhere = new HostFolder(join(path, 'missing'));
  await expect(sqlite.open(nowhere, 'test.db')).rejects.toThrow('open');
});
