/**
 * Crash-tests a program's own use of SQLite: an outbox, whose messages must be sent once they were
 * accepted. The power is cut at every write of it, on an ext3 disk with a volatile cache.
 *
 *   npx tsx --conditions=@hotpath/source packages/bench/examples/crash-test-schema.ts
 */
import { crashTestDatabase, type DatabaseTest } from '@hotpath/bench';

/** The program, with the PRAGMAs that it thinks are enough. */
function outbox(pragmas: string): DatabaseTest {
  return {
    open: pragmas,
    async prepare(db) {
      await db.run('CREATE TABLE outbox (id INTEGER PRIMARY KEY, text TEXT, sent INTEGER)');
    },
    async run(db, note) {
      for (let id = 1; id <= 3; id++) {
        await db.run(`INSERT INTO outbox VALUES (${id}, 'message ${id}', 0)`);
        note(`accepted ${id}`);
      }
    },
    async check(db, notes) {
      const rows = await db.run('SELECT count(*) FROM outbox');
      const kept = Number(rows[0]![0]);
      return kept >= notes.length
        ? null
        : `${notes.length} messages were accepted, ${kept} are kept`;
    },
  };
}

for (const synchronous of ['off', 'normal', 'full', 'extra']) {
  const report = await crashTestDatabase(outbox(`PRAGMA synchronous = ${synchronous}`));
  const verdict = report.failure === null ? 'nothing is lost' : report.failure.message;
  console.log(`synchronous = ${synchronous}: ${report.states} disks, ${verdict}`);
}
