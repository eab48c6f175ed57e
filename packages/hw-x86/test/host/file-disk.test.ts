import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ArgumentError,
  createRequest,
  EBADF,
  EIO,
  ENOENT,
  ENOSPC,
  FLUSH,
  OK,
  PENDING,
  READ,
  WRITE,
} from '@hotpath/hw-x86';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import { ArenaMemory, createArenaMemory } from '../../src/arena/arena-memory.js';
import { DiskOpenError } from '../../src/host/errno.js';
import type { FileDisk } from '../../src/host/file-disk.js';
import {
  blockDeviceBytes,
  type FileCalls,
  type FileDiskOptions,
  openFileDisk,
} from '../../src/host/file-open.js';

let folder = '';
let path = '';
const open: FileDisk[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hotpath-file-'));
  path = join(folder, 'disk.img');
});

afterEach(() => {
  for (const disk of open.splice(0)) disk.close();
  rmSync(folder, { recursive: true });
});

function openDisk(options: Partial<FileDiskOptions> = {}): FileDisk {
  const disk = openFileDisk({ path, blockCount: 16, create: true, ...options });
  open.push(disk);
  return disk;
}

const memory: ArenaMemory = createArenaMemory(2 ** 18);

function request(
  op: number,
  block: number,
  blockCount = 1,
  told: number[] = [],
): ReturnType<typeof createRequest> {
  const made = createRequest(
    memory,
    { completed: (_, result): void => void told.push(result) },
    blockCount,
  );
  Object.assign(made, { op, block, blockCount, segmentBytes: 4096 });
  made.segmentCount = op === READ || op === WRITE ? blockCount : 0;
  for (let i = 0; i < blockCount; i++) made.segmentAddress[i] = i * 4096;
  return made;
}

/** What openFileDisk threw. */
function openError(options: Partial<FileDiskOptions>): DiskOpenError {
  try {
    openDisk(options);
  } catch (error) {
    expect(error).toBeInstanceOf(DiskOpenError);
    return error as DiskOpenError;
  }
  throw new Error('openFileDisk did not throw');
}

describe('opening', () => {
  test('a new disk is a sparse file of the asked size', () => {
    const disk = openDisk({ blockCount: 2 ** 20 });
    expect(disk.blockCount).toBe(2 ** 20);
    expect(statSync(path).size).toBe(2 ** 32);
    expect(statSync(path).blocks * 512).toBeLessThan(2 ** 20);
  });

  test('an existing file gives its own size, and keeps its data', () => {
    writeFileSync(path, Buffer.alloc(3 * 4096, 7));
    const disk = openFileDisk({ path });
    open.push(disk);
    expect(disk.blockCount).toBe(3);
    expect(disk.submit(request(READ, 2))).toBe(OK);
    expect(memory.load8(4095)).toBe(7);
  });

  test('a missing file without create is ENOENT', () => {
    expect(openError({ create: false })).toMatchObject({ code: 'ERR_DISK_OPEN', errno: ENOENT });
  });

  test.each([
    ['no multiple of the block size', 5000, {}, 'multiple of 4096'],
    ['empty', 0, {}, 'multiple of 4096'],
    ['of another size than asked', 8192, { blockCount: 4 }, 'blockCount asks for 16384'],
  ])('a file that is %s is refused', (_, byteCount, options, what) => {
    writeFileSync(path, Buffer.alloc(byteCount));
    const error = openError(options);
    expect(error.code).toBe('ERR_DISK_SIZE');
    expect(error.message).toContain(what);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  test('a folder is refused', () => {
    mkdirSync(path);
    expect(openError({}).code).toBe('ERR_DISK_OPEN');
    expect(openError({ readOnly: true }).code).toBe('ERR_DISK_KIND');
  });

  test('arguments are checked before anything is opened', () => {
    expect(() => openDisk({ blockBytes: 1000 })).toThrow(ArgumentError);
    expect(() => openDisk({ blockCount: 0 })).toThrow(ArgumentError);
    expect(() => openFileDisk({ path, create: true })).toThrow(ArgumentError);
    expect(existsSync(path)).toBe(false);
  });

  test('the size of a block device is read by its number from sysfs', () => {
    mkdirSync(join(folder, '8:17'));
    writeFileSync(join(folder, '8:17', 'size'), '2048\n');
    expect(blockDeviceBytes('/dev/sdb1', 0x811, folder)).toBe(2 ** 20);
    mkdirSync(join(folder, '259:300'));
    writeFileSync(join(folder, '259:300', 'size'), '8\n');
    // makedev(259, 300): the upper bits of the minor number lie above the major number.
    const rdev = (300 & 0xff) + 259 * 256 + (300 >> 8) * 2 ** 20;
    expect(blockDeviceBytes('/dev/nvme', rdev, folder)).toBe(4096);
    expect(() => blockDeviceBytes('/dev/sdz', 0x999, folder)).toThrow(DiskOpenError);
  });
});

test('two that create at once get one file of the right size, and one of them the lock', () => {
  const entry = new URL('../../src/host/index.ts', import.meta.url).href;
  const code = `
    import { openFileDisk } from ${JSON.stringify(entry)};
    try { openFileDisk({ path: process.argv[1], create: true, blockCount: 16 }); console.log('opened'); }
    catch (error) { console.log(error.code); }
    setTimeout(() => {}, 20_000);`;
  const args = ['--import', 'tsx', '--conditions', '@hotpath/source', '--input-type=module', '-e'];
  const children: ChildProcess[] = [];
  const outcome = (): Promise<string> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [...args, code, path]);
      children.push(child);
      child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()));
      child.stderr.once('data', (text: Buffer) => resolve(text.toString()));
    });
  return Promise.all([outcome(), outcome(), outcome()]).then((outcomes) => {
    for (const child of children) child.kill();
    expect(outcomes.sort()).toEqual(['ERR_DISK_LOCKED', 'ERR_DISK_LOCKED', 'opened']);
    expect(statSync(path).size).toBe(65_536);
  });
}, 30_000);

