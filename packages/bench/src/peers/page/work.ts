/** Work of the page-cache races: 4 KiB pieces of one file of the host. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../harness/random.js';

/** Bytes of a piece, and of a page. */
export const PAGE = 4096;

/** One workload. */
export interface PageWorkload {
  /** `sequential` and `random` over a file that is cached; `cold`: everything is cached anew. */
  readonly kind: 'sequential' | 'random' | 'cold' | 'lookup' | 'sqlite';
  readonly fileBytes: number;
  /** How often a round goes through the file; default once. A round of a millisecond measures a machine that has just been idle. */
  readonly passes?: number;
  /** `cold`: the cache holds the whole file afterwards; else a sixteenth of it. */
  readonly kept?: boolean;
  /** Rows that SQLite inserts, one transaction for each hundred. */
  readonly rowCount?: number;
}

/** A file with known contents that goes with the process. */
export function makeFile(workload: PageWorkload): string {
  const folder = mkdtempSync(join(tmpdir(), 'hotpath-page-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'file');
  const words = new Uint32Array(workload.fileBytes / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2654435761) >>> 0;
  writeFileSync(path, new Uint8Array(words.buffer));
  return path;
}

/**
 * A buffer that does not begin at a page boundary: where an allocation happens to lie would otherwise
 * decide between two speeds of the host's copy (see FRAME_OFFSET of the page cache), the same for all.
 */
export function unalignedBuffer(byteCount: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(byteCount + PAGE), 1024, byteCount);
}

/** Bytes of our cache: room for all, or for a sixteenth of what is read once from end to end. */
export function cacheBytesOf({ kind, fileBytes, kept }: PageWorkload): number {
  return kind === 'cold' && kept !== true ? fileBytes / 16 : fileBytes + 64 * PAGE;
}

/** Bytes of a call in the cold races. */
export const COLD_BYTES = 128 * 1024;

/** Page numbers in the order of the workload. */
export function pageOrder(workload: PageWorkload, seed: number): Uint32Array {
  const count = workload.fileBytes / PAGE;
  const order = new Uint32Array(count * (workload.passes ?? 1));
  const random = new Random(seed);
  for (let i = 0; i < order.length; i++) {
    order[i] = workload.kind === 'random' ? random.below(count) : i % count;
  }
  return order;
}

/** Two bytes of a piece, so that nobody can leave it out. */
export function taste(bytes: Uint8Array, at: number): number {
  return bytes[at] + 256 * bytes[at + PAGE - 1];
}
