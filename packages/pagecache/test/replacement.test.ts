import { NIL } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { ADVICE_RANDOM, initialWindow, nextWindow } from '../src/index.js';
import { pattern, Rig } from './rig.js';

const PAGE = 4096;

function use(rig: Rig, file: number, page: number): boolean {
  const slot = rig.cache.find(file, page);
  if (slot !== NIL) {
    rig.cache.release(slot);
    return true;
  }
  rig.cache.release(rig.get(file, page));
  return false;
}

/** A file that is large but costs nothing: the store answers zeros beyond its bytes. */
function sparse(rig: Rig, pages: number): number {
  const file = rig.cache.openFile(pages * PAGE);
  rig.store.put(file, new Uint8Array(0));
  rig.store.async = false;
  return file;
}

describe('replacement', () => {
  it('one scan does not evict the working set', () => {
    const rig = new Rig(64);
    const file = sparse(rig, 10000);
    for (let round = 0; round < 3; round++) {
      for (let page = 0; page < 24; page++) use(rig, file, page);
    }
    for (let page = 1000; page < 2000; page++) use(rig, file, page);
    let hits = 0;
    for (let page = 0; page < 24; page++) if (use(rig, file, page)) hits++;
    expect(hits).toBe(24);
  });

  it('a working set that has just outgrown the inactive list is seen by its refaults', () => {
    const rig = new Rig(64);
    const file = sparse(rig, 10000);
    // Old pages, used twice, fill the active list and then nobody wants them.
    for (let round = 0; round < 2; round++)
      for (let page = 0; page < 40; page++) use(rig, file, page);
    let misses = 0;
    for (let round = 0; round < 20; round++) {
      for (let page = 5000; page < 5040; page++) if (!use(rig, file, page)) misses++;
    }
    expect(rig.cache.counters.refaults).toBeGreaterThan(0);
    // Without shadows every one of the 800 accesses of the loop misses.
    expect(misses).toBeLessThan(200);
    rig.cache.checkInvariants();
  });

  it('shadows are bounded', () => {
    const rig = new Rig(64);
    const file = sparse(rig, 4_000_000);
    for (let i = 0; i < 20000; i++) use(rig, file, (i * 193) % 4_000_000);
    expect(rig.cache.metadataBytes).toBeLessThan(64 * 44 + 600 * 300);
    rig.cache.checkInvariants();
  });

  it('shadows are bounded after a scan, which fills whole leaves with them', () => {
    const rig = new Rig(64);
    const file = sparse(rig, 100_000);
    for (let page = 0; page < 20_000; page++) use(rig, file, page);
    expect(rig.cache.metadataBytes).toBeLessThan(64 * 44 + 64 * 300);
    rig.cache.checkInvariants();
    expect(rig.cache.invalidate(file, 0, 99_999)).toBe(0);
    expect(rig.cache.closeFile(file)).toBe(0);
    rig.cache.checkInvariants();
  });

  it('metadata of a full cache is at most 64 bytes a page', () => {
    const rig = new Rig(1, {}, 1);
    const big = new Rig(16384);
    const file = sparse(big, 20000);
    for (let page = 0; page < 16384; page++) use(big, file, page);
    expect(big.cache.pageCount).toBe(16384);
    expect(big.cache.metadataBytes / 16384).toBeLessThanOrEqual(64);
    expect(rig.cache.pageCount).toBe(0);
  });

  it('reclaim frees the least used frames to their source', () => {
    const rig = new Rig(8);
    const file = sparse(rig, 100);
    for (let page = 0; page < 8; page++) use(rig, file, page);
    for (let page = 4; page < 8; page++) use(rig, file, page);
    expect(rig.cache.reclaim(4)).toBe(4);
    expect(rig.frames.free_.length).toBe(4);
    for (let page = 4; page < 8; page++) expect(rig.cache.isResident(file, page)).toBe(true);
  });

  it('a frame source that reclaims from inside allocate is served', () => {
    const rig = new Rig(16, {}, 4);
    const file = sparse(rig, 100);
    const allocate = rig.frames.allocate.bind(rig.frames);
    rig.frames.allocate = () => {
      const frame = allocate();
      if (frame !== NIL) return frame;
      rig.cache.reclaim(2);
      return allocate();
    };
    for (let page = 0; page < 50; page++) use(rig, file, page);
    expect(rig.cache.pageCount).toBeLessThanOrEqual(4);
    rig.cache.checkInvariants();
  });
});