testWithTools(
  'a block device is opened with its size, claimed, written and read',
  ['losetup'],
  (losetup) => {
    writeFileSync(path, Buffer.alloc(2 ** 20));
    const attached = spawnSync(losetup, ['--find', '--show', path], { encoding: 'utf8' });
    if (attached.status !== 0) {
      console.log(`skipped: no loop device here: ${attached.stderr.trim()}`);
      return;
    }
    const device = attached.stdout.trim();
    try {
      const disk = openFileDisk({ path: device });
      expect(disk.blockCount).toBe(256);
      memory.fill(0, 4096, 0x77);
      expect(disk.submit({ ...request(WRITE, 9), fua: true })).toBe(OK);
      expect(disk.submit(request(FLUSH, 0))).toBe(OK);
      expect(readFileSync(path)[9 * 4096 + 5]).toBe(0x77);
      memory.fill(0, 4096, 0);
      expect(disk.submit(request(READ, 9))).toBe(OK);
      expect(memory.load8(4095)).toBe(0x77);
      expect(openError({ path: device }).code).toBe('ERR_DISK_LOCKED');
      disk.close();
      openFileDisk({ path: device, blockCount: 256 }).close();
      expect(openError({ path: device, blockCount: 255 }).code).toBe('ERR_DISK_SIZE');
    } finally {
      spawnSync(losetup, ['--detach', device]);
    }
  },
);

