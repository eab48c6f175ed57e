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
import { boot } from '@hotpath/kernel';
import { checkExt2, ext2Root, formatImage, openImage } from '@hotpath/kernel/ext2';
import type { DatabaseFolder } from './database-vfs.js';
import { ImageFolder } from './image-folder.js';
import { KernelFolder } from './kernel-folder.js';
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
  /** MiB of the disk, 2 to 64 (6 at least for `kernel`); default 4, or 8 for `kernel`. */
  readonly diskMiB?: number;
  /**
   * What the program's calls pass: `image`, the file system alone, each write done when it returns; or
   * `kernel`, system calls, page cache and an NVMe disk with writes in flight. Default `image`.
   */
  readonly through?: 'image' | 'kernel';
  /** A loaded SQLite, to save loading another. */
  readonly sqlite?: Sqlite;
  /** What the disk does wrong on purpose; default `none`. Not for `kernel`. */
  readonly sabotage?: Sabotage;
  /** Called for each disk before it is judged; its answer is what is wrong with it. */
  readonly judge?: (state: CrashState) => string | null;
}

/** Name of the database on the disk. */
const NAME = 'test.db';
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
  const inKernel = options.through === 'kernel';
  const diskMiB = options.diskMiB ?? (inKernel ? 8 : 4);
  const least = inKernel ? 6 : 2;
  if (!Number.isInteger(diskMiB) || diskMiB < least || diskMiB > 64) {
    throw new RangeError(`diskMiB is ${diskMiB}; allowed: a whole number ${least}..64`);
  }
  const sqlite = options.sqlite ?? (await loadSqlite());
  const memory = createArenaMemory(MEMORY_BYTES);
  const bytes = new Uint8Array(diskMiB * 2 ** 20);
  // The kernel's blocks are pages; otherwise small ones, so that little is written at once.
  const blockBytes = inKernel ? 4096 : 1024;
  const plain = volatileMemoryDisk(bytes, blockBytes);
  formatImage({ device: plain, memory, blockBytes, type: 'ext3' });
  const first = openImage({ device: plain, memory });
  const open = test.open ?? '';
  await withDatabase(sqlite, new ImageFolder(first), open, test.prepare);
  first.close();

  const start = SparseBlocks.fromBytes(bytes.slice(), blockBytes);
  const log = new WriteLog(blockBytes);
  const run = (db: Database): Promise<void> => test.run(db, (text) => log.mark(text));
  if (inKernel) {
    const diskBytes = bytes.length;
    const kernel = boot({ mode: 'flat', root: ext2Root(), image: start, diskBytes, writeLog: log });
    const task = kernel.openHostTask('sqlite');
    await withDatabase(sqlite, new KernelFolder(task), open, run);
    task.close();
  } else {
    const recorded = new VolatileDisk(createRecordingDevice(plain, log), options.sabotage);
    const image = openImage({ device: recorded, memory });
    await withDatabase(sqlite, new ImageFolder(image), open, run);
    image.close();
  }

  const check = async (state: CrashState): Promise<string | null> => {
    const wrong = options.judge?.(state) ?? null;
    if (wrong !== null) return wrong;
    const recovered = openImage({ device: state.disk, memory });
    const lost = await withDatabase(sqlite, new ImageFolder(recovered), open, async (db) => {
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
  folder: DatabaseFolder,
  open: string,
  body: (db: Database) => Promise<T>,
): Promise<T> {
  const db = await sqlite.open(folder, NAME);
  try {
    await db.run(open);
    return await body(db);
  } finally {
    await db.close();
    sqlite.abandon();
  }
}
