import { EIO, ENOMEM, ENXIO, EROFS, NIL, OK, PENDING } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { Rig } from './support/rig.js';

describe('finding blocks', () => {
  test('a missing block is read once and then found without the device', () => {
    const rig = new Rig(4);
    rig.disk.current[512 * 5] = 77;
    expect(rig.cache.tryGet(rig.device, 5)).toBe(NIL);
    const slot = rig.get(5);
    expect(rig.word(slot)).toBe(77);
    expect(rig.cache.tryGet(rig.device, 5)).toBe(slot);
    expect(rig.disk.log).toEqual(['read 5+1']);
    expect(rig.cache.blockOf(slot)).toBe(5);
    rig.cache.checkInvariants();
  });

  test('many misses on one block make one read, and everyone gets a pin', () => {
    const rig = new Rig(4);
    for (let tag = 0; tag < 100; tag++) {
      expect(rig.cache.get(rig.device, 7, rig.sink, tag)).toBe(PENDING);
    }
    expect(rig.disk.queue.length).toBe(1);
    rig.disk.finishAll();
    rig.cache.reap();
    expect(rig.sink.heard.length).toBe(100);
    const slot = rig.sink.last;
    expect(rig.sink.heard.every(([tag, result], i) => tag === i && result === slot)).toBe(true);
    expect(rig.cache.holdCount(slot)).toBe(100);
    for (let i = 0; i < 100; i++) rig.cache.release(slot);
    rig.cache.checkInvariants();
  });

  test('an error wakes everyone who waits, and leaves nothing behind', () => {
    const rig = new Rig(4);
    rig.disk.fault = () => true;
    for (let tag = 0; tag < 10; tag++) rig.cache.get(rig.device, 7, rig.sink, tag);
    rig.disk.finishAll();
    rig.cache.reap();
    expect(rig.sink.heard.map(([, result]) => result)).toEqual(new Array(10).fill(EIO));
    expect(rig.cache.size).toBe(0);
    rig.disk.fault = () => false;
    expect(rig.get(7)).toBeGreaterThanOrEqual(0);
    rig.cache.checkInvariants();
  });

  test('a block outside the device is ENXIO, and a device that finishes at once needs no sink', () => {
    const rig = new Rig(2, { immediate: true });
    expect(rig.cache.get(rig.device, 64, rig.sink, 0)).toBe(ENXIO);
    expect(rig.cache.get(rig.device, -1, rig.sink, 0)).toBe(ENXIO);
    const slot = rig.cache.get(rig.device, 3, rig.sink, 0);
    expect(slot).toBeGreaterThanOrEqual(0);
    rig.cache.release(slot);
    rig.disk.fault = () => true;
    expect(rig.cache.get(rig.device, 4, rig.sink, 0)).toBe(EIO);
    expect(rig.sink.heard).toEqual([]);
  });

  test('the least recently used block goes first, and a pinned one never', () => {
    const rig = new Rig(3, { immediate: true });
    const pinned = rig.get(0);
    for (const block of [1, 2, 3, 4, 5]) rig.cache.release(rig.get(block));
    expect(rig.cache.tryGet(rig.device, 3)).toBe(NIL);
    expect(rig.cache.tryGet(rig.device, 0)).toBe(pinned);
    rig.cache.checkInvariants();
  });

  test('devices do not share blocks', () => {
    const rig = new Rig(4, { immediate: true });
    const second = rig.cache.addDevice(rig.disk);
    const a = rig.get(9);
    const b = rig.cache.get(second, 9, rig.sink, 0);
    expect(a).not.toBe(b);
    expect(rig.cache.deviceOf(b)).toBe(second);
    expect(rig.cache.blockOf(b)).toBe(9);
  });

  test('blocks larger than the device’s move as one request, and a short last one is padded with zeros', () => {
    const rig = new Rig(2, { blockCount: 13, immediate: true }, { blockBytes: 4096 });
    expect(rig.cache.blockCount(rig.device)).toBe(2);
    rig.disk.current.fill(0xee);
    const slot = rig.get(1);
    const address = rig.cache.address(slot);
    expect(rig.memory.load8(address + 5 * 512 - 1)).toBe(0xee);
    expect(rig.memory.load8(address + 5 * 512)).toBe(0);
    rig.memory.store8(address, 1);
    rig.cache.markDirty(slot);
    expect(rig.flush()).toBe(OK);
    expect(rig.disk.log).toEqual(['read 8+5', 'write 8+5']);
    expect(rig.disk.medium[8 * 512]).toBe(1);
  });
});

