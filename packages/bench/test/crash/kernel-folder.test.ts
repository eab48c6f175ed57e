import { boot } from '@hotpath/kernel';
import { expect, test } from 'vitest';
import { KernelFolder } from '../../src/crash/kernel-folder.js';
import { loadSqlite } from '../../src/crash/sqlite.js';

const sqlite = await loadSqlite();

test('SQLite runs on system calls of the kernel, while other tasks run in its waits', async () => {
  const kernel = boot({ mode: 'flat' });
  let rounds = 0;
  kernel.spawn('beside', function* (sys) {
    for (; rounds < 50; rounds++) yield* sys.sleep(10_000);
  });
  const task = kernel.openHostTask('sqlite');
  const db = await sqlite.open(new KernelFolder(task), 'test.db');
  await db.run(`PRAGMA journal_mode = delete; PRAGMA cache_size = 10;
    CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT);
    BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    INSERT INTO t SELECT i, hex(randomblob(40)) FROM n; COMMIT; DELETE FROM t WHERE id % 2 = 0`);
  expect(await db.run('SELECT count(*), sum(id) FROM t')).toEqual([[250, 62_500]]);
  expect(await db.run('PRAGMA integrity_check')).toEqual([['ok']]);
  expect(rounds).toBeGreaterThan(0);
  expect(task.report.cycles).toBeGreaterThan(0);
  await db.close();
  task.close();
  expect(task.report.status).toBe(0);
  kernel.run();
  expect(rounds).toBe(50);
  kernel.checkInvariants();
});
