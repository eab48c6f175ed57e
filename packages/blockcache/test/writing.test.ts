import { EIO, NIL, OK, PENDING, READ, WRITE } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { Rig } from './support/rig.js';

describe('water marks', () => {
  test('above the lower mark the cache writes by itself, sorted and merged, down to half of it', () => {
    const rig = new Rig(16, {}, { dirtyLow: 0.25 });
    for (const block of [9, 7, 8]) rig.put(block, block);
    rig.disk.log.length = 0;
    rig.put(6, 6);
    expect(rig.disk.queue.length).toBe(0);
    rig.put(30, 30);
    rig.disk.finishAll();
    rig.cache.reap();
    expect(rig.disk.log.filter((line) => line.startsWith('write'))).toEqual(['write 6+3']);
    expect(rig.cache.dirtyCount).toBe(2);
    rig.cache.checkInvariants();
  });

  test('a writer above the higher mark waits until enough is written', () => {
    const rig = new Rig(8, {}, { dirtyLow: 1, dirtyHigh: 0.5 });
    for (let b = 0; b < 4; b++) rig.put(b, b);
    expect(rig.cache.throttle(rig.sink, 1)).toBe(OK);
    rig.put(4, 4);
    rig.sink.heard.length = 0;
    expect(rig.cache.throttle(rig.sink, 2)).toBe(PENDING);
    rig.cache.reap();
    expect(rig.sink.heard).toEqual([]);
    rig.disk.finishAll();
    rig.cache.reap();
    expect(rig.sink.heard).toEqual([[2, OK]]);
  });

  test('a throttled writer hears EIO when nothing can be written any more', () => {
    const rig = new Rig(4, {}, { dirtyLow: 1, dirtyHigh: 0.25 });
    rig.disk.fault = (request) => request.op === WRITE;
    rig.put(1, 1);
    rig.put(2, 2);
    expect(rig.settle(rig.cache.throttle(rig.sink, 5))).toBe(EIO);
    expect(rig.disk.operations).toBeLessThan(30);
    expect(rig.cache.dirtyCount).toBe(2);
  });

  test('write-through writes each block when its last pin ends', () => {
    const rig = new Rig(8, { immediate: true }, { writeThrough: true });
    rig.put(3, 33);
    expect(rig.disk.mediumWord(3)).toBe(33);
    expect(rig.cache.dirtyCount).toBe(0);
  });
});

describe('single writes', () => {
  test('a forced write is durable without a flush of the device', () => {
    const rig = new Rig(4, { volatileCache: true });
    const slot = rig.get(1);
    rig.memory.store32(rig.cache.address(slot), 5);
    expect(rig.settle(rig.cache.writeSlot(slot, true, rig.sink, 0))).toBe(OK);
    rig.disk.cutPower();
    expect(rig.disk.mediumWord(1)).toBe(5);
    expect(rig.disk.log).toEqual(['read 1+1', 'write fua 1+1']);
  });

  test('a plain write of a slot is not durable before a flush', () => {
    const rig = new Rig(4, { volatileCache: true });
    const slot = rig.get(1);
    rig.memory.store32(rig.cache.address(slot), 5);
    expect(rig.settle(rig.cache.writeSlot(slot, false, rig.sink, 0))).toBe(OK);
    expect(rig.disk.current[512]).toBe(5);
    rig.disk.cutPower();
    expect(rig.disk.mediumWord(1)).toBe(0);
  });

  test('a failed flush of the device is reported to each opener', () => {
    const rig = new Rig(4, { volatileCache: true });
    const opener = rig.cache.openErrors(rig.device);
    rig.put(1, 1);
    rig.disk.fault = (request) => request.op === 2;
    expect(rig.flush()).toBe(EIO);
    rig.disk.fault = () => false;
    expect([rig.flush(opener), rig.flush(opener)]).toEqual([EIO, OK]);
  });
});

