import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  readv,
  readvSync,
  type Stats,
  unlinkSync,
  writev,
  writevSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { type BlockRequest, type InterruptLine, WRITE } from '../block-device.js';
import { ArgumentError, assert, checkInteger, checkPowerOfTwo } from '../errors.js';
import { EBUSY, EINVAL } from '../status.js';
import { DiskOpenError, errnoOf } from './errno.js';
import { FileDisk } from './file-disk.js';
import { FileLock } from './file-lock.js';

type Moved = (error: unknown, count: number) => void;

/** The calls of node:fs that a disk makes; tests give failing ones. */
export interface FileCalls {
  readvSync(descriptor: number, views: Uint8Array[], position: number): number;
  writevSync(descriptor: number, views: Uint8Array[], position: number): number;
  fdatasyncSync(descriptor: number): void;
  readv(descriptor: number, views: Uint8Array[], position: number, done: Moved): void;
  writev(descriptor: number, views: Uint8Array[], position: number, done: Moved): void;
  fdatasync(descriptor: number, done: (error: unknown) => void): void;
}

/** Options of {@link openFileDisk}. */
export interface FileDiskOptions {
  /** A regular file or a block device. */
  readonly path: string;
  /** Power of two, 512 to 65,536; default 4,096. */
  readonly blockBytes?: number;
  /** Blocks the file must have; needed with `create`. Default: as many as the file has. */
  readonly blockCount?: number;
  /** Make a sparse file of zeros if there is none; default false. */
  readonly create?: boolean;
  /** Open for reading only; default false. */
  readonly readOnly?: boolean;
  /** True: requests are PENDING and finish by `reap`; default false: inside `submit`. */
  readonly asynchronous?: boolean;
  /** Asynchronous: raised when `reap` has work. Absent: poll `reap`. */
  readonly line?: InterruptLine;
  /** Refuse a second opener, in this process or another; default true unless read-only. */
  readonly lock?: boolean;
  /** Instead of node:fs, for tests. */
  readonly calls?: FileCalls;
}

/** An open file with what a disk needs to know of it. */
export interface DiskFile {
  readonly path: string;
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly readOnly: boolean;
  readonly descriptor: number;
  /** For FUA writes: opened with O_DSYNC where the system has it. */
  readonly durableDescriptor: number;
  readonly calls: FileCalls;
  /** Whether an fdatasync must follow this request, for want of O_DSYNC. */
  syncAfter(request: BlockRequest): boolean;
  close(): void;
}

const NODE_CALLS: FileCalls = { readvSync, writevSync, fdatasyncSync, readv, writev, fdatasync };

/**
 * Opens (or creates) a disk over a file or block device.
 * @throws ArgumentError ERR_BLOCK_SIZE, ERR_BLOCK_COUNT
 * @throws DiskOpenError ERR_DISK_OPEN (errno says why), ERR_DISK_LOCKED, ERR_DISK_SIZE,
 *   ERR_DISK_KIND
 */
export function openFileDisk(options: FileDiskOptions): FileDisk {
  const { path, readOnly = false, create = false } = options;
  const blockBytes = checkPowerOfTwo(
    'ERR_BLOCK_SIZE',
    'blockBytes',
    options.blockBytes ?? 4096,
    512,
    65_536,
  );
  const most = Math.floor(Number.MAX_SAFE_INTEGER / blockBytes);
  if (options.blockCount !== undefined) {
    checkInteger('ERR_BLOCK_COUNT', 'blockCount', options.blockCount, 1, most);
  } else if (create) {
    throw new ArgumentError(
      'ERR_BLOCK_COUNT',
      `blockCount is undefined; needed to create: 1..${most}`,
    );
  }
  const size = options.blockCount === undefined ? undefined : options.blockCount * blockBytes;
  const opened = openOrCreate(path, readOnly, create ? size : undefined);
  const closers = [(): void => closeSync(opened.descriptor)];
  const close = (): void => {
    while (closers.length > 0) closers.pop()!();
  };
  try {
    const byteCount = sizeOf(path, opened.stats);
    checkSize(path, byteCount, blockBytes, size);
    if ((options.lock ?? !readOnly) && opened.stats.isFile()) {
      const lock = FileLock.take(path);
      closers.push(() => lock.release());
    }
    const durableDescriptor = openDurable(path, readOnly, opened.descriptor);
    if (durableDescriptor !== opened.descriptor) closers.push(() => closeSync(durableDescriptor));
    const noDsync = durableDescriptor === opened.descriptor;
    assert(byteCount % blockBytes === 0, 'a disk has whole blocks');
    const file: DiskFile = {
      path,
      blockBytes,
      blockCount: byteCount / blockBytes,
      readOnly,
      descriptor: opened.descriptor,
      durableDescriptor,
      calls: options.calls ?? NODE_CALLS,
      syncAfter: (request) => noDsync && request.op === WRITE && request.fua,
      close,
    };
    return new FileDisk(file, options.asynchronous ?? false, options.line ?? null);
  } catch (error) {
    close();
    throw error;
  }
}

