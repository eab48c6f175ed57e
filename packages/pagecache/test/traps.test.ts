import { EIO, ENOMEM, isErrno, NIL, OK, PENDING } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { COPY_FAULT, DIRTY, ERROR, PageIo, WRITEBACK } from '../src/index.js';
import { alwaysFails } from './array-store.js';
import { BufferCopy, expectSame, pattern, Rig } from './rig.js';
import { SoftMmu } from './soft-mmu.js';

const PAGE = 4096;

/** Stores one byte into a page through get, and marks it dirty. */
function poke(rig: Rig, file: number, page: number, value: number): void {
  const slot = rig.get(file, page);
  rig.memory.bytes()[rig.cache.frame(slot)] = value;
  rig.cache.markDirty(slot);
  rig.cache.release(slot);
}

describe('full is not busy', () => {
  it('when every frame is held the answer is ENOMEM, and nothing held is touched', () => {
    const rig = new Rig(2);
    const file = rig.file(pattern(5 * PAGE));
    const slots = [rig.get(file, 0), rig.get(file, 1)];
    for (const slot of slots) rig.cache.hold(slot);
    expect(rig.cache.get(file, 2, rig.inbox, 1)).toBe(ENOMEM);
    expect(rig.cache.frame(slots[0])).not.toBe(rig.cache.frame(slots[1]));
    expect(rig.memory.bytes()[rig.cache.frame(slots[0])]).toBe(pattern(5 * PAGE)[0]);
    for (const slot of slots) {
      rig.cache.unhold(slot);
      rig.cache.release(slot);
    }
    expect(rig.get(file, 2)).toBeGreaterThanOrEqual(0);
  });

  it('when pins will end, the asker queues and gets the first frame that comes free', () => {
    const rig = new Rig(1);
    const file = rig.file(pattern(5 * PAGE));
    const slot = rig.get(file, 0);
    expect(rig.cache.get(file, 1, rig.inbox, 1)).toBe(PENDING);
    expect(rig.cache.get(file, 2, rig.inbox, 2)).toBe(PENDING);
    rig.settle();
    expect(rig.inbox.got).toEqual([]);
    rig.cache.release(slot);
    rig.settle();
    const first = rig.inbox.of(1)!;
    expect(rig.cache.pageOfSlot(first)).toBe(1);
    expect(rig.inbox.of(2)).toBeUndefined();
    rig.cache.release(first);
    rig.settle();
    expect(rig.cache.pageOfSlot(rig.inbox.of(2)!)).toBe(2);
  });

  it('a wake-up brings the page pinned: two askers of one frame both get their turn', () => {
    const rig = new Rig(1);
    const file = rig.file(pattern(5 * PAGE));
    rig.cache.get(file, 0, rig.inbox, 0);
    rig.cache.get(file, 1, rig.inbox, 1);
    rig.cache.get(file, 0, rig.inbox, 2);
    const order: number[] = [];
    for (let i = 0; i < 20 && order.length < 3; i++) {
      rig.settle();
      for (const { tag, result } of rig.inbox.got.splice(0)) {
        order.push(tag);
        expect(rig.cache.pins(result)).toBeGreaterThan(0);
        rig.cache.release(result);
      }
    }
    expect(order.sort()).toEqual([0, 1, 2]);
  });

  it('a page that cannot be written stays, another one is evicted', () => {
    const rig = new Rig(3);
    const file = rig.file(pattern(6 * PAGE));
    poke(rig, file, 0, 0xaa);
    for (const page of [1, 2]) rig.cache.release(rig.get(file, page));
    rig.store.fault = (what) => (what === 'write' ? EIO : OK);
    for (const page of [3, 4, 5, 1]) rig.cache.release(rig.get(file, page));
    const slot = rig.cache.find(file, 0);
    expect(slot).not.toBe(NIL);
    expect(rig.cache.flags(slot) & DIRTY).toBe(DIRTY);
    expect(rig.memory.bytes()[rig.cache.frame(slot)]).toBe(0xaa);
    rig.cache.release(slot);
    rig.cache.checkInvariants();
  });

  it('when nothing is left but pages that cannot be written, the asker gets their error', () => {
    const rig = new Rig(2);
    const file = rig.file(pattern(6 * PAGE));
    poke(rig, file, 0, 1);
    poke(rig, file, 1, 2);
    rig.store.fault = (what) => (what === 'write' ? EIO : OK);
    rig.store.log.length = 0;
    expect(rig.wait(rig.cache.get(file, 2, rig.inbox, 1), 1)).toBe(EIO);
    const writes = rig.store.log.filter((l) => l.startsWith('write')).length;
    expect(writes).toBeLessThanOrEqual(9);
    rig.store.fault = () => OK;
    const slot = rig.get(file, 2);
    expect(slot).toBeGreaterThanOrEqual(0);
    rig.cache.release(slot);
    expect(rig.read(file, 0, 1)[0]).toBe(1);
    expect(rig.read(file, PAGE, 1)[0]).toBe(2);
  });

  it('a read larger than the cache ends with one read per page', () => {
    const rig = new Rig(2, { readAheadPages: 0 });
    const bytes = pattern(9 * PAGE);
    const file = rig.file(bytes);
    expectSame(rig.read(file, 0, bytes.length), bytes);
    expect(rig.store.log.length).toBe(9);
  });

  it('with read-ahead it never reads a page twice', () => {
    const rig = new Rig(16);
    const bytes = pattern(200 * PAGE);
    const file = rig.file(bytes);
    const handle = rig.cache.openHandle(file);
    for (let at = 0; at < bytes.length; at += 10000) rig.read(file, at, 10000, handle);
    expect(rig.cache.counters.pagesRead).toBe(200);
    expect(rig.cache.counters.readAheadWasted).toBe(0);
    expect(rig.cache.counters.readCalls).toBeLessThan(80);
  });
});

