import { OK, PENDING } from '@hotpath/hw-x86';
import { createRecordingDevice, exploreCrashes, WriteLog } from '@hotpath/hw-x86/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockCache, POLICY_NAMES, type PolicyName } from '../src/index.js';
import { ArrayMemory } from './support/array-memory.js';
import { FakeDisk } from './support/fake-disk.js';
import { Recorder } from './support/recorder.js';
import { Rig } from './support/rig.js';

const BLOCK_BYTES = 512;
const BLOCKS = 12;

function randomSource(seed: number): (bound: number) => number {
  let state = seed | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/**
 * Writers, forced writes and flushes over a small cache and an asynchronous disk with a volatile
 * cache. Each block holds its version in its first and last word; each acknowledged flush notes in the
 * log what it has promised.
 */
function recordWorkload(seed: number): WriteLog {
  const log = new WriteLog(BLOCK_BYTES);
  const disk = new FakeDisk({ blockCount: BLOCKS, volatileCache: true });
  const memory = new ArrayMemory(1 << 16);
  const sink = new Recorder();
  const cache = new BlockCache({ memory, base: 0, blockBytes: BLOCK_BYTES, capacity: 4 });
  const device = cache.addDevice(createRecordingDevice(disk, log));
  const random = randomSource(seed);
  const version = new Array<number>(BLOCKS).fill(0);
  const finish = (): void => {
    if (disk.queue.length > 0) disk.finish(random(disk.queue.length));
    cache.reap();
  };
  const settle = (result: number): number => {
    const before = sink.heard.length;
    while (result === PENDING && sink.heard.length === before) finish();
    return result === PENDING ? sink.heard[before][1] : result;
  };
  const change = (block: number): number => {
    const slot = settle(cache.get(device, block, sink, 0));
    version[block] += 1;
    memory.store32(cache.address(slot), version[block]);
    memory.store32(cache.address(slot) + BLOCK_BYTES - 4, version[block]);
    cache.markDirty(slot);
    return slot;
  };
  for (let step = 0; step < 60; step++) {
    const choice = random(10);
    const block = random(BLOCKS);
    if (choice < 7) cache.release(change(block));
    else if (choice < 9) {
      const promised = [...version];
      const flushed = settle(cache.flush(device, sink, 1));
      if (flushed === OK) log.mark(JSON.stringify(promised));
    } else {
      const slot = change(block);
      const promised = version[block];
      if (settle(cache.writeSlot(slot, true, sink, 2)) === OK) {
        log.mark(JSON.stringify(version.map((_, b) => (b === block ? promised : 0))));
      }
      cache.release(slot);
    }
    if (random(3) === 0) finish();
  }
  return log;
}

describe('power cuts', () => {
  test('at every operation: what a flush or a forced write acknowledged is there, and no block is torn', () => {
    let states = 0;
    for (const seed of [11, 2222, 333_333]) {
      const log = recordWorkload(seed);
      const bytes = new Uint8Array(BLOCK_BYTES);
      const words = new DataView(bytes.buffer);
      const report = exploreCrashes(
        log,
        ({ disk, marks }) => {
          const promised = new Array<number>(BLOCKS).fill(0);
          for (const mark of marks) {
            for (const [block, value] of (JSON.parse(mark) as number[]).entries()) {
              promised[block] = Math.max(promised[block], value);
            }
          }
          for (let block = 0; block < BLOCKS; block++) {
            disk.readBlock(block, bytes);
            const first = words.getUint32(0, true);
            const last = words.getUint32(BLOCK_BYTES - 4, true);
            if (first !== last) return `block ${block} is torn: ${first} and ${last}`;
            if (first < promised[block]) {
              return `block ${block} has version ${first}, promised was ${promised[block]}`;
            }
          }
          return null;
        },
        { blockCount: BLOCKS, statesPerCut: 16, seed },
      );
      expect(report.failure?.story ?? null).toBe(null);
      expect(log.entries.filter(({ text }) => text.length > 0).length).toBeGreaterThan(5);
      states += report.states;
    }
    expect(states).toBeGreaterThan(500);
  });
});

/** What may happen to a cache; the rig's disk finishes in any order. */
type Action =
  | { kind: 'put' | 'take' | 'new' | 'prefetch' | 'write' | 'attach' | 'discard'; block: number }
  | { kind: 'flush' | 'finish' | 'invalidate' | 'fail'; block: number }
  | { kind: 'resize'; block: number };

const KINDS = [
  'put',
  'put',
  'put',
  'take',
  'take',
  'new',
  'prefetch',
  'write',
  'attach',
  'discard',
  'flush',
  'finish',
  'invalidate',
  'resize',
  'fail',
] as const;

const actions = fc.array(
  fc.record({ kind: fc.constantFrom(...KINDS), block: fc.nat(11) }) as fc.Arbitrary<Action>,
  { minLength: 5, maxLength: 80 },
);

/** Runs a schedule against a map of what each block holds. */
function runSchedule(policy: PolicyName, capacity: number, schedule: readonly Action[]): void {
  const rig = new Rig(capacity, {}, { policy, dirtyLow: 0.5 });
  const model = new Map<number, number>();
  const frame = (block: number): number => rig.frames + block * 512;
  let failures = 0;
  rig.disk.fault = () => failures-- > 0;
  let value = 0;
  for (const { kind, block } of schedule) {
    value += 1;
    if (kind === 'put') {
      const slot = rig.get(block);
      if (slot >= 0) {
        expect(rig.word(slot)).toBe(model.get(block) ?? 0);
        rig.memory.store32(rig.cache.address(slot), value);
        rig.cache.markDirty(slot);
        rig.cache.release(slot);
        model.set(block, value);
      }
    } else if (kind === 'take') {
      const slot = rig.get(block);
      if (slot >= 0) {
        expect(rig.word(slot)).toBe(model.get(block) ?? 0);
        rig.cache.release(slot);
      }
    } else if (kind === 'new') {
      const slot = rig.settle(rig.cache.getNew(rig.device, block, rig.sink, 0));
      if (slot >= 0) {
        rig.memory.fill(rig.cache.address(slot), 512, 0);
        rig.memory.store32(rig.cache.address(slot), value);
        rig.cache.markDirty(slot);
        rig.cache.release(slot);
        model.set(block, value);
      }
    } else if (kind === 'prefetch') rig.cache.prefetch(rig.device, block, 3);
    else if (kind === 'attach') {
      rig.settle(rig.cache.attach(rig.device, block, frame(block), 512, rig.sink, 0));
    } else if (kind === 'write') {
      rig.memory.fill(frame(20), 512, 0);
      rig.memory.store32(frame(20), value);
      const status = rig.settle(rig.cache.write(rig.device, block, 1, [frame(20)], rig.sink, 0));
      // A failed write leaves its data with the caller, who would write it again: so do we.
      let again = status;
      while (again !== OK) {
        failures = 0;
        again = rig.settle(rig.cache.write(rig.device, block, 1, [frame(20)], rig.sink, 0));
      }
      model.set(block, value);
    } else if (kind === 'discard') {
      failures = 0;
      expect(rig.settle(rig.cache.discard(rig.device, block, 1, rig.sink, 0))).toBe(OK);
      model.set(block, 0);
    } else if (kind === 'flush') rig.flush();
    else if (kind === 'finish') {
      if (rig.disk.queue.length > 0) rig.disk.finish(value % rig.disk.queue.length);
      rig.cache.reap();
    } else if (kind === 'invalidate') rig.cache.invalidate(rig.device, block, 4);
    else if (kind === 'resize') rig.cache.resize(1 + (block % 5));
    else failures = 1 + (block % 3);
    rig.cache.checkInvariants();
  }
  failures = 0;
  while (rig.disk.finish()) rig.cache.reap();
  rig.cache.reap();
  expect(rig.flush()).toBe(OK);
  expect(rig.cache.dirtyCount).toBe(0);
  for (const [block, word] of model)
    expect([block, rig.disk.mediumWord(block)]).toEqual([block, word]);
}

describe('random schedules against a model', () => {
  for (const policy of POLICY_NAMES) {
    test(`with ${policy}: readers see the last write, and a flushed disk holds it`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 6 }), actions, (capacity, schedule) => {
          runSchedule(policy, capacity, schedule);
        }),
        { numRuns: 40 },
      );
    });
  }
});
