import { ArgumentError, checkInteger } from '../../errors.js';
import { OK } from '../../status.js';
import { PendingWrites } from './pending-writes.js';
import { SparseBlocks } from './sparse-blocks.js';
import { LOG_DONE, type WriteLog } from './write-log.js';

/** Options of {@link replayLog}. */
export interface ReplayOptions {
  /** Blocks of the disk that the log was taken from. */
  readonly blockCount: number;
  /** What lay on it before the first entry; default zeros. Not changed. */
  readonly image?: SparseBlocks;
  /** Take only so many entries, 0 to all; default all. */
  readonly entries?: number;
  /**
   * `completed`: every write that had completed, in order of completion: what a READ would have
   * delivered. `durable`: only what no power cut could have taken. Default `completed`.
   */
  readonly keep?: 'completed' | 'durable';
}

/**
 * The medium as it was after some entries of a log, in the manner of dm-log-writes' replay: to step
 * through a run with a file-system checker, or to begin again in the middle. A write that failed is
 * left out. Cost: proportional to the entries.
 * @throws ArgumentError ERR_BLOCK_COUNT, ERR_IMAGE_SIZE, ERR_LOG_ENTRIES
 */
export function replayLog(log: WriteLog, options: ReplayOptions): SparseBlocks {
  const { blockBytes } = log;
  const most = Math.floor(Number.MAX_SAFE_INTEGER / blockBytes);
  const blockCount = checkInteger('ERR_BLOCK_COUNT', 'blockCount', options.blockCount, 1, most);
  const image = options.image ?? new SparseBlocks(blockBytes, blockCount);
  if (image.blockBytes !== blockBytes || image.blockCount !== blockCount) {
    throw new ArgumentError(
      'ERR_IMAGE_SIZE',
      `image has ${image.blockCount} blocks of ${image.blockBytes} bytes; ` +
        `allowed: ${blockCount} of ${blockBytes}`,
    );
  }
  const all = log.entries.length;
  const count = checkInteger('ERR_LOG_ENTRIES', 'entries', options.entries ?? all, 0, all);
  const writes = new PendingWrites(log, image.copy());
  const failed = new Set<number>();
  for (let index = 0; index < count; index++) {
    const entry = log.entries[index];
    if (entry.kind === LOG_DONE && entry.status !== OK) failed.add(entry.request);
    writes.take(index);
  }
  if (options.keep === 'durable') return writes.base;
  for (const { entry, block, live, data, completed } of writes.pending) {
    if (!completed || failed.has(entry)) continue;
    for (let i = 0; i < live.length; i++) {
      if (live[i] === 1) writes.base.write(block + i, data, i * blockBytes);
    }
  }
  return writes.base;
}
