/** Mounting: superblock and groups are checked, the journal replayed, orphans ended. */
import { EROFS, isErrno, OK } from '@hotpath/hw-x86';
import type { Wait } from '../vfs/file-system.js';
import { BlockAllocator } from './block-allocator.js';
import { BlockMap } from './block-map.js';
import { get16, put16 } from './bytes.js';
import { Changes } from './changes.js';
import { Ext2 } from './ext2.js';
import { type Geometry, readGeometry } from './geometry.js';
import { ImageError } from './image-error.js';
import { Inode, readInode } from './inode.js';
import { Journal } from './journal.js';
import { JournalArea } from './journal-area.js';
import {
  INCOMPATIBLE_RECOVER,
  SB_INCOMPATIBLE,
  SB_MOUNT_COUNT,
  SB_MOUNT_TIME,
  SB_STATE,
  STATE_CLEAN,
  SUPERBLOCK_AT,
  SUPERBLOCK_BYTES,
} from './layout.js';
import { type Log, PlainLog } from './log.js';
import { Recovery, type RecoveryReport } from './recovery.js';
import { Turnstile } from './turnstile.js';
import { Volume, type VolumePorts } from './volume.js';

/** How to mount. */
export interface MountOptions extends VolumePorts {
  /** Change nothing; default false. Features that forbid writing have the same effect. */
  readonly readOnly?: boolean;
  /** Nanoseconds since 1970, to stamp the mount; default 0: not stamped. */
  readonly now?: number;
}

/** A mount under way. */
export type Mounting = Generator<undefined, Ext2, undefined>;

/** Slots that a cache must have for a volume to be written. */
const CAPACITY_MIN = 256;
const NO_SEQUENCE = 1;

/**
 * Mounts an ext2 or ext3 volume.
 * @throws ImageError when what lies on the device cannot be mounted; nothing stays pinned then
 */
export function* mountExt2(wait: Wait, options: MountOptions): Mounting {
  const geometry = yield* findGeometry(wait, options);
  const readOnly = (options.readOnly ?? false) || geometry.readOnlyFeatures.length > 0;
  if (!readOnly && options.cache.capacity < CAPACITY_MIN) {
    throw new ImageError(
      'ERR_CACHE',
      `the cache has ${options.cache.capacity} slots; allowed: at least ${CAPACITY_MIN} to write`,
    );
  }
  const volume = new Volume(options, geometry);
  let area: JournalArea | null = null;
  try {
    yield* volume.attach(wait);
    area = geometry.journalInode === 0 ? null : yield* openJournal(wait, volume);
    let recovery: RecoveryReport | null = null;
    if (area !== null && !readOnly) recovery = yield* recover(wait, volume, area);
    if (area !== null && readOnly && geometry.needsRecovery) {
      throw new ImageError('ERR_JOURNAL', 'the journal must be replayed; mount it writable first');
    }
    const replayed = recovery !== null && recovery.replayed > 0;
    if (replayed) checkSame(geometry, volume, options);
    return yield* assemble(wait, options, volume, area, readOnly, recovery);
  } catch (error) {
    volume.detach();
    area?.close();
    throw error;
  }
}

function* findGeometry(wait: Wait, ports: VolumePorts): Generator<undefined, Geometry, undefined> {
  const { cache, device, memory } = ports;
  const { blockBytes } = cache;
  const slot = yield* wait.settle(
    cache.get(device, Math.floor(SUPERBLOCK_AT / blockBytes), wait, 0),
  );
  if (isErrno(slot)) throw new ImageError('ERR_IO', `the superblock cannot be read: ${slot}`);
  const bytes = new Uint8Array(SUPERBLOCK_BYTES);
  memory.read(cache.address(slot) + (SUPERBLOCK_AT % blockBytes), bytes, 0, SUPERBLOCK_BYTES);
  cache.release(slot);
  const geometry = readGeometry(bytes, cache.blockCount(device) * blockBytes);
  if (geometry.blockBytes !== blockBytes) {
    throw new ImageError(
      'ERR_CACHE',
      `the cache has blocks of ${blockBytes} bytes; allowed: ${geometry.blockBytes}, as the volume`,
    );
  }
  return geometry;
}

/** A replay brought a superblock home: it must describe the same volume. */
function checkSame(before: Geometry, volume: Volume, ports: VolumePorts): void {
  const { cache, device } = ports;
  const after = readGeometry(volume.superblock, cache.blockCount(device) * cache.blockBytes);
  for (const key of ['blockCount', 'blocksPerGroup', 'inodesPerGroup', 'inodeBytes'] as const) {
    if (before[key] === after[key]) continue;
    throw new ImageError(
      'ERR_JOURNAL',
      `the replay changed ${key} from ${before[key]} to ${after[key]}`,
    );
  }
}

