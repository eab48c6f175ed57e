import { EBUSY, EIO, ENOMEM, NIL, OK } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { DIRTY, KEPT } from '../src/flags.js';
import { Random } from './random.js';
import { expectSame, pattern, Rig } from './rig.js';
import { SoftMmu } from './soft-mmu.js';

const PAGE = 4096;

/** A file whose pages no store takes; what has not been written reads as zeros. */
function keptFile(rig: Rig): number {
  const file = rig.cache.openFile(0, true);
  rig.store.fault = (what, of) => (of === file && what === 'write' ? EIO : OK);
  return file;
}

describe('pages of a kept file', () => {
  it('outlive a scan through another file and every call that drops clean pages', () => {
    const rig = new Rig(8);
    const file = keptFile(rig);
    const bytes = pattern(3 * PAGE);
    expect(rig.write(file, 0, bytes)).toBe(3 * PAGE);
    const scanned = rig.file(pattern(64 * PAGE));
    expectSame(rig.read(scanned, 0, 64 * PAGE), pattern(64 * PAGE));
    expect(rig.cache.invalidate(file, 0, 99)).toBe(3);
    rig.cache.reclaim(8);
    rig.settle();
    expectSame(rig.read(file, 0, 3 * PAGE), bytes);
    expect(rig.cache.pageCount).toBe(3);
    expect(rig.store.log.filter((line) => line.includes(` ${file}:`))).toEqual([]);
    rig.cache.checkInvariants();
  });

  it('are never dirty: fsync has nothing to write, writers are not throttled', () => {
    const rig = new Rig(8, { dirtyLimit: 1 });
    const file = keptFile(rig);
    const handle = rig.cache.openHandle(file);
    expect(rig.write(file, 0, pattern(6 * PAGE))).toBe(6 * PAGE);
    const slot = rig.cache.find(file, 0);
    expect(rig.cache.flags(slot) & (DIRTY | KEPT)).toBe(KEPT);
    rig.cache.release(slot);
    expect(rig.cache.dirtyCount).toBe(0);
    expect(rig.cache.nextDirty(file, 0)).toBe(NIL);
    expect(rig.cache.throttle(rig.inbox, 1)).toBe(OK);
    expect(rig.sync(handle)).toBe(OK);
    expect(rig.cache.writeBackOlder(1e18, 0)).toBe(0);
    expect(rig.store.log.filter((line) => line.startsWith('write'))).toEqual([]);
    rig.cache.checkInvariants();
  });

  it('may fill the cache: then the answer is ENOMEM, and truncate makes room', () => {
    const rig = new Rig(4);
    const file = keptFile(rig);
    const other = rig.file(pattern(2 * PAGE));
    expect(rig.write(file, 0, pattern(4 * PAGE))).toBe(4 * PAGE);
    expect(rig.get(other, 0)).toBe(ENOMEM);
    expect(rig.write(file, 4 * PAGE, pattern(PAGE))).toBe(ENOMEM);
    expect(rig.cache.reclaim(1)).toBe(0);
    expect(rig.cache.size(file)).toBe(4 * PAGE);
    expectSame(rig.read(file, 0, 9 * PAGE), pattern(4 * PAGE));
    expect(rig.truncate(file, PAGE)).toBe(OK);
    expect(rig.frames.free_.length).toBe(3);
    const slot = rig.get(other, 0);
    expect(rig.memory.bytes()[rig.cache.frame(slot)]).toBe(pattern(2 * PAGE)[0]);
    rig.cache.release(slot);
    rig.cache.checkInvariants();
  });

  it('go with a punch, and with a truncation to nothing, after which the file can be closed', () => {
    const rig = new Rig(8);
    const file = keptFile(rig);
    expect(rig.write(file, 0, pattern(4 * PAGE))).toBe(4 * PAGE);
    expect(rig.cache.closeFile(file)).toBe(EBUSY);
    expect(rig.cache.pageCount).toBe(4);
    expect(rig.punch(file, PAGE, 2 * PAGE)).toBe(OK);
    expect(rig.cache.pageCount).toBe(2);
    expect(rig.cache.nextHole(file, 0)).toBe(1);
    expect(rig.truncate(file, 0)).toBe(OK);
    expect(rig.frames.free_.length).toBe(8);
    expect(rig.cache.closeFile(file)).toBe(OK);
    rig.cache.checkInvariants();
  });

  it('keep what was only stored through a mapping of a hole, though its only sign is a D bit', () => {
    const mmu = new SoftMmu();
    const rig = new Rig(4, { mappings: mmu });
    const file = keptFile(rig);
    rig.cache.setSize(file, PAGE);
    const slot = rig.get(file, 0);
    expect(rig.cache.mapped(slot)).toBe(true);
    const entry = mmu.map(file, 0, slot, rig.cache.frame(slot));
    rig.memory.bytes()[entry.frame + 5] = 0xee;
    entry.dirty = true;
    rig.cache.release(slot);
    mmu.drop(file, 0);
    rig.cache.unmapped(slot, true);
    const scanned = rig.file(pattern(20 * PAGE));
    rig.read(scanned, 0, 20 * PAGE);
    expect(rig.read(file, 5, 1)[0]).toBe(0xee);
    expect(rig.cache.dirtyCount).toBe(0);
    rig.cache.checkInvariants();
  });

  it('agree with a plain array through writes, truncations, punches and pressure', () => {
    for (let seed = 1; seed <= 5; seed++) agrees(seed);
  });
});