describe('discarding', () => {
  test('dirty blocks are dropped unwritten and read as zeros afterwards', () => {
    const rig = new Rig(8);
    for (let b = 0; b < 4; b++) rig.put(b, b + 1);
    expect(rig.settle(rig.cache.discard(rig.device, 1, 2, rig.sink, 0))).toBe(OK);
    expect(rig.cache.dirtyCount).toBe(2);
    expect([0, 1, 2, 3].map((b) => rig.take(b))).toEqual([1, 0, 0, 4]);
    expect(rig.disk.log.filter((line) => line.startsWith('write'))).toEqual([]);
    rig.cache.checkInvariants();
  });

  test('it waits for a write in flight, and writes of the block wait for it', () => {
    const rig = new Rig(8);
    rig.put(1, 9);
    rig.cache.flush(rig.device, rig.sink, 1);
    rig.cache.discard(rig.device, 1, 1, rig.sink, 2);
    expect(rig.disk.queue.map(({ op }) => op)).toEqual([WRITE]);
    rig.disk.finish();
    rig.cache.reap();
    expect(rig.disk.queue.length).toBe(1);
    rig.sink.heard.length = 0;
    expect(rig.cache.getNew(rig.device, 1, rig.sink, 3)).toBe(PENDING);
    rig.disk.finish();
    rig.cache.reap();
    expect(rig.sink.heard.map(([tag]) => tag).sort()).toEqual([2, 3]);
    rig.cache.checkInvariants();
  });

  test('a pinned block stays, as zeros', () => {
    const rig = new Rig(8);
    rig.put(1, 9);
    const slot = rig.get(1);
    expect(rig.settle(rig.cache.discard(rig.device, 0, 64, rig.sink, 0))).toBe(OK);
    expect(rig.word(slot)).toBe(0);
    expect(rig.cache.isDirty(slot)).toBe(false);
    rig.cache.release(slot);
    rig.cache.checkInvariants();
  });
});

describe('every Nth operation fails', () => {
  /** A fixed workload of reads, writes, flushes, attached frames and evictions over three slots. */
  function run(rig: Rig): void {
    for (let step = 0; step < 40; step++) {
      const block = (step * 7) % 12;
      const slot = rig.get(block);
      if (slot >= 0) {
        if (step % 2 === 0) {
          rig.memory.store32(rig.cache.address(slot), 1000 + step);
          rig.cache.markDirty(slot);
        }
        rig.cache.release(slot);
      }
      if (step % 5 === 4) rig.cache.prefetch(rig.device, block + 1, 2);
      if (step % 7 === 6) {
        rig.settle(rig.cache.write(rig.device, 40, 2, [rig.frames, rig.frames + 512], rig.sink, 0));
      }
      if (step % 9 === 8) {
        rig.settle(rig.cache.attach(rig.device, 50, rig.frames + 1024, 512, rig.sink, 0));
        rig.cache.detach(rig.device, 50, rig.frames + 1024, 512);
      }
      if (step % 11 === 10) rig.flush();
    }
  }

  test('for every N no pin leaks, no dirty block is lost, and a repaired device gets everything', () => {
    for (let n = 1; n <= 60; n++) {
      const rig = new Rig(3, { volatileCache: true });
      const opener = rig.cache.openErrors(rig.device);
      let writeFailed = false;
      let failed = 0;
      rig.disk.fault = (request, operation) => {
        const fails = operation % n === 0;
        if (fails) failed += 1;
        if (fails && request.op !== READ) writeFailed = true;
        return fails;
      };
      run(rig);
      if (n <= 40) expect(failed).toBeGreaterThan(0);
      rig.disk.fault = () => false;
      while (rig.disk.finish()) rig.cache.reap();
      rig.cache.reap();
      for (let slot = 0; slot < 3; slot++) expect(rig.cache.holdCount(slot)).toBe(0);
      rig.cache.checkInvariants();
      const status = rig.flush(opener);
      // A merged request that fails is repeated block by block: only those failures count.
      if (!writeFailed) expect(status).toBe(OK);
      expect(rig.cache.dirtyCount).toBe(0);
      expect(rig.inFlight()).toBe(0);
    }
  });

  test('what a reader sees is always the last write, whatever fails', () => {
    for (let n = 2; n <= 30; n++) {
      const rig = new Rig(2, {});
      const model = new Map<number, number>();
      rig.disk.fault = (_request, operation) => operation % n === 0;
      for (let step = 0; step < 60; step++) {
        const block = (step * 5) % 9;
        const slot = rig.get(block);
        if (slot < 0) continue;
        expect(rig.word(slot)).toBe(model.get(block) ?? 0);
        rig.memory.store32(rig.cache.address(slot), step + 1);
        rig.cache.markDirty(slot);
        rig.cache.release(slot);
        model.set(block, step + 1);
      }
      rig.disk.fault = () => false;
      expect(rig.flush()).toBe(OK);
      for (const [block, value] of model) expect(rig.disk.mediumWord(block)).toBe(value);
    }
  });
});