describe('write-back', () => {
  it('a page stored to while its write is in flight is dirty when the write ends', () => {
    const rig = new Rig(2);
    const file = rig.file(pattern(PAGE));
    const handle = rig.cache.openHandle(file);
    poke(rig, file, 0, 1);
    expect(rig.cache.fsync(handle, rig.inbox, 1)).toBe(PENDING);
    poke(rig, file, 0, 2);
    const slot = rig.cache.find(file, 0);
    expect(rig.cache.flags(slot) & (DIRTY | WRITEBACK)).toBe(DIRTY | WRITEBACK);
    rig.settle();
    expect(rig.inbox.of(1)).toBe(OK);
    expect(rig.cache.flags(slot) & (DIRTY | WRITEBACK)).toBe(DIRTY);
    rig.cache.release(slot);
  });

  it('fsync writes a page again that was stored to after its write had started', () => {
    const rig = new Rig(2);
    const file = rig.file(pattern(PAGE));
    const handle = rig.cache.openHandle(file);
    // The device takes the old bytes when the write is submitted.
    poke(rig, file, 0, 1);
    rig.cache.writeBackOlder(0, 0);
    rig.store.run();
    poke(rig, file, 0, 2);
    rig.cache.writeBackOlder(0, 0);
    poke(rig, file, 0, 3);
    rig.store.log.length = 0;
    expect(rig.sync(handle)).toBe(OK);
    expect(rig.store.log).toEqual([`write ${file}:0+1`, `sync ${file}:0+0`]);
    expect(rig.store.stable.get(file)![0]).toBe(3);
  });

  it('fsync ends beside a task that never stops writing', () => {
    const rig = new Rig(8);
    const file = rig.file(pattern(4 * PAGE));
    const handle = rig.cache.openHandle(file);
    for (let page = 0; page < 4; page++) poke(rig, file, page, 1);
    rig.store.onWrite = () => {
      for (let page = 0; page < 4; page++) {
        const slot = rig.cache.find(file, page);
        rig.cache.markDirty(slot);
        rig.cache.release(slot);
      }
    };
    rig.store.log.length = 0;
    expect(rig.cache.fsync(handle, rig.inbox, 1)).toBe(PENDING);
    for (let i = 0; i < 50 && rig.inbox.of(1) === undefined; i++) {
      rig.store.run();
      rig.cache.reap();
    }
    expect(rig.inbox.of(1)).toBe(OK);
    expect(rig.store.log.length).toBeLessThan(10);
    expect(rig.cache.dirtyCount).toBe(4);
  });

  it('fsync ends when pages get dirty again as fast as the store takes them', () => {
    const rig = new Rig(8);
    const file = rig.file(pattern(4 * PAGE));
    const handle = rig.cache.openHandle(file);
    for (let page = 0; page < 4; page++) poke(rig, file, page, 1);
    rig.store.async = false;
    let writes = 0;
    rig.store.onWrite = (_file, page) => {
      if (++writes > 20) throw new Error('fsync chases the writer');
      const slot = rig.cache.find(file, page);
      rig.cache.markDirty(slot);
      rig.cache.release(slot);
    };
    expect(rig.cache.fsync(handle, rig.inbox, 1)).toBe(OK);
    expect(writes).toBe(4);
  });

  it('fsync answers only after the device has flushed its cache', () => {
    const rig = new Rig(2);
    const file = rig.file(new Uint8Array(0));
    const handle = rig.cache.openHandle(file);
    rig.write(file, 0, pattern(100));
    rig.cache.fsync(handle, rig.inbox, 1);
    // A flush that overtakes the write would promise too much.
    expect(rig.store.log).toEqual([`write ${file}:0+1`]);
    rig.store.run();
    rig.cache.reap();
    expect(rig.store.bytesOf(file).length).toBe(100);
    expect(rig.inbox.of(1)).toBeUndefined();
    rig.settle();
    expect(rig.inbox.of(1)).toBe(OK);
    expect(rig.store.stable.get(file)!.length).toBe(100);
  });

  it('one bad page does not keep its neighbours from the disk', () => {
    const rig = new Rig(8);
    const file = rig.file(pattern(6 * PAGE));
    const handle = rig.cache.openHandle(file);
    for (let page = 0; page < 6; page++) poke(rig, file, page, 0x77);
    rig.store.fault = (what, _f, page, count) =>
      what === 'write' && page <= 3 && page + count > 3 ? EIO : OK;
    expect(rig.sync(handle)).toBe(EIO);
    for (let page = 0; page < 6; page++) {
      const stored = rig.store.bytesOf(file)[page * PAGE] === 0x77;
      expect(stored).toBe(page !== 3);
    }
    expect(rig.cache.dirtyCount).toBe(1);
    expect(rig.cache.nextDirty(file, 0)).toBe(3);
  });

  it('writers wait above the dirty limit and go on when the disk has caught up', () => {
    const rig = new Rig(100, { dirtyLimit: 10, dirtyBackground: 5, runPages: 4 });
    const file = rig.file(new Uint8Array(0));
    const bytes = pattern(80 * PAGE);
    const io = new PageIo(rig.cache);
    io.write(file, NIL, 0, bytes.length);
    const copy = new BufferCopy(rig.memory, bytes);
    let most = 0;
    for (let guard = 0; guard < 1000; guard++) {
      const status = io.step(copy, rig.inbox, 1);
      most = Math.max(most, rig.cache.dirtyCount + rig.cache.writebackCount);
      if (status !== PENDING) break;
      while (rig.inbox.got.length === 0) {
        rig.store.run();
        rig.cache.reap();
      }
      rig.inbox.got.length = 0;
    }
    expect(io.done).toBe(bytes.length);
    expect(most).toBeLessThanOrEqual(11);
    expect(rig.cache.counters.throttled).toBeGreaterThan(5);
  });

  it('writers are not held up for ever by a disk that fails', () => {
    const rig = new Rig(100, { dirtyLimit: 4, dirtyBackground: 2 });
    const file = rig.file(new Uint8Array(0));
    const handle = rig.cache.openHandle(file);
    rig.store.fault = (what) => (what === 'write' ? EIO : OK);
    expect(rig.write(file, 0, pattern(40 * PAGE))).toBe(40 * PAGE);
    expect(rig.cache.dirtyCount).toBe(40);
    expect(rig.sync(handle)).toBe(EIO);
    rig.store.fault = () => OK;
    expect(rig.sync(handle)).toBe(OK);
    expectSame(rig.store.bytesOf(file), pattern(40 * PAGE));
  });

  it('write-back by age takes the files that have been dirty long enough', () => {
    let now = 0;
    const rig = new Rig(100, { clock: { now: () => now } });
    const old = rig.file(new Uint8Array(0));
    const young = rig.file(new Uint8Array(0));
    rig.write(old, 0, pattern(PAGE));
    now = 20;
    rig.write(young, 0, pattern(PAGE));
    now = 35;
    expect(rig.cache.writeBackOlder(now, 30)).toBe(1);
    rig.settle();
    expect(rig.store.bytesOf(old).length).toBe(PAGE);
    expect(rig.store.bytesOf(young).length).toBe(0);
  });
});

