import type { Contestant } from '../../harness/contestant.js';
import { prepareSqlite, type RaceFile } from './sqlite-files.js';
import type { PageWorkload } from './work.js';

/** A file that is one array, which doubles when it is full: nothing below SQLite. */
export class ArrayFile implements RaceFile {
  bytes: Uint8Array = new Uint8Array(65536);
  private length = 0;

  size(): number {
    return this.length;
  }
  read(target: Uint8Array, position: number): number {
    const end = Math.min(position + target.length, this.length);
    if (end <= position) return 0;
    target.set(this.bytes.subarray(position, end));
    return end - position;
  }
  write(source: Uint8Array, position: number): void {
    const end = position + source.length;
    if (end > this.bytes.length) {
      const longer = new Uint8Array(Math.max(end, this.bytes.length * 2));
      longer.set(this.bytes);
      this.bytes = longer;
    }
    this.bytes.set(source, position);
    if (end > this.length) this.length = end;
  }
  truncate(size: number): void {
    if (size < this.length) this.bytes.fill(0, size, this.length);
    this.length = size;
  }
  sync(): void {}
}

/** SQLite over plain arrays. */
export const contestant: Contestant<PageWorkload> = {
  name: 'SQLite over plain arrays',
  prepare: (workload) =>
    prepareSqlite(
      workload,
      () => new ArrayFile(),
      () => ({}),
    ),
};