describe('read-ahead', () => {
  test('an error of reading ahead is not the reader’s', () => {
    const rig = new Rig(8);
    rig.cache.prefetch(rig.device, 4, 2);
    let failures = 2;
    rig.disk.fault = () => failures-- > 0;
    expect(rig.get(4)).toBeGreaterThanOrEqual(0);
    expect(rig.get(5)).toBeGreaterThanOrEqual(0);
    rig.cache.checkInvariants();
  });

  test('a prefetch reads the missing ones only, merged, and counts what is used and what is wasted', () => {
    const rig = new Rig(4);
    rig.take(2);
    rig.disk.log.length = 0;
    expect(rig.cache.prefetch(rig.device, 1, 3)).toBe(2);
    rig.disk.finishAll();
    rig.cache.reap();
    expect(rig.disk.log).toEqual(['read 1+1', 'read 3+1']);
    rig.take(3);
    for (let b = 10; b < 14; b++) rig.take(b);
    const { readAheadIssued, readAheadUsed, readAheadWasted } = rig.cache.statistics();
    expect([readAheadIssued, readAheadUsed, readAheadWasted]).toEqual([2, 1, 1]);
    expect(rig.cache.tryGet(rig.device, 1)).toBe(NIL);
  });
});

describe('a journal in front of the blocks', () => {
  test('a block whose dirty mark was taken over is not written until it is marked again', () => {
    const rig = new Rig(4);
    rig.put(1, 11);
    const slot = rig.get(1);
    expect(rig.cache.takeDirty(slot)).toBe(true);
    expect(rig.cache.takeDirty(slot)).toBe(false);
    expect(rig.flush()).toBe(OK);
    expect(rig.disk.mediumWord(1)).not.toBe(11);
    rig.cache.markDirty(slot);
    rig.cache.release(slot);
    expect(rig.flush()).toBe(OK);
    expect(rig.disk.mediumWord(1)).toBe(11);
    rig.cache.checkInvariants();
  });

  test('who waits for the end of a write hears of it even when it fails', () => {
    for (const failing of [false, true]) {
      const rig = new Rig(4);
      rig.put(1, 11);
      const slot = rig.get(1);
      rig.sink.heard.length = 0;
      expect(rig.cache.awaitWrite(slot, rig.sink, 3)).toBe(OK);
      rig.disk.fault = () => failing;
      expect(rig.cache.flush(rig.device, rig.sink, 4)).toBe(PENDING);
      expect(rig.cache.awaitWrite(slot, rig.sink, 3)).toBe(PENDING);
      rig.disk.finishAll();
      rig.cache.reap();
      rig.disk.finishAll();
      rig.cache.reap();
      expect(rig.sink.heard).toContainEqual([3, OK]);
      expect(rig.cache.awaitWrite(slot, rig.sink, 3)).toBe(OK);
      rig.cache.release(slot);
      rig.cache.checkInvariants();
    }
  });
});