describe('locking', () => {
  test('a second opener in this process is refused, by any name of the file', () => {
    openDisk();
    expect(openError({}).code).toBe('ERR_DISK_LOCKED');
    const link = join(folder, 'link');
    symlinkSync(path, link);
    expect(openError({ path: link }).code).toBe('ERR_DISK_LOCKED');
  });

  test('a second process is refused while the first lives, and let in after close', () => {
    const disk = openDisk();
    const other = (): string => {
      const entry = new URL('../../src/host/index.ts', import.meta.url).href;
      const code = `
        import { openFileDisk } from ${JSON.stringify(entry)};
        try { openFileDisk({ path: process.argv[1] }).close(); console.log('opened'); }
        catch (error) { console.log(error.code, error.message.includes(process.argv[2])); }`;
      const args = ['--import', 'tsx', '--conditions', '@hotpath/source', '--input-type=module'];
      const run = spawnSync(process.execPath, [...args, '-e', code, path, String(process.pid)], {
        encoding: 'utf8',
      });
      return run.stdout.trim() + run.stderr.trim();
    };
    expect(other()).toBe('ERR_DISK_LOCKED true');
    disk.close();
    expect(other()).toBe('opened');
  }, 30_000);

  test('the lock of a process that is gone is broken', () => {
    openDisk().close();
    const gone = spawnSync(process.execPath, ['-e', 'console.log(process.pid)'], {
      encoding: 'utf8',
    });
    const probe = openDisk();
    const owner = JSON.parse(readFileSync(`${path}.lock`, 'utf8')) as Record<string, unknown>;
    probe.close();
    writeFileSync(
      `${path}.lock`,
      JSON.stringify({ ...owner, pid: Number(gone.stdout), id: 'old' }),
    );
    const disk = openDisk();
    expect(disk.submit(request(READ, 0))).toBe(OK);
    expect(existsSync(`${path}.lock.old.dead`)).toBe(false);
  });

  test('a process number that was given to another process does not keep the lock', () => {
    const probe = openDisk();
    const owner = JSON.parse(readFileSync(`${path}.lock`, 'utf8')) as { started: string };
    probe.close();
    if (owner.started === '') return;
    writeFileSync(`${path}.lock`, JSON.stringify({ ...owner, started: '1', id: 'old' }));
    expect(() => openDisk()).not.toThrow();
  });

  test('an owner on another machine cannot be judged: the lock stands', () => {
    const probe = openDisk();
    const owner = JSON.parse(readFileSync(`${path}.lock`, 'utf8')) as object;
    probe.close();
    const elsewhere = { ...owner, started: '1', space: 'elsewhere', id: 'old' };
    writeFileSync(`${path}.lock`, JSON.stringify(elsewhere));
    expect(openError({}).code).toBe('ERR_DISK_LOCKED');
    rmSync(`${path}.lock`);
  });

  test('readers need no lock, and close gives the lock back', () => {
    const disk = openDisk();
    openDisk({ readOnly: true, create: false });
    openDisk({ readOnly: true, create: false });
    disk.close();
    expect(existsSync(`${path}.lock`)).toBe(false);
  });
});

/** Calls that fail or fall short as told; the rest does nothing. */
function failingCalls(fail: Partial<Record<keyof FileCalls, string>>): FileCalls {
  const length = (views: Uint8Array[]): number => views.reduce((sum, view) => sum + view.length, 0);
  const check = (name: keyof FileCalls, moved: number): number => {
    const code = fail[name];
    if (code !== undefined) throw Object.assign(new Error(code), { code });
    return moved;
  };
  const later = (
    name: keyof FileCalls,
    done: (error: unknown, count: number) => void,
    n: number,
  ): void =>
    void setImmediate(() => {
      const code = fail[name];
      done(code === undefined ? null : Object.assign(new Error(code), { code }), n);
    });
  return {
    readvSync: (_, views) => check('readvSync', length(views)),
    writevSync: (_, views) => check('writevSync', length(views)),
    fdatasyncSync: () => void check('fdatasyncSync', 0),
    readv: (_, views, __, done) => later('readv', done, length(views)),
    writev: (_, views, __, done) => later('writev', done, length(views)),
    fdatasync: (_, done) => later('fdatasync', done, 0),
  };
}

async function settle(disk: FileDisk): Promise<void> {
  while (disk.inFlight > 0) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    disk.reap();
  }
}