describe('a full cache', () => {
  test('all slots pinned by the asker itself is ENOMEM, and nothing is lost', () => {
    for (const capacity of [1, 2, 3]) {
      const rig = new Rig(capacity, { immediate: true });
      const slots = [];
      for (let b = 0; b < capacity; b++) slots.push(rig.get(b));
      expect(rig.cache.get(rig.device, 50, rig.sink, 0, capacity)).toBe(ENOMEM);
      for (const slot of slots) rig.cache.release(slot);
      expect(rig.get(50)).toBeGreaterThanOrEqual(0);
      rig.cache.checkInvariants();
    }
  });

  test('pins of others make the asker wait, and the wake-up brings a pinned slot', () => {
    for (const capacity of [1, 2, 3]) {
      const rig = new Rig(capacity);
      const slots = [];
      for (let b = 0; b < capacity; b++) slots.push(rig.get(b));
      rig.sink.heard.length = 0;
      expect(rig.cache.get(rig.device, 50, rig.sink, 9)).toBe(PENDING);
      rig.cache.reap();
      expect(rig.disk.queue.length).toBe(0);
      rig.cache.release(slots[0]);
      expect(rig.sink.heard).toEqual([]);
      rig.cache.reap();
      rig.disk.finishAll();
      rig.cache.reap();
      expect(rig.sink.heard.length).toBe(1);
      expect(rig.cache.blockOf(rig.sink.last)).toBe(50);
      expect(rig.cache.holdCount(rig.sink.last)).toBe(1);
      rig.cache.checkInvariants();
    }
  });

  test('unmovable slots do not make the asker wait', () => {
    const rig = new Rig(1, { immediate: true });
    const slot = rig.get(0);
    rig.cache.setUnmovable(slot, true);
    expect(rig.cache.get(rig.device, 1, rig.sink, 0)).toBe(ENOMEM);
  });

  test('I/O in flight makes the asker wait even when every slot is being read', () => {
    const rig = new Rig(2);
    for (let block = 0; block < 6; block++) {
      expect(rig.cache.get(rig.device, block, rig.sink, block)).toBe(PENDING);
    }
    rig.sink.onCompleted = (_tag, slot) => rig.cache.release(slot);
    for (let i = 0; i < 20; i++) {
      rig.disk.finish();
      rig.cache.reap();
    }
    expect(rig.sink.heard.map(([tag]) => tag)).toEqual([0, 1, 2, 3, 4, 5]);
    rig.cache.checkInvariants();
  });

  test('two readers of one slot take turns: neither steals it from the other for ever', () => {
    const rig = new Rig(1);
    const turns: number[] = [];
    rig.sink.onCompleted = (tag, slot) => {
      turns.push(tag);
      rig.cache.release(slot);
      if (turns.length < 20) rig.cache.get(rig.device, tag, rig.sink, tag);
    };
    rig.cache.get(rig.device, 0, rig.sink, 0);
    rig.cache.get(rig.device, 1, rig.sink, 1);
    for (let i = 0; i < 100; i++) {
      rig.disk.finish();
      rig.cache.reap();
    }
    expect(turns.slice(0, 20).join('')).toBe('01'.repeat(10));
  });

  test('a dirty victim is written before it goes', () => {
    const rig = new Rig(1);
    rig.put(3, 33);
    expect(rig.take(4)).toBe(0);
    expect(rig.disk.log).toEqual(['read 3+1', 'write 3+1', 'read 4+1']);
    expect(rig.take(3)).toBe(33);
    rig.cache.checkInvariants();
  });

  test('the cache shrinks and grows while in use', () => {
    const rig = new Rig(4, { immediate: true });
    const slot = rig.get(0);
    for (let b = 1; b < 4; b++) rig.put(b, b + 100);
    rig.cache.resize(1);
    expect(rig.cache.size).toBe(1);
    expect(rig.cache.tryGet(rig.device, 0)).toBe(slot);
    rig.cache.resize(16);
    for (let b = 1; b < 4; b++) expect(rig.take(b)).toBe(b + 100);
    for (let b = 4; b < 16; b++) rig.put(b, b);
    expect(rig.cache.size).toBe(16);
    rig.cache.checkInvariants();
  });
});

