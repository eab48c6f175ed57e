/** The database workload of the campaigns: a bank whose money is conserved. */
import { Random } from '../harness/random.js';
import type { DatabaseTest } from './database-test.js';
import type { Database } from './sqlite.js';

/** SQLite's ways to make a transaction atomic. */
export const JOURNAL_MODES = ['delete', 'truncate', 'persist', 'wal'] as const;
export type JournalMode = (typeof JOURNAL_MODES)[number];

const ACCOUNTS = 24;
const OPENING = 1000;

function pragmas(mode: JournalMode): string {
  // A small cache of SQLite's own spills in the middle of transactions. WAL without shared memory
  // needs the exclusive mode (sqlite.org/wal.html#noshm).
  const exclusive = mode === 'wal' ? 'PRAGMA locking_mode = exclusive;' : '';
  // Only `extra` syncs the folder after a journal is deleted: with `full` a transaction that was
  // acknowledged may be rolled back (sqlite.org/pragma.html#pragma_synchronous).
  const synchronous = mode === 'delete' ? 'extra' : 'full';
  return `${exclusive} PRAGMA journal_mode = ${mode}; PRAGMA synchronous = ${synchronous};
    PRAGMA cache_size = 6; PRAGMA wal_autocheckpoint = 12`;
}

/**
 * So many transfers, each a transaction of two updates and an insert, some undone on purpose and some
 * wide; the check wants the sum of all accounts unchanged, every acknowledged transfer in the ledger,
 * nothing behind the one under way, and balances that follow from the ledger.
 */
export function bank(mode: JournalMode, seed: number, transferCount: number): DatabaseTest {
  return {
    open: `PRAGMA page_size = 1024; ${pragmas(mode)}`,
    async prepare(db): Promise<void> {
      await db.run(`CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER, pad TEXT);
        CREATE TABLE ledger (id INTEGER PRIMARY KEY, source INTEGER, target INTEGER,
          amount INTEGER);
        CREATE INDEX by_target ON ledger (target)`);
      await db.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
        WHERE i < ${ACCOUNTS}) INSERT INTO account SELECT i, ${OPENING}, hex(zeroblob(90)) FROM n`);
    },
    async run(db, note): Promise<void> {
      const random = new Random(seed);
      for (let id = 1; id <= transferCount; id++) {
        note(`begin ${id}`);
        const source = 1 + random.below(ACCOUNTS);
        const target = 1 + random.below(ACCOUNTS);
        const amount = 1 + random.below(50);
        await db.run(`BEGIN;
          UPDATE account SET balance = balance - ${amount} WHERE id = ${source};
          UPDATE account SET balance = balance + ${amount} WHERE id = ${target}`);
        // Now and then every page changes, which spills before the commit.
        if (random.below(4) === 0) await db.run('UPDATE account SET pad = hex(randomblob(90))');
        if (random.below(6) === 0) {
          await db.run('ROLLBACK; BEGIN');
          await db.run(`INSERT INTO ledger VALUES (${id}, 1, 1, 0); COMMIT`);
        } else {
          await db.run(
            `INSERT INTO ledger VALUES (${id}, ${source}, ${target}, ${amount}); COMMIT`,
          );
        }
        note(`done ${id}`);
      }
    },
    check: checkBank,
  };
}

async function checkBank(db: Database, notes: readonly string[]): Promise<string | null> {
  let begun = 0;
  let done = 0;
  for (const text of notes) {
    const [what, id] = text.split(' ');
    if (what === 'begin') begun = Number(id);
    else done = Number(id);
  }
  const [[sum]] = (await db.run('SELECT sum(balance) FROM account')) as [[number]];
  if (sum !== ACCOUNTS * OPENING) return `the accounts hold ${sum}, not ${ACCOUNTS * OPENING}`;
  const [[count, last]] = (await db.run('SELECT count(*), ifnull(max(id), 0) FROM ledger')) as [
    [number, number],
  ];
  if (count !== last) return `the ledger has ${count} rows, and the last is ${last}`;
  if (last < done) return `transfer ${done} was acknowledged, and the last one there is ${last}`;
  if (last > begun) return `transfer ${last} is there, and ${begun} was the last to begin`;
  const wrong = await db.run(`SELECT id FROM account AS a WHERE balance <> ${OPENING}
    + (SELECT ifnull(sum(amount), 0) FROM ledger WHERE target = a.id)
    - (SELECT ifnull(sum(amount), 0) FROM ledger WHERE source = a.id)`);
  return wrong.length === 0 ? null : `account ${String(wrong[0]![0])} disagrees with the ledger`;
}