describe('errors of write-back', () => {
  it('every open file hears of an error once at its next fsync, then of success', () => {
    const rig = new Rig(4);
    const file = rig.file(pattern(PAGE));
    const one = rig.cache.openHandle(file);
    const two = rig.cache.openHandle(file);
    poke(rig, file, 0, 9);
    rig.store.fault = (what) => (what === 'write' ? EIO : OK);
    rig.cache.writeBackOlder(0, 0);
    rig.settle();
    rig.store.fault = () => OK;
    expect(rig.sync(one)).toBe(EIO);
    expect(rig.sync(two)).toBe(EIO);
    expect(rig.sync(one)).toBe(OK);
    expect(rig.sync(two)).toBe(OK);
    expect(rig.store.stable.get(file)![0]).toBe(9);
  });

  it('a later opener hears of an error that nobody has heard of, and not of one that somebody has', () => {
    const rig = new Rig(4);
    const file = rig.file(pattern(PAGE));
    poke(rig, file, 0, 9);
    rig.store.fault = (what) => (what === 'write' ? EIO : OK);
    rig.cache.writeBackOlder(0, 0);
    rig.settle();
    rig.store.fault = () => OK;
    const later = rig.cache.openHandle(file);
    expect(rig.sync(later)).toBe(EIO);
    const last = rig.cache.openHandle(file);
    expect(rig.sync(last)).toBe(OK);
  });

  it('a page whose write failed stays dirty with its bytes, and fsync tries it again', () => {
    const rig = new Rig(4);
    const file = rig.file(pattern(PAGE));
    const handle = rig.cache.openHandle(file);
    poke(rig, file, 0, 9);
    rig.store.fault = (what) => (what === 'write' ? EIO : OK);
    expect(rig.sync(handle)).toBe(EIO);
    const slot = rig.cache.find(file, 0);
    expect(rig.cache.flags(slot) & (DIRTY | ERROR)).toBe(DIRTY | ERROR);
    rig.cache.release(slot);
    rig.store.fault = () => OK;
    expect(rig.sync(handle)).toBe(OK);
    expect(rig.store.bytesOf(file)[0]).toBe(9);
  });

  it('a flush that fails is an error of fsync', () => {
    const rig = new Rig(4);
    const file = rig.file(pattern(PAGE));
    const handle = rig.cache.openHandle(file);
    poke(rig, file, 0, 9);
    rig.store.fault = (what) => (what === 'sync' ? EIO : OK);
    expect(rig.sync(handle)).toBe(EIO);
  });

  it('after the Nth transfer fails, for every N, no pin, wait or transfer is left', () => {
    for (let n = 0; n < 60; n++) {
      const rig = new Rig(3);
      const file = rig.file(pattern(12 * PAGE));
      const handle = rig.cache.openHandle(file);
      let count = 0;
      rig.store.fault = () => (count++ === n ? EIO : OK);
      const bytes = pattern(5 * PAGE, 4);
      const written = rig.write(file, 3000, bytes, handle);
      rig.read(file, 0, 12 * PAGE, handle);
      rig.punch(file, 5000, 9000);
      rig.truncate(file, 6 * PAGE + 5);
      rig.sync(handle);
      rig.settle();
      expect(isErrno(written) || written >= 0).toBe(true);
      expect(rig.cache.pendingCount).toBe(0);
      expect(rig.cache.transferCount).toBe(0);
      for (let slot = 0; slot < 3; slot++) expect(rig.cache.pins(slot)).toBe(0);
      rig.cache.checkInvariants();
    }
  });
});

