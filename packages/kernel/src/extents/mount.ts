/**
 * Formats and mounts the extent file layer through the block cache. Both run at boot, before any
 * task: a wait steps the machine until the disk has answered.
 */
import type { BlockCache } from '@hotpath/blockcache';
import { ArgumentError, assert, isErrno, OK } from '@hotpath/hw-x86';
import type { HostWait } from '../host-wait.js';
import { FS_BLOCK_BYTES } from '../params.js';
import {
  checkSuperblock,
  createInodeImage,
  INODE_BYTES,
  INODE_COUNT,
  readInode,
  TABLE_BLOCKS,
  type WordMemory,
  writeSuperblock,
} from './extent-layout.js';
import { ExtentMap } from './extent-map.js';

/** A mounted file layer: its map, and the pinned slot of each block of the inode table. */
export interface Mounted {
  readonly map: ExtentMap;
  readonly tableSlots: Int32Array;
}

/** Writes an empty file layer to the device. The old contents of its table are gone. */
export function formatExtents(
  cache: BlockCache,
  device: number,
  memory: WordMemory,
  wait: HostWait,
): void {
  const blocks = cache.blockCount(device);
  if (blocks < TABLE_BLOCKS + 2) {
    throw new ArgumentError(
      'ERR_DISK_SIZE',
      `disk has ${blocks} blocks; allowed: at least ${TABLE_BLOCKS + 2} of ${FS_BLOCK_BYTES} bytes`,
    );
  }
  for (let block = 0; block <= TABLE_BLOCKS; block++) {
    const slot = must('format', wait.settle(cache.getNew(device, block, wait, 0)));
    if (block === 0) writeSuperblock(memory, cache.address(slot), blocks);
    cache.markDirty(slot);
    cache.release(slot);
  }
  must('format', wait.settle(cache.flush(device, wait, 0)));
}

/**
 * Reads superblock and inode table; the table's blocks stay pinned.
 * @throws ArgumentError `ERR_SUPERBLOCK` or `ERR_INODE` for what is not such a file layer
 */
export function mountExtents(
  cache: BlockCache,
  device: number,
  memory: WordMemory,
  wait: HostWait,
): Mounted {
  const blocks = cache.blockCount(device);
  const superblock = must('mount', wait.settle(cache.get(device, 0, wait, 0)));
  checkSuperblock(memory, cache.address(superblock), blocks);
  cache.release(superblock);
  const map = new ExtentMap(blocks);
  const tableSlots = new Int32Array(TABLE_BLOCKS);
  const image = createInodeImage();
  const perBlock = FS_BLOCK_BYTES / INODE_BYTES;
  for (let table = 0; table < TABLE_BLOCKS; table++) {
    const slot = must('mount', wait.settle(cache.get(device, 1 + table, wait, 0)));
    cache.setUnmovable(slot, true);
    tableSlots[table] = slot;
    for (let i = 0; i < perBlock; i++) {
      readInode(memory, cache.address(slot) + i * INODE_BYTES, image);
      map.decode(table * perBlock + i, image);
    }
  }
  assert(TABLE_BLOCKS * perBlock === INODE_COUNT, 'the inode table has another size');
  return { map, tableSlots };
}

function must(what: string, status: number): number {
  if (!isErrno(status)) return status;
  throw new ArgumentError('ERR_DISK', `${what}: the root disk answers ${status}; allowed: ${OK}`);
}
