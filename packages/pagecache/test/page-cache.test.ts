import { EIO, ENXIO, NIL, OK, PENDING } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { alwaysFails } from './array-store.js';
import { expectSame, pattern, Rig } from './rig.js';

describe('pages', () => {
  it('a miss is read once, comes pinned, and is a hit afterwards', () => {
    const rig = new Rig(4);
    const file = rig.file(pattern(10000));
    expect(rig.cache.find(file, 1)).toBe(NIL);
    expect(rig.cache.get(file, 1, rig.inbox, 1)).toBe(PENDING);
    expect(rig.inbox.got).toEqual([]);
    rig.settle();
    const slot = rig.inbox.of(1)!;
    expect(rig.cache.pins(slot)).toBe(1);
    rig.cache.release(slot);
    const again = rig.cache.find(file, 1);
    expect(again).toBe(slot);
    expect(rig.memory.bytes()[rig.cache.frame(slot)]).toBe(pattern(10000)[4096]);
    rig.cache.release(again);
    rig.cache.checkInvariants();
  });

  it('concurrent misses on a page make one read and everybody gets a reference', () => {
    const rig = new Rig(4);
    const file = rig.file(pattern(10000));
    for (let tag = 0; tag < 5; tag++) {
      expect(rig.cache.get(file, 0, rig.inbox, tag)).toBe(PENDING);
    }
    expect(rig.store.log).toEqual([`read ${file}:0+1`]);
    rig.settle();
    expect(rig.inbox.got.map((g) => g.tag)).toEqual([0, 1, 2, 3, 4]);
    const slot = rig.inbox.of(0)!;
    expect(rig.cache.pins(slot)).toBe(5);
    for (let i = 0; i < 5; i++) rig.cache.release(slot);
    rig.cache.checkInvariants();
  });

  it('a failed read wakes everybody with the error and leaves nothing behind', () => {
    const rig = new Rig(4);
    const file = rig.file(pattern(10000));
    rig.store.fault = alwaysFails;
    for (let tag = 0; tag < 3; tag++) rig.cache.get(file, 0, rig.inbox, tag);
    rig.settle();
    expect(rig.inbox.got.map((g) => g.result)).toEqual([EIO, EIO, EIO]);
    expect(rig.cache.pageCount).toBe(0);
    expect(rig.frames.free_.length).toBe(4);
    rig.cache.checkInvariants();
  });

  it('a page beyond the end is ENXIO', () => {
    const rig = new Rig(4);
    const file = rig.file(pattern(4096));
    expect(rig.cache.get(file, 1, rig.inbox, 1)).toBe(ENXIO);
  });
});

describe('read and write', () => {
  it('reads what is in the store, across pages and up to the end', () => {
    const rig = new Rig(4);
    const bytes = pattern(10000);
    const file = rig.file(bytes);
    expectSame(rig.read(file, 100, 20000), bytes.subarray(100));
    expectSame(rig.read(file, 10000, 5), new Uint8Array(0));
    rig.cache.checkInvariants();
  });

  it('writes parts of pages, extends the file, and fsync puts it into the store', () => {
    const rig = new Rig(4);
    const bytes = pattern(10000);
    const file = rig.file(bytes);
    const handle = rig.cache.openHandle(file);
    const model = new Uint8Array(30000);
    model.set(bytes);
    const part = pattern(5000, 3);
    model.set(part, 7000);
    model.set(part, 25000);
    expect(rig.write(file, 7000, part)).toBe(5000);
    expect(rig.write(file, 25000, part)).toBe(5000);
    expect(rig.cache.size(file)).toBe(30000);
    expectSame(rig.read(file, 0, 40000), model);
    expect(rig.sync(handle)).toBe(OK);
    expectSame(rig.store.bytesOf(file), model);
    expectSame(rig.store.stable.get(file), model);
    rig.cache.checkInvariants();
  });

  it('works with one page slot', () => {
    const rig = new Rig(1);
    const file = rig.file(new Uint8Array(0));
    const bytes = pattern(50000);
    expect(rig.write(file, 0, bytes)).toBe(50000);
    expectSame(rig.read(file, 0, 60000), bytes);
    rig.cache.checkInvariants();
  });

  it('truncate zeroes the tail, also after growing again', () => {
    const rig = new Rig(8);
    const bytes = pattern(20000);
    const file = rig.file(bytes);
    rig.read(file, 0, 20000);
    expect(rig.truncate(file, 5000)).toBe(OK);
    expect(rig.cache.size(file)).toBe(5000);
    expect(rig.truncate(file, 20000)).toBe(OK);
    const model = new Uint8Array(20000);
    model.set(bytes.subarray(0, 5000));
    expectSame(rig.read(file, 0, 20000), model);
    rig.cache.checkInvariants();
  });

  it('a punched hole reads as zeros and the size stays', () => {
    const rig = new Rig(8);
    const bytes = pattern(20000);
    const file = rig.file(bytes);
    expect(rig.punch(file, 1000, 12000)).toBe(OK);
    bytes.fill(0, 1000, 13000);
    expectSame(rig.read(file, 0, 20000), bytes);
    expect(rig.store.log.filter((l) => l.startsWith('punch'))).toEqual([`punch ${file}:1+2`]);
    rig.cache.checkInvariants();
  });
});