describe('writing', () => {
  test('flush writes sorted, merged blocks and then flushes the device', () => {
    const rig = new Rig(8, { volatileCache: true });
    for (const block of [5, 3, 4, 9]) rig.put(block, block);
    rig.disk.log.length = 0;
    expect(rig.flush()).toBe(OK);
    expect(rig.disk.log).toEqual(['write 3+3', 'write 9+1', 'flush']);
    for (const block of [3, 4, 5, 9]) expect(rig.disk.mediumWord(block)).toBe(block);
    expect(rig.cache.dirtyCount).toBe(0);
  });

  test('a block changed again in flight stays dirty, and the flush writes it a second time', () => {
    const rig = new Rig(4);
    rig.put(1, 10);
    rig.cache.flush(rig.device, rig.sink, 1);
    const slot = rig.cache.tryGet(rig.device, 1);
    rig.memory.store32(rig.cache.address(slot), 11);
    rig.cache.markDirty(slot);
    rig.cache.release(slot);
    expect(rig.cache.flush(rig.device, rig.sink, 2)).toBe(PENDING);
    rig.disk.finish();
    rig.cache.reap();
    expect(rig.sink.heard.at(-1)).toEqual([1, OK]);
    expect(rig.cache.holdCount(slot)).toBe(1);
    rig.disk.finish();
    rig.cache.reap();
    expect(rig.sink.heard.at(-1)).toEqual([2, OK]);
    expect(rig.disk.mediumWord(1)).toBe(11);
    expect(rig.cache.dirtyCount).toBe(0);
    rig.cache.checkInvariants();
  });

  test('a flush ends although a writer dirties the block again at every completion', () => {
    const rig = new Rig(4);
    rig.put(1, 1);
    rig.cache.flush(rig.device, rig.sink, 1);
    let ended = 0;
    rig.sink.onCompleted = () => (ended += 1);
    for (let i = 0; i < 10 && ended === 0; i++) {
      rig.put(1, i + 2);
      rig.disk.finish();
      rig.cache.reap();
    }
    expect(ended).toBe(1);
  });

  test('a failed write keeps the data dirty, is reported, and a later flush repairs it', () => {
    const rig = new Rig(4);
    rig.put(2, 22);
    rig.disk.fault = () => true;
    expect(rig.flush()).toBe(EIO);
    expect(rig.cache.dirtyCount).toBe(1);
    rig.disk.fault = () => false;
    expect(rig.flush()).toBe(OK);
    expect(rig.disk.mediumWord(2)).toBe(22);
    rig.cache.checkInvariants();
  });

  test('in a failing merged write only the bad block fails', () => {
    const rig = new Rig(8);
    for (let b = 0; b < 5; b++) rig.put(b, b + 1);
    rig.disk.fault = (request) => request.block <= 2 && request.block + request.blockCount > 2;
    expect(rig.flush()).toBe(EIO);
    expect(rig.cache.dirtyCount).toBe(1);
    expect([0, 1, 2, 3, 4].map((b) => rig.disk.mediumWord(b))).toEqual([1, 2, 0, 4, 5]);
    rig.cache.checkInvariants();
  });

  test('every opener sees a write-back error once, and a later opener one that nobody has seen', () => {
    const rig = new Rig(4);
    const first = rig.cache.openErrors(rig.device);
    const second = rig.cache.openErrors(rig.device);
    rig.put(2, 22);
    rig.disk.fault = (request) => request.op === 1;
    rig.flush();
    rig.disk.fault = () => false;
    const late = rig.cache.openErrors(rig.device);
    expect([rig.flush(late), rig.flush(late)]).toEqual([EIO, OK]);
    expect([rig.flush(first), rig.flush(first)]).toEqual([EIO, OK]);
    expect([rig.flush(second), rig.flush(second)]).toEqual([EIO, OK]);
    expect(rig.flush(rig.cache.openErrors(rig.device))).toBe(OK);
  });

  test('another victim is taken while a dirty one cannot be written', () => {
    const rig = new Rig(2, { immediate: true });
    rig.put(1, 11);
    rig.cache.release(rig.get(2));
    rig.disk.fault = (request) => request.op === 1;
    expect(rig.get(3)).toBeGreaterThanOrEqual(0);
    expect(rig.cache.dirtyCount).toBe(1);
    expect(rig.take(1)).toBe(11);
  });

  test('when only blocks remain that cannot be written, retries are bounded and the asker hears EIO', () => {
    const rig = new Rig(2);
    rig.put(1, 11);
    rig.put(2, 12);
    rig.disk.fault = (request) => request.op === 1;
    expect(rig.get(3)).toBe(EIO);
    const tried = rig.disk.operations;
    expect(tried).toBeLessThan(30);
    expect(rig.get(3)).toBe(EIO);
    expect(rig.disk.operations).toBe(tried);
    expect(rig.cache.dirtyCount).toBe(2);
    rig.disk.fault = () => false;
    expect(rig.flush()).toBe(OK);
    expect(rig.get(3)).toBeGreaterThanOrEqual(0);
    rig.cache.checkInvariants();
  });

  test('getNew reads nothing and never shows another block’s bytes', () => {
    const rig = new Rig(1);
    rig.put(1, 1);
    const slot = rig.settle(rig.cache.getNew(rig.device, 2, rig.sink, 0));
    expect(rig.word(slot)).toBe(0);
    expect(rig.cache.isDirty(slot)).toBe(true);
    expect(rig.disk.log.filter((line) => line.startsWith('read 2'))).toEqual([]);
  });

  test('a read-only device refuses changes', () => {
    const rig = new Rig(2, { readOnly: true, immediate: true });
    expect(rig.cache.getNew(rig.device, 0, rig.sink, 0)).toBe(EROFS);
    const slot = rig.get(0);
    expect(rig.cache.markDirty(slot)).toBe(EROFS);
    expect(rig.cache.write(rig.device, 0, 1, [0], rig.sink, 0)).toBe(EROFS);
  });
});