function openOrCreate(
  path: string,
  readOnly: boolean,
  createBytes: number | undefined,
): { descriptor: number; stats: Stats } {
  const flags = readOnly ? constants.O_RDONLY : constants.O_RDWR;
  try {
    return openExisting(path, flags);
  } catch (error) {
    if (createBytes === undefined || (error as { code?: string }).code !== 'ENOENT') {
      throw openError(path, error);
    }
  }
  try {
    createWhole(path, createBytes);
    return openExisting(path, flags);
  } catch (error) {
    throw openError(path, error);
  }
}

/** Nobody sees the file before it has its size; whoever comes second opens the first one's. */
function createWhole(path: string, byteCount: number): void {
  assert(byteCount > 0, 'a new disk has a size');
  const draft = `${path}.${randomUUID()}.new`;
  const descriptor = openSync(draft, 'wx');
  try {
    ftruncateSync(descriptor, byteCount);
    fsyncSync(descriptor);
    linkSync(draft, path);
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') throw error;
  } finally {
    closeSync(descriptor);
    unlinkSync(draft);
  }
  syncFolder(dirname(path));
}

function openExisting(path: string, flags: number): { descriptor: number; stats: Stats } {
  let descriptor = openSync(path, flags);
  const stats = fstatSync(descriptor);
  if (stats.isBlockDevice()) {
    // On Linux O_EXCL without O_CREAT claims a block device: EBUSY while it is mounted or claimed.
    closeSync(descriptor);
    descriptor = openSync(path, flags | constants.O_EXCL);
  }
  return { descriptor, stats };
}

function openError(path: string, error: unknown): DiskOpenError {
  const errno = errnoOf(error);
  const code = errno === EBUSY ? 'ERR_DISK_LOCKED' : 'ERR_DISK_OPEN';
  return new DiskOpenError(code, errno, `cannot open ${path}: ${(error as Error).message}`);
}

/** Makes a new name in a folder durable; not every system lets a folder be synced. */
function syncFolder(folder: string): void {
  try {
    const descriptor = openSync(folder, constants.O_RDONLY);
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Windows refuses; the file itself is synced.
  }
}

function openDurable(path: string, readOnly: boolean, descriptor: number): number {
  const { O_DSYNC } = constants;
  if (readOnly || O_DSYNC === undefined) return descriptor;
  try {
    return openSync(path, constants.O_RDWR | O_DSYNC);
  } catch (error) {
    throw openError(path, error);
  }
}

function sizeOf(path: string, stats: Stats): number {
  if (stats.isFile()) return stats.size;
  if (stats.isBlockDevice()) return blockDeviceBytes(path, stats.rdev);
  throw new DiskOpenError(
    'ERR_DISK_KIND',
    EINVAL,
    `${path} is neither a regular file nor a block device`,
  );
}

/**
 * Size of a block device by its number, from Linux's sysfs, where it stands in sectors of 512 bytes
 * whatever the device's own sector size is.
 */
export function blockDeviceBytes(path: string, rdev: number, sysfs = '/sys/dev/block'): number {
  // makedev(3), glibc: minor in bits 0-7 and 20-31, major in bits 8-19 and 32-43.
  assert(Number.isSafeInteger(rdev) && rdev >= 0, 'a device number is a whole number');
  const low = rdev % 2 ** 32;
  const high = Math.floor(rdev / 2 ** 32);
  const major = ((low >>> 8) & 0xfff) + (high & 0xfff) * 4096;
  const minor = (low & 0xff) + ((low >>> 12) & 0xfff00);
  try {
    const sectors = Number(readFileSync(`${sysfs}/${major}:${minor}/size`, 'utf8'));
    if (Number.isSafeInteger(sectors)) return sectors * 512;
  } catch {
    // Not Linux, or sysfs is not mounted.
  }
  throw new DiskOpenError('ERR_DISK_SIZE', EINVAL, `${path}: the system does not tell its size`);
}

function checkSize(
  path: string,
  byteCount: number,
  blockBytes: number,
  wanted: number | undefined,
): void {
  if (byteCount === 0 || byteCount % blockBytes !== 0) {
    throw new DiskOpenError(
      'ERR_DISK_SIZE',
      EINVAL,
      `${path} has ${byteCount} bytes; allowed: a multiple of ${blockBytes}, not 0`,
    );
  }
  if (wanted !== undefined && byteCount !== wanted) {
    throw new DiskOpenError(
      'ERR_DISK_SIZE',
      EINVAL,
      `${path} has ${byteCount} bytes; blockCount asks for ${wanted}`,
    );
  }
}
