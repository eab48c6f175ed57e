/**
 * Crash tests of a program's own use of SQLite: its schema and code run once, on a recorded ext3 disk;
 * then it restarts on every disk that a power cut could have left, or a seeded sample of them.
 */
import {
  type CrashReport,
  type CrashState,
  createArenaMemory,
  createRecordingDevice,
  exploreCrashesAsync,
  SparseBlocks,
  WriteLog,
} from '@hotpath/hw-x86/model';
import { checkExt2, type Ext2Image, formatImage, openImage } from '@hotpath/kernel/ext2';
import { ImageFolder } from './image-folder.js';
import { type Database, loadSqlite, type Sqlite } from './sqlite.js';
import { type Sabotage, VolatileDisk, volatileMemoryDisk } from './volatile-disk.js';

/** What to test. */
export interface DatabaseTest {
  /** SQL that the program runs whenever it opens the database: its PRAGMAs. Default none. */
  readonly open?: string;
  /** Makes the schema; done and durable before the first power cut. The database is closed after it. */
  readonly prepare: (db: Database) => Promise<void>;
  /**
   * The program. It calls `note` with what it would tell a user: from then on `check` is given it. A
   * note of what begins and one of what is done make a check exact.
   */
  readonly run: (db: Database, note: (text: string) => void) => Promise<void>;
  /**
   * Restarts on a disk that the power cut left: what is wrong with it (null: nothing), given the notes
   * until then. `PRAGMA integrity_check` has been asked before.
   */
  readonly check: (db: Database, notes: readonly string[]) => Promise<string | null>;
}

/** Options of {@link crashTestDatabase}. */
export interface DatabaseTestOptions {
  /** Disks tried at each cut, about; default 8. */
  readonly statesPerCut?: number;
  /** For what is sampled; default 1. */
  readonly seed?: number;
  /** MiB of the disk, 2 to 64; default 4. */
  readonly diskMiB?: number;
  /** A loaded SQLite, to save loading another. */
  readonly sqlite?: Sqlite;
  /** What the disk does wrong on purpose; default `none`. */
  readonly sabotage?: Sabotage;
  /** Called for each disk before it is judged; its answer is what is wrong with it. */
  readonly judge?: (state: CrashState) => string | null;
}

/** Name of the database on the disk. */
const NAME = 'test.db';
const BLOCK_BYTES = 1024;
const MEMORY_BYTES = 2 * 2 ** 20;

/**
 * Runs a program once and judges every sampled disk: the file system must recover and pass its
 * checker, SQLite must find its database sound, and `check` must be content. Stops at the first disk
 * that loses, shrunk to the fewest lost writes.
 * @throws RangeError for a size that cannot be; what `prepare` and `run` throw
 */
export async function crashTestDatabase(
  test: DatabaseTest,
  options: DatabaseTestOptions = {},
): Promise<CrashReport> {
  const diskMiB = options.diskMiB ?? 4;
  if (!Number.isInteger(diskMiB) || diskMiB < 2 || diskMiB > 64) {
    throw new RangeError(`diskMiB is ${diskMiB}; allowed: a whole number 2..64`);
  }
  const sqlite = options.sqlite ?? (await loadSqlite());
  const memory = createArenaMemory(MEMORY_BYTES);
  const bytes = new Uint8Array(diskMiB * 2 ** 20);
  const plain = volatileMemoryDisk(bytes, BLOCK_BYTES);
  formatImage({ device: plain, memory, blockBytes: BLOCK_BYTES, type: 'ext3' });
  const first = openImage({ device: plain, memory });
  const open = test.open ?? '';
  await withDatabase(sqlite, first, open, test.prepare);
  first.close();

  const start = SparseBlocks.fromBytes(bytes.slice(), BLOCK_BYTES);
  const log = new WriteLog(BLOCK_BYTES);
  const recorded = new VolatileDisk(createRecordingDevice(plain, log), options.sabotage);
  const image = openImage({ device: recorded, memory });
  await withDatabase(sqlite, image, open, (db) => test.run(db, (text) => log.mark(text)));
  image.close();

  const check = async (state: CrashState): Promise<string | null> => {
    const wrong = options.judge?.(state) ?? null;
    if (wrong !== null) return wrong;
    const recovered = openImage({ device: state.disk, memory });
    const lost = await withDatabase(sqlite, recovered, open, async (db) => {
      const verdict = await db.run('PRAGMA integrity_check');
      if (verdict[0]?.[0] !== 'ok')
        return `integrity_check: ${String(verdict[0]?.[0]).replaceAll('\n', ' ')}`;
      return await test.check(db, state.marks);
    });
    if (lost !== null) return lost;
    recovered.close();
    const [problem] = checkExt2(state.disk).problems;
    return problem === undefined ? null : `the file system: ${problem.code}: ${problem.message}`;
  };
  return await exploreCrashesAsync(log, check, {
    blockCount: start.blockCount,
    image: start,
    statesPerCut: options.statesPerCut ?? 8,
    seed: options.seed ?? 1,
  });
}

async function withDatabase<T>(
  sqlite: Sqlite,
  image: Ext2Image,
  open: string,
  body: (db: Database) => Promise<T>,
): Promise<T> {
  const db = await sqlite.open(new ImageFolder(image), NAME);
  try {
    await db.run(open);
    return await body(db);
  } finally {
    await db.close();
    sqlite.abandon();
  }
}