function* openJournal(wait: Wait, volume: Volume): Generator<undefined, JournalArea, undefined> {
  const { geometry } = volume;
  const number = geometry.journalInode;
  const inside = number - 1;
  const block = volume.inodeTable(0) + Math.floor(inside / geometry.inodesPerBlock);
  const slot = yield* volume.get(wait, block);
  if (isErrno(slot)) throw new ImageError('ERR_IO', `the journal's inode cannot be read: ${slot}`);
  const inode = new Inode(number);
  const at = (inside % geometry.inodesPerBlock) * geometry.inodeBytes;
  readInode(inode, volume.view(slot), at, geometry.inodeBytes);
  volume.ports.cache.release(slot);
  const count = Math.floor(inode.size / geometry.blockBytes);
  if (!inode.isRegular || count < 1 || count > geometry.blockCount) {
    throw new ImageError(
      'ERR_JOURNAL',
      `the journal's inode has ${inode.size} bytes, mode ${inode.mode}`,
    );
  }
  const changes = new Changes(volume, new Turnstile());
  const map = new BlockMap(volume, changes, new BlockAllocator(volume, changes));
  const blocks = new Float64Array(count);
  const seen = new Set<number>();
  for (let i = 0; i < count; i++) {
    const place = yield* map.lookup(wait, inode, i);
    if (isErrno(place) || place === 0 || seen.has(place)) {
      throw new ImageError(
        'ERR_JOURNAL',
        `the journal's block ${i} is a hole, damaged or there twice`,
      );
    }
    seen.add(place);
    blocks[i] = place;
  }
  const area = new JournalArea(volume, blocks);
  yield* area.open(wait);
  return area;
}

function* recover(
  wait: Wait,
  volume: Volume,
  area: JournalArea,
): Generator<undefined, RecoveryReport | null, undefined> {
  if (area.start === 0) return null;
  const recovery = new Recovery(volume, area, wait);
  if (volume.geometry.needsRecovery) yield* recovery.run();
  else yield* recovery.skip();
  return recovery.report;
}

function* assemble(
  wait: Wait,
  options: MountOptions,
  volume: Volume,
  area: JournalArea | null,
  readOnly: boolean,
  recovery: RecoveryReport | null,
): Mounting {
  const lock = new Turnstile();
  const changes = new Changes(volume, lock);
  changes.readOnly = readOnly;
  const sequence = recovery?.nextSequence ?? area?.sequence ?? NO_SEQUENCE;
  const wasClean = (get16(volume.superblock, SB_STATE) & STATE_CLEAN) !== 0;
  if (!readOnly) {
    if (area !== null && !area.reserveBuffers(Journal.limit(volume, area) + 1)) {
      throw new ImageError('ERR_CACHE', 'there are no frames for the copies of a transaction');
    }
    const status = yield* markInUse(wait, options, volume, area, sequence);
    if (isErrno(status)) {
      if (status !== EROFS)
        throw new ImageError('ERR_IO', `the superblock cannot be written: ${status}`);
      changes.readOnly = true;
    }
  }
  const log: Log =
    area === null || changes.readOnly
      ? new PlainLog(volume, lock)
      : new Journal(volume, area, lock, changes, sequence);
  changes.connect(log);
  const fs = new Ext2({
    volume,
    changes,
    area,
    recovery,
    writable: !changes.readOnly,
    wasClean,
  });
  yield* fs.endOrphans(wait);
  return fs;
}

/** Says on the disk that the volume is in use: a crash from here on needs a check or a replay. */
function* markInUse(
  wait: Wait,
  options: MountOptions,
  volume: Volume,
  area: JournalArea | null,
  sequence: number,
): Generator<undefined, number, undefined> {
  const { cache, device } = volume.ports;
  const superblock = volume.superblock;
  const before = superblock.slice();
  const now = Math.floor((options.now ?? 0) / 1e9);
  if (now > 0) volume.setSuperField(SB_MOUNT_TIME, now);
  put16(superblock, SB_MOUNT_COUNT, get16(superblock, SB_MOUNT_COUNT) + 1);
  if (area === null) put16(superblock, SB_STATE, get16(superblock, SB_STATE) & ~STATE_CLEAN);
  else {
    const features = volume.superField(SB_INCOMPATIBLE);
    volume.setSuperField(SB_INCOMPATIBLE, features | INCOMPATIBLE_RECOVER);
  }
  const marked = cache.markDirty(volume.fixedSlots[0]);
  if (isErrno(marked)) {
    superblock.set(before);
    return marked;
  }
  const status = yield* wait.settle(cache.flush(device, wait, 0));
  if (isErrno(status) || area === null) return status;
  const started = yield* area.writeSuperblock(wait, sequence, area.first);
  return isErrno(started) ? started : OK;
}
