import { randomUUID } from 'node:crypto';
import {
  linkSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { assert } from '../errors.js';
import { EACCES, EBUSY } from '../status.js';
import { DiskOpenError, errnoOf } from './errno.js';

/** Who holds a lock, as it stands in the lock file. */
interface Owner {
  readonly pid: number;
  /** Start time of the process in clock ticks after boot; '' where the system does not tell. */
  readonly started: string;
  /** Identity of this boot; '' where the system does not tell. */
  readonly boot: string;
  /** Machine and process-number space: numbers of another one mean nothing here. */
  readonly space: string;
  readonly id: string;
}

/**
 * Exclusive lock on a disk file, held until `release`: a file `PATH.lock` that names its owner.
 * Node has no flock(2). A lock whose owner is gone (no such process, or the same number was given to
 * another process, or the machine was booted since) is broken by the next to come. Whether an owner
 * on another machine or in another container lives cannot be told: such a lock stands until somebody
 * removes the file.
 */
export class FileLock {
  readonly #path: string;
  readonly #id: string;

  private constructor(path: string, id: string) {
    this.#path = path;
    this.#id = id;
  }

  /**
   * Takes the lock of a disk file that exists.
   * @throws DiskOpenError ERR_DISK_LOCKED while a living process holds it, this one included
   */
  static take(diskPath: string): FileLock {
    // Two names of one file (links) must meet in one lock.
    const path = `${realpathSync(diskPath)}.lock`;
    const owner = { ...describe(process.pid), id: randomUUID() };
    const draft = `${path}.${owner.id}`;
    try {
      writeFileSync(draft, JSON.stringify(owner), { flag: 'wx' });
    } catch (error) {
      const errno = errnoOf(error);
      throw new DiskOpenError(
        'ERR_DISK_LOCKED',
        errno,
        `cannot write a lock file beside ${diskPath}`,
      );
    }
    try {
      // A link appears with its contents or not at all, and never replaces another.
      for (let attempt = 0; attempt < 8; attempt++) {
        if (tryLink(draft, path)) return new FileLock(path, owner.id);
        refuseLiving(path, diskPath);
      }
      throw new DiskOpenError(
        'ERR_DISK_LOCKED',
        EBUSY,
        `${diskPath}: others take its lock again and again`,
      );
    } finally {
      unlinkSync(draft);
    }
  }

  /** Gives the lock back. */
  release(): void {
    if (readOwner(this.#path)?.id === this.#id) unlinkSync(this.#path);
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false;
    throw new DiskOpenError('ERR_DISK_LOCKED', EACCES, `cannot link ${to}`);
  }
}

/** Throws if a living process holds the lock; else moves the dead one's lock out of the way. */
function refuseLiving(path: string, diskPath: string): void {
  const owner = readOwner(path);
  if (owner === undefined) return;
  if (isAlive(owner)) {
    throw new DiskOpenError(
      'ERR_DISK_LOCKED',
      EBUSY,
      `${diskPath} is in use by process ${owner.pid} (${path})`,
    );
  }
  // Two may find the same dead lock; only the first rename finds that file, and it might already be
  // a newcomer's: then it is linked back.
  assert(owner.id !== '', 'a lock names its owner');
  const aside = `${path}.${owner.id}.dead`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (readOwner(aside)?.id !== owner.id) tryLink(aside, path);
  unlinkSync(aside);
}

function readOwner(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

function isAlive(owner: Owner): boolean {
  const now = describe(owner.pid);
  if (owner.space !== now.space) return true;
  if (owner.boot !== now.boot) return false;
  if (now.started !== '' && owner.started !== now.started) return false;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return (error as { code?: string }).code === 'EPERM';
  }
}

function describe(pid: number): Omit<Owner, 'id'> {
  return { pid, started: startOf(pid), boot: bootOf(), space: spaceOf() };
}

function startOf(pid: number): string {
  try {
    // proc(5): field 22, starttime; the name in field 2 may hold blanks and brackets.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function bootOf(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

function spaceOf(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
