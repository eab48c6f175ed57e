/** A file read from its start to its end, with and without reading ahead. */

import { assert, isErrno, NIL } from '@hotpath/hw-x86';
import { boot, O_CREAT, O_RDWR, SEEK_SET } from '@hotpath/kernel';
import { ADVICE_NORMAL, ADVICE_RANDOM } from '@hotpath/pagecache';
import { SMALL_MEMORY } from './small-memory.js';

const FILE_BYTES = 1024 * 1024;
const READ_BYTES = 4096;
/** What the reader does with each page, 10 us. */
const WORK_NS = 10_000;

/** Milliseconds of virtual time on one disk. */
export interface ReadAheadResult {
  readonly disk: string;
  readonly fileBytes: number;
  readonly withMs: number;
  readonly withoutMs: number;
  readonly ratio: number;
}

/** 1 MiB in reads of 4 KiB, the page cache empty; `fadvise` says random or nothing. Flat mode. */
export function measureReadAhead(seed: number): ReadAheadResult[] {
  return ['nvme', 'hdd'].map((disk) => {
    const withMs = run(seed, disk, ADVICE_NORMAL);
    const withoutMs = run(seed, disk, ADVICE_RANDOM);
    return { disk, fileBytes: FILE_BYTES, withMs, withoutMs, ratio: withoutMs / withMs };
  });
}

function run(seed: number, disk: string, advice: number): number {
  const kernel = boot({ memoryBytes: SMALL_MEMORY, seed, disk });
  const { machine, open, pageCache, vfs } = kernel.parts;
  const work = Math.round((WORK_NS * machine.frequencyHz) / 1e9);
  let elapsedNs = 0;
  const report = kernel.spawn('reader', function* (sys) {
    const buffer = yield* sys.brk(0);
    yield* sys.brk(buffer + READ_BYTES);
    const fd = yield* sys.open('file', O_CREAT | O_RDWR);
    assert(!isErrno(fd), 'the reader cannot open its file');
    for (let at = 0; at < FILE_BYTES; at += READ_BYTES) yield* sys.write(fd, buffer, READ_BYTES);
    yield* sys.fsync(fd);
    const row = open.handle.findIndex((handle) => handle !== NIL);
    const dropped = pageCache.invalidate(vfs.inodes.fileOf(open.inode[row]), 0, 2 ** 31 - 1);
    assert(!isErrno(dropped) && pageCache.pageCount === 0, 'the page cache is not empty');
    pageCache.advise(open.handle[row], advice);
    yield* sys.lseek(fd, 0, SEEK_SET);
    const start = yield* sys.clock();
    for (let at = 0; at < FILE_BYTES; at += READ_BYTES) {
      const count = yield* sys.read(fd, buffer, READ_BYTES);
      assert(count === READ_BYTES, 'the file is too short');
      yield* sys.compute(work);
    }
    elapsedNs = (yield* sys.clock()) - start;
  });
  kernel.run();
  if (report.error !== null) throw report.error;
  assert(report.status === 0, 'the reader did not end well');
  return elapsedNs / 1e6;
}