describe('truncate and punch with transfers in flight', () => {
  it('truncate waits for a read under way, and nothing comes back', () => {
    const rig = new Rig(8);
    const file = rig.file(pattern(4 * PAGE));
    expect(rig.cache.get(file, 3, rig.inbox, 1)).toBe(PENDING);
    expect(rig.cache.truncate(file, PAGE, rig.inbox, 2)).toBe(PENDING);
    expect(rig.store.log).toEqual([`read ${file}:3+1`]);
    // A second asker of the page must wait for the truncation, not read the page again.
    expect(rig.cache.get(file, 2, rig.inbox, 3)).toBe(PENDING);
    expect(rig.store.log.length).toBe(1);
    rig.settle();
    expect(rig.inbox.of(2)).toBe(OK);
    expect(rig.inbox.of(3)).toBe(-6);
    const orphan = rig.inbox.of(1)!;
    expect(rig.cache.fileOfSlot(orphan)).toBe(NIL);
    expect(rig.cache.mapped(orphan)).toBe(false);
    rig.cache.release(orphan);
    expect(rig.cache.pageCount).toBe(0);
    expect(rig.frames.free_.length).toBe(8);
  });

  it('truncate waits for a write under way, so that it cannot land in a block given away', () => {
    const rig = new Rig(8);
    const file = rig.file(pattern(4 * PAGE));
    poke(rig, file, 3, 1);
    rig.cache.writeBackOlder(0, 0);
    rig.store.log.length = 0;
    expect(rig.cache.truncate(file, 0, rig.inbox, 2)).toBe(PENDING);
    rig.cache.reap();
    expect(rig.store.log).toEqual([]);
    rig.settle();
    expect(rig.store.log).toEqual([`truncate ${file}:0+0`]);
    expect(rig.cache.dirtyCount).toBe(0);
  });

  it('a write of the old length never reaches the store after the truncation', () => {
    const rig = new Rig(8);
    const file = rig.file(pattern(PAGE));
    poke(rig, file, 0, 1);
    rig.cache.writeBackOlder(0, 0);
    expect(rig.cache.truncate(file, 100, rig.inbox, 2)).toBe(PENDING);
    rig.cache.reap();
    expect(rig.store.log.filter((l) => l.startsWith('truncate'))).toEqual([]);
    rig.settle();
    expect(rig.store.bytesOf(file).length).toBe(100);
    const handle = rig.cache.openHandle(file);
    rig.sync(handle);
    expect(rig.store.bytesOf(file).length).toBe(100);
  });

  it('the page that is cut keeps its frame until the store has cut the file', () => {
    const rig = new Rig(1);
    const file = rig.file(pattern(2 * PAGE));
    expect(rig.cache.truncate(file, PAGE + 10, rig.inbox, 2)).toBe(PENDING);
    rig.store.run();
    rig.cache.reap();
    rig.cache.writeBackOlder(0, 0);
    const write = rig.store.jobs.findIndex(({ what }) => what === 'write');
    rig.store.run(write);
    rig.cache.reap();
    expect(rig.store.jobs.map(({ what }) => what)).toEqual(['truncate']);
    const other = rig.file(pattern(PAGE));
    rig.cache.get(other, 0, rig.inbox, 3);
    expect(rig.store.jobs.map(({ what }) => what)).toEqual(['truncate']);
    rig.settle();
    expect(rig.inbox.of(2)).toBe(OK);
    expect(rig.inbox.of(3)).toBeGreaterThanOrEqual(0);
  });

  it('truncate waits for read-ahead, whose pages do not come back', () => {
    const rig = new Rig(64);
    const file = rig.file(pattern(40 * PAGE));
    rig.cache.willNeed(file, 0, 30);
    expect(rig.truncate(file, 2 * PAGE)).toBe(OK);
    expect(rig.cache.pageCount).toBe(2);
    expect(rig.truncate(file, 40 * PAGE)).toBe(OK);
    expectSame(rig.read(file, 2 * PAGE, 38 * PAGE), new Uint8Array(38 * PAGE));
  });

  it('the tail of the last page is zero after shrinking and growing, though it was not cached', () => {
    const rig = new Rig(8);
    const bytes = pattern(2 * PAGE);
    const file = rig.file(bytes);
    expect(rig.truncate(file, PAGE + 10)).toBe(OK);
    const slot = rig.cache.find(file, 1);
    const frame = rig.cache.frame(slot);
    expectSame(rig.memory.bytes().slice(frame + 10, frame + PAGE), new Uint8Array(PAGE - 10));
    rig.cache.release(slot);
    rig.write(file, 3 * PAGE, pattern(10, 5));
    const got = rig.read(file, 0, 4 * PAGE);
    expectSame(got.subarray(0, PAGE + 10), bytes.subarray(0, PAGE + 10));
    expectSame(got.subarray(PAGE + 10, 3 * PAGE), new Uint8Array(2 * PAGE - 10));
  });

  it('a write and a truncation do not interleave, and appends each get their own place', () => {
    const rig = new Rig(2);
    const file = rig.file(new Uint8Array(0));
    const ios = [1, 2, 3].map(() => new PageIo(rig.cache));
    const buffers = [pattern(9000, 1), pattern(7000, 2), pattern(5000, 3)];
    ios.forEach((io, i) => {
      io.append(file, NIL, buffers[i].length);
    });
    const open = new Set([0, 1, 2]);
    const step = (i: number): void => {
      const status = ios[i].step(new BufferCopy(rig.memory, buffers[i]), rig.inbox, i);
      if (status !== PENDING) open.delete(i);
    };
    for (const i of [0, 1, 2]) step(i);
    for (let guard = 0; open.size > 0 && guard < 200; guard++) {
      rig.store.run();
      rig.cache.reap();
      for (const { tag } of rig.inbox.got.splice(0)) step(tag);
    }
    expect(open.size).toBe(0);
    expect(rig.cache.size(file)).toBe(21000);
    const got = rig.read(file, 0, 21000);
    for (let i = 0; i < 3; i++) {
      const at = ios[i].offset;
      expectSame(got.subarray(at, at + buffers[i].length), buffers[i]);
    }
  });
});

