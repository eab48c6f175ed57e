import { expect, test } from 'vitest';
import { bank } from '../../src/crash/bank.js';
import { crashTestDatabase } from '../../src/crash/database-test.js';
import { loadSqlite } from '../../src/crash/sqlite.js';

const sqlite = await loadSqlite();

test('SQLite on ext3 keeps what it acknowledged, with a rollback journal and with WAL', async () => {
  for (const mode of ['truncate', 'wal'] as const) {
    const report = await crashTestDatabase(bank(mode, 1, 2), { sqlite, statesPerCut: 1 });
    expect(report.failure).toBeNull();
    expect(report.states).toBeGreaterThan(50);
  }
});

test('synchronous = full rolls back what was acknowledged, where a journal is deleted', async () => {
  const careful = bank('delete', 1, 1);
  const options = { sqlite, statesPerCut: 2 };
  expect((await crashTestDatabase(careful, options)).failure).toBeNull();
  const open = careful.open!.replace('synchronous = extra', 'synchronous = full');
  const { failure } = await crashTestDatabase({ ...careful, open }, options);
  expect(failure?.message).toBe('transfer 1 was acknowledged, and the last one there is 0');
});

test('an error of the program itself is not swallowed', async () => {
  const run = (): Promise<void> => Promise.reject(new Error('of the program'));
  const broken = { ...bank('truncate', 1, 1), run };
  await expect(crashTestDatabase(broken, { sqlite })).rejects.toThrow('of the program');
  await expect(crashTestDatabase(broken, { diskMiB: 1 })).rejects.toThrow('allowed: a whole');
});

test('SQLite on system calls of the kernel, ext3 and an NVMe disk keeps what it acknowledged', async () => {
  const test = bank('truncate', 1, 2);
  const options = { sqlite, through: 'kernel', statesPerCut: 2 } as const;
  const report = await crashTestDatabase(test, options);
  expect(report.failure).toBeNull();
  expect(report.states).toBeGreaterThan(30);
  // Without its syncs it does not: the judge can fail.
  const open = test.open!.replace('synchronous = full', 'synchronous = off');
  const { failure } = await crashTestDatabase({ ...test, open }, options);
  expect(failure).not.toBeNull();
});