describe('errors', () => {
  test('errors of the file become errnos', () => {
    const disk = openDisk({ calls: failingCalls({ readvSync: 'EIO', writevSync: 'ENOSPC' }) });
    expect(disk.submit(request(READ, 0))).toBe(EIO);
    expect(disk.submit(request(WRITE, 0))).toBe(ENOSPC);
    expect(disk.submit(request(FLUSH, 0))).toBe(OK);
    const odd = openDisk({ lock: false, calls: failingCalls({ readvSync: 'ESOMETHING' }) });
    expect(odd.submit(request(READ, 0))).toBe(EIO);
  });

  test('after a failed flush no later one succeeds until the disk is opened again', () => {
    const fail: Partial<Record<keyof FileCalls, string>> = { fdatasyncSync: 'EIO' };
    const disk = openDisk({ calls: failingCalls(fail) });
    expect(disk.submit(request(FLUSH, 0))).toBe(EIO);
    delete fail.fdatasyncSync;
    expect(disk.submit(request(FLUSH, 0))).toBe(EIO);
    expect(disk.submit({ ...request(WRITE, 0), fua: true })).toBe(EIO);
    expect(disk.submit(request(WRITE, 0))).toBe(OK);
    expect(disk.submit(request(READ, 0))).toBe(OK);
    expect(disk.flushError).toBe(EIO);
    disk.close();
    expect(openDisk().submit(request(FLUSH, 0))).toBe(OK);
  });

  test('a failed write with force unit access is remembered as a failed flush is', async () => {
    const disk = openDisk({ asynchronous: true, calls: failingCalls({ writev: 'EIO' }) });
    const told: number[] = [];
    expect(disk.submit({ ...request(WRITE, 0, 1, told), fua: true })).toBe(PENDING);
    await settle(disk);
    expect(told).toEqual([EIO]);
    expect(disk.submit(request(FLUSH, 0))).toBe(EIO);
  });

  test('an asynchronous flush that fails sticks, too', async () => {
    const disk = openDisk({ asynchronous: true, calls: failingCalls({ fdatasync: 'ENOSPC' }) });
    const told: number[] = [];
    disk.submit(request(FLUSH, 0, 1, told));
    await settle(disk);
    expect(told).toEqual([ENOSPC]);
    expect(disk.submit(request(FLUSH, 0))).toBe(ENOSPC);
  });

  test('short transfers are carried on until all is moved', async () => {
    /** At most 1,000 bytes a call, of the real file. */
    const head = (views: Uint8Array[]): Uint8Array[] => [views[0].subarray(0, 1000)];
    const calls: FileCalls = {
      readvSync: (descriptor, views, at) => fs.readvSync(descriptor, head(views), at),
      writevSync: (descriptor, views, at) => fs.writevSync(descriptor, head(views), at),
      fdatasyncSync: fs.fdatasyncSync,
      readv: (descriptor, views, at, done) => fs.readv(descriptor, head(views), at, done),
      writev: (descriptor, views, at, done) => fs.writev(descriptor, head(views), at, done),
      fdatasync: fs.fdatasync,
    };
    const bytes = Uint8Array.from({ length: 3 * 4096 }, (_, i) => (i * 7) % 251);
    for (const asynchronous of [false, true]) {
      const disk = openDisk({ calls, asynchronous });
      memory.write(0, bytes, 0, bytes.length);
      disk.submit(request(WRITE, 2, 3));
      await settle(disk);
      expect(Buffer.compare(readFileSync(path).subarray(8192, 5 * 4096), bytes)).toBe(0);
      memory.fill(0, bytes.length, 0);
      disk.submit(request(READ, 2, 3));
      await settle(disk);
      const back = new Uint8Array(bytes.length);
      memory.read(0, back, 0, back.length);
      expect(Buffer.compare(back, bytes)).toBe(0);
      memory.fill(0, bytes.length, 0);
      disk.submit(request(WRITE, 2, 3));
      await settle(disk);
      disk.close();
    }
  });

  test('a file that was cut short under the disk reads as EIO', async () => {
    const disk = openDisk();
    const later = openDisk({ lock: false, asynchronous: true });
    truncateSync(path, 4096);
    expect(disk.submit(request(READ, 0))).toBe(OK);
    expect(disk.submit(request(READ, 5))).toBe(EIO);
    const told: number[] = [];
    later.submit(request(READ, 5, 1, told));
    await settle(later);
    expect(told).toEqual([EIO]);
  });

  test('a closed disk answers EBADF, and one with requests in flight is not closed', async () => {
    const disk = openDisk({ asynchronous: true });
    disk.submit(request(READ, 0));
    expect(() => disk.close()).toThrow(ArgumentError);
    await settle(disk);
    disk.close();
    disk.close();
    expect(disk.submit(request(READ, 0))).toBe(EBADF);
  });
});

describe('data', () => {
  test('data is in the file after a write, for every other program to see', () => {
    const disk = openDisk();
    memory.fill(0, 8192, 0x5a);
    expect(disk.submit(request(WRITE, 3, 2))).toBe(OK);
    const bytes = readFileSync(path);
    expect(bytes.subarray(3 * 4096, 5 * 4096).every((byte) => byte === 0x5a)).toBe(true);
    expect(bytes[5 * 4096]).toBe(0);
  });

  test('a shared arena works as an unshared one does', () => {
    const shared = new ArenaMemory(new SharedArrayBuffer(65_536));
    const disk = openDisk();
    shared.fill(0, 4096, 3);
    expect(disk.submit({ ...request(WRITE, 0), memory: shared })).toBe(OK);
    shared.fill(0, 4096, 0);
    expect(disk.submit({ ...request(READ, 0), memory: shared })).toBe(OK);
    expect(shared.load8(4095)).toBe(3);
  });
});