describe('mappings', () => {
  it('read into an unread mapping of another file works with two page slots', () => {
    const mmu = new SoftMmu();
    const rig = new Rig(2, { mappings: mmu, readAheadPages: 0 });
    const source = rig.file(pattern(3 * PAGE, 1));
    const target = rig.file(pattern(3 * PAGE, 2));
    const io = new PageIo(rig.cache);
    io.read(source, NIL, 0, 3 * PAGE);
    // Copies into page `at / 4096` of the mapping; a page that is not mapped is a fault.
    const copy = {
      copyOut: (from: number, at: number, count: number): number => {
        const entry = mmu.entry(target, Math.floor(at / PAGE));
        if (entry === undefined) return 0;
        if (!entry.writable) {
          rig.cache.makeWritable(entry.slot);
          entry.writable = true;
        }
        entry.accessed = true;
        entry.dirty = true;
        const length = Math.min(count, PAGE - (at % PAGE));
        rig.memory.copy(entry.frame + (at % PAGE), from, length);
        return length;
      },
      copyIn: () => 0,
    };
    let faults = 0;
    for (let guard = 0; guard < 100; guard++) {
      const status = io.step(copy, rig.inbox, 1);
      if (status === OK) break;
      if (status === PENDING) {
        rig.wait(PENDING, 1);
      } else {
        expect(status).toBe(COPY_FAULT);
        faults++;
        const page = Math.floor(io.done / PAGE);
        const slot = rig.get(target, page);
        rig.cache.mapped(slot);
        mmu.map(target, page, slot, rig.cache.frame(slot));
        rig.cache.release(slot);
      }
    }
    expect(io.done).toBe(3 * PAGE);
    expect(faults).toBeLessThanOrEqual(6);
    expectSame(rig.read(target, 0, 3 * PAGE), pattern(3 * PAGE, 1));
  });

  it('a store through a mapping after write-back makes the page dirty again', () => {
    const mmu = new SoftMmu();
    const rig = new Rig(2, { mappings: mmu });
    const file = rig.file(pattern(PAGE));
    const handle = rig.cache.openHandle(file);
    const slot = rig.get(file, 0);
    rig.cache.mapped(slot);
    const entry = mmu.map(file, 0, slot, rig.cache.frame(slot));
    rig.cache.release(slot);
    rig.cache.makeWritable(slot);
    entry.writable = true;
    rig.memory.bytes()[entry.frame] = 1;
    entry.dirty = true;
    expect(rig.sync(handle)).toBe(OK);
    expect(entry.writable).toBe(false);
    expect(entry.dirty).toBe(false);
    rig.cache.makeWritable(slot);
    rig.memory.bytes()[entry.frame] = 2;
    expect(rig.sync(handle)).toBe(OK);
    expect(rig.store.stable.get(file)![0]).toBe(2);
  });

  it('reclaim unmaps a page before it frees the frame, and keeps one stored to in between', () => {
    const mmu = new SoftMmu();
    const rig = new Rig(2, { mappings: mmu });
    const file = rig.file(pattern(2 * PAGE));
    for (const page of [0, 1]) {
      const slot = rig.get(file, page);
      rig.cache.mapped(slot);
      mmu.map(file, page, slot, rig.cache.frame(slot)).accessed = false;
      rig.cache.release(slot);
    }
    // Stored to without makeWritable: only the D bit knows.
    const entry = mmu.entry(file, 0)!;
    entry.dirty = true;
    rig.memory.bytes()[entry.frame] = 0x5a;
    expect(rig.cache.reclaim(2)).toBe(1);
    expect(mmu.count).toBe(0);
    rig.settle();
    expect(rig.cache.reclaim(2)).toBe(1);
    expect(rig.store.bytesOf(file)[0]).toBe(0x5a);
    expect(rig.cache.pageCount).toBe(0);
  });

  it('what a mapping stores beyond the end of the file is never seen', () => {
    const mmu = new SoftMmu();
    const rig = new Rig(4, { mappings: mmu });
    const file = rig.file(pattern(100));
    const handle = rig.cache.openHandle(file);
    const slot = rig.get(file, 0);
    rig.cache.mapped(slot);
    mmu.map(file, 0, slot, rig.cache.frame(slot));
    rig.cache.makeWritable(slot);
    rig.memory.bytes().fill(0xee, rig.cache.frame(slot) + 100, rig.cache.frame(slot) + PAGE);
    rig.cache.release(slot);
    rig.sync(handle);
    const tail = rig.cache.frame(slot) + 100;
    expectSame(rig.memory.bytes().slice(tail, tail + PAGE - 100), new Uint8Array(PAGE - 100));
    rig.write(file, 300, new Uint8Array([7]));
    expectSame(rig.read(file, 100, 201), new Uint8Array([...new Array(200).fill(0), 7]));
  });
});