describe('read-ahead', () => {
  it('windows are those of Linux', () => {
    const first = [1, 2, 4, 8, 16, 32, 64].map((n) => initialWindow(n, 128));
    expect(first).toEqual([4, 8, 16, 16, 32, 64, 128]);
    expect(initialWindow(3, 128)).toBe(16);
    const windows = [4];
    while (windows.at(-1)! < 128) windows.push(nextWindow(windows.at(-1)!, 128));
    expect(windows).toEqual([4, 16, 32, 64, 128]);
    expect(nextWindow(128, 128)).toBe(128);
  });

  it('a sequential reader is served by growing windows, each started before it is needed', () => {
    const rig = new Rig(256, { readAheadPages: 32 });
    const file = rig.file(pattern(200 * PAGE));
    const handle = rig.cache.openHandle(file);
    rig.store.log.length = 0;
    for (let page = 0; page < 92; page++) rig.read(file, page * PAGE, PAGE, handle);
    const reads = rig.store.log.map((l) => l.replace(`read ${file}:`, ''));
    expect(reads).toEqual(['0+4', '4+8', '12+16', '28+32', '60+32', '92+32']);
    expect(rig.cache.counters.readAheadWasted).toBe(0);
  });

  it('a random reader gets what it asked for and no more', () => {
    const rig = new Rig(256);
    const file = rig.file(pattern(200 * PAGE));
    const handle = rig.cache.openHandle(file);
    for (let i = 0; i < 20; i++) rig.read(file, ((i * 77) % 190) * PAGE + 4 * PAGE, PAGE, handle);
    expect(rig.cache.counters.pagesRead).toBe(20);
    expect(rig.cache.counters.readAheadIssued).toBe(0);
  });

  it('a random read between two sequential ones leaves the stream its window', () => {
    const rig = new Rig(256);
    const file = rig.file(pattern(200 * PAGE));
    const handle = rig.cache.openHandle(file);
    for (let page = 0; page < 20; page++) rig.read(file, page * PAGE, PAGE, handle);
    const before = rig.cache.counters.readAheadIssued;
    rig.read(file, 150 * PAGE, PAGE, handle);
    expect(rig.cache.counters.readAheadIssued).toBe(before);
    rig.store.log.length = 0;
    for (let page = 20; page < 60; page++) rig.read(file, page * PAGE, PAGE, handle);
    const reads = rig.store.log.map((l) => l.replace(`read ${file}:`, ''));
    expect(reads).toEqual(['60+32']);
  });

  it('an error of read-ahead is never the error of a reader of another page', () => {
    const rig = new Rig(256);
    const bytes = pattern(64 * PAGE);
    const file = rig.file(bytes);
    const handle = rig.cache.openHandle(file);
    rig.store.fault = (what, _f, page, count) =>
      what === 'read' && page <= 30 && page + count > 30 ? -5 : 0;
    const got = rig.read(file, 0, 30 * PAGE, handle);
    expect(got.length).toBe(30 * PAGE);
    expect(Buffer.compare(got, bytes.subarray(0, 30 * PAGE))).toBe(0);
    expect(rig.read(file, 30 * PAGE, PAGE, handle).length).toBe(0);
    expect(rig.read(file, 31 * PAGE, PAGE, handle).length).toBe(PAGE);
  });

  it('ADVICE_RANDOM reads nothing ahead, DONTNEED drops, WILLNEED brings in', () => {
    const rig = new Rig(256);
    const file = rig.file(pattern(64 * PAGE));
    const handle = rig.cache.openHandle(file);
    rig.cache.advise(handle, ADVICE_RANDOM);
    for (let page = 0; page < 10; page++) rig.read(file, page * PAGE, PAGE, handle);
    expect(rig.cache.counters.readAheadIssued).toBe(0);
    expect(rig.cache.invalidate(file, 0, 9)).toBe(0);
    expect(rig.cache.pageCount).toBe(0);
    rig.cache.willNeed(file, 20, 10);
    rig.settle();
    expect(rig.cache.pageCount).toBe(10);
    expect(rig.cache.isResident(file, 25)).toBe(true);
    expect(rig.cache.isResident(file, 30)).toBe(false);
    expect(rig.cache.nextHole(file, 20)).toBe(30);
  });

  it('counters say what was issued, used and wasted', () => {
    const rig = new Rig(16);
    const file = rig.file(pattern(64 * PAGE));
    rig.cache.willNeed(file, 0, 8);
    rig.settle();
    for (let page = 0; page < 3; page++) use(rig, file, page);
    for (let page = 30; page < 60; page++) use(rig, file, page);
    const { readAheadIssued, readAheadUsed, readAheadWasted } = rig.cache.counters;
    expect([readAheadIssued, readAheadUsed, readAheadWasted]).toEqual([8, 3, 5]);
  });
});