/** 200 operations on one kept file in a cache of 12 pages, beside a file that is scanned. */
function agrees(seed: number): void {
  const random = new Random(seed);
  const rig = new Rig(12);
  const file = keptFile(rig);
  const scanned = rig.file(pattern(40 * PAGE));
  let model = new Uint8Array(0);
  const resize = (size: number): void => {
    const next = new Uint8Array(size);
    next.set(model.subarray(0, size));
    model = next;
  };
  for (let i = 0; i < 200; i++) {
    const offset = random.below(8 * PAGE);
    const count = 1 + random.below(2 * PAGE - 1);
    const kind = random.below(5);
    if (kind === 0) {
      const bytes = pattern(count, i);
      if (rig.write(file, offset, bytes) !== count) throw new Error(`seed ${seed}: write ${i}`);
      if (model.length < offset + count) resize(offset + count);
      model.set(bytes, offset);
    } else if (kind === 1) {
      expect(rig.truncate(file, offset)).toBe(OK);
      resize(offset);
    } else if (kind === 2) {
      expect(rig.punch(file, offset, count)).toBe(OK);
      model.fill(0, offset, Math.min(model.length, offset + count));
    } else if (kind === 3) {
      rig.read(scanned, random.below(30) * PAGE, 10 * PAGE);
    } else {
      rig.cache.reclaim(1 + random.below(12));
    }
    expectKept(rig, file, model, `seed ${seed}, operation ${i}`);
    rig.cache.checkInvariants();
  }
}

/** What pages are here holds the model's bytes; what is not here is zeros in the model. */
function expectKept(rig: Rig, file: number, model: Uint8Array, where: string): void {
  if (rig.cache.size(file) !== model.length) throw new Error(`${where}: wrong size`);
  for (let page = 0; page * PAGE < model.length; page++) {
    const slot = rig.cache.peek(file, page);
    const expected = model.subarray(page * PAGE, (page + 1) * PAGE);
    if (slot === NIL) {
      if (expected.some((byte) => byte !== 0)) throw new Error(`${where}: page ${page} is lost`);
      continue;
    }
    const frame = rig.cache.frame(slot);
    expectSame(rig.memory.bytes().subarray(frame, frame + expected.length), expected);
    rig.cache.release(slot);
  }
}