describe('giving up', () => {
  it('a read that is cancelled while it waits gives its page back', () => {
    const rig = new Rig(2);
    const file = rig.file(pattern(4 * PAGE));
    const io = new PageIo(rig.cache);
    io.read(file, NIL, 0, 3 * PAGE);
    expect(io.step(new BufferCopy(rig.memory, new Uint8Array(3 * PAGE)), rig.inbox, 1)).toBe(
      PENDING,
    );
    io.cancel();
    rig.settle();
    expect(rig.inbox.got).toEqual([]);
    expect(io.busy).toBe(false);
    for (let slot = 0; slot < 2; slot++) expect(rig.cache.pins(slot)).toBe(0);
  });

  it('a write that is cancelled while it waits for the lock or a page gives both back', () => {
    const rig = new Rig(2);
    const file = rig.file(pattern(4 * PAGE));
    const first = new PageIo(rig.cache);
    const second = new PageIo(rig.cache);
    const copy = new BufferCopy(rig.memory, new Uint8Array(3 * PAGE));
    first.write(file, NIL, 10, 100);
    second.write(file, NIL, 10, 100);
    expect(first.step(copy, rig.inbox, 1)).toBe(PENDING);
    expect(second.step(copy, rig.inbox, 2)).toBe(PENDING);
    first.cancel();
    second.cancel();
    rig.settle();
    expect(rig.write(file, 0, pattern(10))).toBe(10);
    expect(rig.cache.pendingCount).toBe(0);
  });

  it('an append of nothing but errors leaves the file as it was', () => {
    const rig = new Rig(2);
    const file = rig.file(pattern(100));
    rig.store.fault = alwaysFails;
    const io = new PageIo(rig.cache);
    io.append(file, NIL, 10);
    expect(rig.runIo(io, pattern(10))).toBe(EIO);
    expect(rig.cache.size(file)).toBe(100);
  });
});
