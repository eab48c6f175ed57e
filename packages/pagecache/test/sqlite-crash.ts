import { type Database, loadSqlite, type Sqlite } from '../examples/sqlite-open.js';
import type { SyncFile, SyncFolder } from '../examples/sqlite-vfs.js';
import { afterCut, CrashFolder } from './crash-folder.js';
import { Random } from './random.js';

/** What a campaign found. */
export interface CrashReport {
  /** States opened and judged. */
  states: number;
  /** Of them, those in which at least one unflushed write was lost. */
  lossy: number;
  /** Disk events of the recorded run, and transactions in it. */
  events: number;
  commits: number;
}

const ACCOUNTS = 60;

/**
 * Runs SQLite over the page cache and a disk with a volatile cache, then cuts the power at `states`
 * points spread over all disk events, with and without losing unflushed writes, and opens what is
 * left. Throws unless integrity_check says ok, the money is all there, and every transaction that had
 * been acknowledged is.
 */
export async function sqliteCrashes(states: number, seed: number): Promise<CrashReport> {
  const sqlite = await loadSqlite();
  const random = new Random(seed);
  const folder = new CrashFolder(6);
  const acknowledged = await record(sqlite, folder, random);
  const { events } = folder;
  let lossy = 0;
  for (let i = 0; i < states; i++) {
    const cut = Math.floor((i * (events.length + 1)) / states);
    // Every second state keeps all that the disk had taken; the others lose about half of it.
    const { files, lost } = afterCut(events, cut, () => i % 2 === 1 && random.chance(50));
    if (lost > 0) lossy++;
    const commits = acknowledged.filter((at) => at <= cut).length;
    await judge(sqlite, files, commits, `cut at ${cut} of ${events.length}, ${lost} writes lost`);
  }
  return { states, lossy, events: events.length, commits: acknowledged.length };
}

/** Returns after which event each transaction was acknowledged. */
async function record(sqlite: Sqlite, folder: CrashFolder, random: Random): Promise<number[]> {
  const db = await sqlite.open(folder, 'bank.db');
  await db.run('PRAGMA cache_size = 4');
  await db.run(
    `CREATE TABLE account (id INTEGER PRIMARY KEY, money INTEGER, note TEXT);
     CREATE TABLE history (id INTEGER PRIMARY KEY, filler TEXT);
     CREATE INDEX by_money ON account (money);`,
  );
  await db.run('BEGIN');
  for (let i = 0; i < ACCOUNTS; i++) {
    await db.run(`INSERT INTO account VALUES (${i}, 100, hex(zeroblob(150)))`);
  }
  await db.run('INSERT INTO history VALUES (0, NULL); COMMIT');
  const acknowledged = [folder.events.length];
  for (let i = 1; i <= 60; i++) {
    const amount = random.below(50);
    await db.run(
      `BEGIN;
       UPDATE account SET money = money - ${amount} WHERE id = ${random.below(ACCOUNTS)};
       UPDATE account SET money = money + ${amount} WHERE id = ${random.below(ACCOUNTS)};
       INSERT INTO history VALUES (${i}, hex(zeroblob(${random.below(900)})));
       ${i % 15 === 0 ? 'DELETE FROM history WHERE id < max(0, (SELECT max(id) FROM history) - 8) AND id > 0;' : ''}
       COMMIT`,
    );
    acknowledged.push(folder.events.length);
    if (i % 20 === 0) await db.run('VACUUM');
  }
  await db.close();
  folder.pages.checkInvariants();
  return acknowledged;
}

async function judge(
  sqlite: Sqlite,
  files: Map<string, Uint8Array>,
  commits: number,
  where: string,
): Promise<void> {
  const db = await sqlite.open(new PlainFolder(files), 'bank.db');
  try {
    const [[verdict]] = await db.run('PRAGMA integrity_check');
    if (verdict !== 'ok') throw new Error(`integrity_check says ${verdict}`);
    if (commits > 0) await judgeMoney(db, commits);
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  } finally {
    await db.close();
  }
}

async function judgeMoney(db: Database, commits: number): Promise<void> {
  const [[money]] = await db.run('SELECT sum(money) FROM account');
  if (money !== ACCOUNTS * 100) throw new Error(`${money} is left of ${ACCOUNTS * 100}`);
  const [[last]] = await db.run('SELECT max(id) FROM history');
  if ((last as number) < commits - 1) {
    throw new Error(`transaction ${commits - 1} was acknowledged, ${last} is the last one there`);
  }
}

/** Plain arrays, no cache. */
export class PlainFolder implements SyncFolder {
  private readonly files: Map<string, Uint8Array>;
  constructor(files: Map<string, Uint8Array>) {
    this.files = files;
  }
  exists(name: string): boolean {
    return this.files.has(name);
  }
  delete(name: string): void {
    this.files.delete(name);
  }
  open(name: string, create: boolean): SyncFile {
    if (!this.files.has(name)) {
      if (!create) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      this.files.set(name, new Uint8Array(0));
    }
    const { files } = this;
    return {
      get size(): number {
        return files.get(name)!.length;
      },
      readSync(target, position): number {
        const bytes = files.get(name)!.subarray(position, position + target.length);
        target.set(bytes);
        return bytes.length;
      },
      writeSync(source, position): number {
        let bytes = files.get(name)!;
        if (position + source.length > bytes.length) {
          const longer = new Uint8Array(position + source.length);
          longer.set(bytes);
          bytes = longer;
          files.set(name, bytes);
        }
        bytes.set(source, position);
        return source.length;
      },
      truncateSync(size): void {
        const shorter = new Uint8Array(size);
        shorter.set(files.get(name)!.subarray(0, size));
        files.set(name, shorter);
      },
      fsyncSync(): void {},
      closeSync(): void {},
    };
  }
}