describe('one frame, two indexes', () => {
  test('a missing run is read by DMA into the frame, as one request, and found there by others', () => {
    const rig = new Rig(8);
    for (let b = 0; b < 8; b++) rig.disk.current[(8 + b) * 512] = b + 1;
    const result = rig.settle(rig.cache.attach(rig.device, 8, rig.frames, 4096, rig.sink, 3));
    expect(result).toBe(OK);
    expect(rig.memory.load8(rig.frames + 7 * 512)).toBe(8);
    const slot = rig.cache.tryGet(rig.device, 9);
    expect(rig.cache.address(slot)).toBe(rig.frames + 512);
    rig.cache.release(slot);
    rig.cache.checkInvariants();
    expect(rig.disk.log).toEqual(['read 8+8']);
  });

  test('a block that is here already moves into the frame, dirty or not', () => {
    const rig = new Rig(4);
    rig.put(1, 41);
    expect(rig.settle(rig.cache.attach(rig.device, 1, rig.frames, 512, rig.sink, 0))).toBe(OK);
    expect(rig.memory.load32(rig.frames)).toBe(41);
    rig.memory.store32(rig.frames, 42);
    expect(rig.take(1)).toBe(42);
    expect(rig.flush()).toBe(OK);
    expect(rig.disk.mediumWord(1)).toBe(42);
  });

  test('evicting an attached slot drops only the index', () => {
    const rig = new Rig(1);
    rig.disk.current[512] = 9;
    rig.settle(rig.cache.attach(rig.device, 1, rig.frames, 512, rig.sink, 0));
    rig.take(2);
    expect(rig.memory.load8(rig.frames)).toBe(9);
    expect(rig.cache.tryGet(rig.device, 1)).toBe(NIL);
    expect(rig.cache.detach(rig.device, 1, rig.frames, 512)).toBe(OK);
    rig.cache.checkInvariants();
  });

  test('a frame is not detached while somebody uses it', () => {
    const rig = new Rig(4);
    rig.settle(rig.cache.attach(rig.device, 1, rig.frames, 512, rig.sink, 0));
    const slot = rig.cache.tryGet(rig.device, 1);
    expect(rig.cache.detach(rig.device, 1, rig.frames, 512)).toBe(-16);
    rig.cache.release(slot);
    expect(rig.cache.detach(rig.device, 1, rig.frames, 512)).toBe(OK);
    expect(rig.cache.size).toBe(0);
  });

  test('a page’s write is merged, not copied, and no reader sees the old block meanwhile', () => {
    const rig = new Rig(4);
    const from = [0, 1, 2, 3].map((i) => rig.frames + i * 512);
    for (const [i, at] of from.entries()) rig.memory.store32(at, 70 + i);
    expect(rig.cache.write(rig.device, 20, 4, from, rig.sink, 5)).toBe(PENDING);
    expect(rig.cache.get(rig.device, 21, rig.sink, 6)).toBe(PENDING);
    expect(rig.disk.queue.length).toBe(1);
    rig.disk.finishAll();
    rig.cache.reap();
    rig.disk.finishAll();
    rig.cache.reap();
    expect(rig.sink.heard[0]).toEqual([5, OK]);
    expect(rig.word(rig.sink.last)).toBe(71);
    expect(rig.disk.log).toEqual(['write 20+4', 'read 21+1']);
    expect(rig.cache.dirtyCount).toBe(0);
  });

  test('a copy in a slot follows the page’s write', () => {
    const rig = new Rig(4);
    rig.put(20, 1);
    rig.memory.store32(rig.frames, 2);
    expect(rig.settle(rig.cache.write(rig.device, 20, 1, [rig.frames], rig.sink, 0))).toBe(OK);
    expect(rig.take(20)).toBe(2);
    rig.flush();
    expect(rig.disk.mediumWord(20)).toBe(2);
    rig.cache.checkInvariants();
  });

  test('two writes of one block reach the device one after the other', () => {
    const rig = new Rig(4);
    rig.memory.store32(rig.frames, 1);
    rig.cache.write(rig.device, 20, 1, [rig.frames], rig.sink, 0);
    rig.memory.store32(rig.frames + 512, 2);
    rig.cache.write(rig.device, 20, 1, [rig.frames + 512], rig.sink, 1);
    expect(rig.disk.queue.length).toBe(1);
    for (let i = 0; i < 4; i++) {
      rig.disk.finish();
      rig.cache.reap();
    }
    expect(rig.sink.heard).toEqual([
      [0, OK],
      [1, OK],
    ]);
    expect(rig.disk.mediumWord(20)).toBe(2);
  });
});

test('sinks are called from reap and from nowhere else', () => {
  const rig = new Rig(2);
  let inside = false;
  rig.sink.onCompleted = () => expect(inside).toBe(true);
  rig.cache.get(rig.device, 1, rig.sink, 0);
  rig.cache.get(rig.device, 2, rig.sink, 1);
  rig.cache.get(rig.device, 3, rig.sink, 2);
  rig.disk.finishAll();
  rig.disk.reap();
  expect(rig.sink.heard).toEqual([]);
  inside = true;
  expect(rig.cache.reap()).toBe(2);
  inside = false;
  rig.cache.release(rig.sink.heard[0][1]);
  expect(rig.sink.heard.length).toBe(2);
});

test('close flushes every device, answers the waiting, and refuses what comes later', () => {
  const rig = new Rig(1);
  rig.put(1, 5);
  const slot = rig.get(1);
  rig.sink.heard.length = 0;
  rig.cache.get(rig.device, 2, rig.sink, 7);
  rig.cache.close(rig.sink, 8);
  rig.disk.finishAll();
  rig.cache.reap();
  expect(rig.sink.heard).toEqual([
    [7, -125],
    [8, OK],
  ]);
  expect(rig.disk.mediumWord(1)).toBe(5);
  rig.cache.release(slot);
  expect(rig.cache.get(rig.device, 1, rig.sink, 0)).toBe(-125);
});
