import { createRequest, FLUSH, READ, WRITE } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Dice } from '../../../src/model/disk/dice.js';
import type { DiskSnapshot } from '../../../src/model/disk/disk-parts.js';
import { HDD_7200, NVME_SSD } from '../../../src/model/disk/profile.js';
import { SparseBlocks } from '../../../src/model/disk/sparse-blocks.js';
import { DiskBench } from './bench-disk.js';

/** Submits seeded requests, dispatches some events, and tells what happened as text. */
function play(bench: DiskBench, seed: number, steps: number, told: string[]): void {
  const dice = new Dice(seed);
  const sink = {
    completed: (tag: number, result: number): void => {
      told.push(`${tag}:${result}@${bench.clock.time}`);
    },
  };
  for (let i = 0; i < steps; i++) {
    const op = [READ, WRITE, WRITE, WRITE, FLUSH][dice.below(5)];
    const request = createRequest(bench.memory, sink, 1);
    Object.assign(request, {
      op,
      block: dice.below(500),
      blockCount: 1,
      segmentBytes: 4096,
      tag: i,
    });
    request.segmentCount = op === FLUSH ? 0 : 1;
    request.fua = dice.chance(0.2);
    bench.memory.fill(0, 4096, dice.below(256));
    bench.disk.submit(request);
    // Fewer finish than are submitted: the queues are long when the snapshot is taken.
    if (dice.chance(0.3)) bench.step();
    if (dice.chance(0.5)) bench.reap();
  }
}

test.each([
  ['flash', NVME_SSD],
  ['a head', HDD_7200],
])(
  '%s goes on from a snapshot as it went on the first time, requests in flight included',
  (_, profile) => {
    const faults = [{ kind: 'error', probability: 0.1 }] as const;
    const bench = new DiskBench({ profile, faults, cacheBytes: 20 * 4096, blockCount: 1000 });
    const early: string[] = [];
    play(bench, 1, 200, early);
    expect(bench.disk.inFlight).toBeGreaterThan(0);
    const disk = bench.disk.save();
    const events = bench.events.save();
    const { time } = bench.clock;
    const finish = (): { told: string[]; hash: number; left: number } => {
      const told: string[] = [];
      early.length = 0;
      play(bench, 2, 200, told);
      bench.drain();
      told.push(...early);
      bench.disk.checkInvariants();
      const hash = bench.disk.hash();
      bench.disk.cutPower();
      bench.disk.powerOn();
      return { told, hash, left: bench.disk.hash() };
    };
    const first = finish();
    bench.disk.load(disk);
    bench.events.load(events);
    bench.clock.time = time;
    bench.disk.checkInvariants();
    const second = finish();
    expect(second).toEqual(first);
    expect(first.told.length).toBeGreaterThan(100);
  },
);

test('a flush in flight keeps its target through a snapshot, superseded versions and all', () => {
  const bench = new DiskBench({ blockCount: 64 });
  for (let i = 0; i < 6; i++) bench.put(i % 2, i);
  bench.put(0, 9, true);
  const request = createRequest(bench.memory, { completed(): void {} }, 0);
  request.op = FLUSH;
  bench.disk.submit(request);
  const saved = bench.disk.save();
  const events = bench.events.save();
  bench.disk.load(saved);
  bench.events.load(events);
  // Completes while the flush is under way, which must not cover it.
  const write = createRequest(bench.memory, { completed(): void {} }, 1);
  Object.assign(write, { op: WRITE, block: 2, blockCount: 1, segmentBytes: 4096, segmentCount: 1 });
  bench.disk.submit(write);
  bench.drain();
  expect(bench.get(2)).toBe(9);
  bench.disk.cutPower(0);
  bench.disk.powerOn();
  expect(bench.get(0)).toBe(9);
  expect(bench.get(1)).toBe(5);
  expect(bench.get(2)).toBe(0);
});

test('what waits for the head at the snapshot finishes after loading it, in the same order', () => {
  const bench = new DiskBench({ profile: HDD_7200, blockCount: 100_000 });
  const told: number[] = [];
  const sink = { completed: (tag: number): void => void told.push(tag) };
  for (let tag = 0; tag < 5; tag++) {
    const request = createRequest(bench.memory, sink, 1);
    Object.assign(request, { op: READ, block: (tag * 37_777) % 100_000, blockCount: 1, tag });
    Object.assign(request, { segmentCount: 1, segmentBytes: 4096 });
    bench.disk.submit(request);
  }
  const disk = bench.disk.save();
  const events = bench.events.save();
  bench.drain();
  const first = told.splice(0);
  expect(first).toHaveLength(5);
  bench.disk.load(disk);
  bench.events.load(events);
  bench.clock.time = 0;
  bench.drain();
  expect(told).toEqual(first);
});

test('an idle disk can be saved as a structured clone and loaded into another', () => {
  const a = new DiskBench({ blockCount: 64 });
  a.put(3, 7);
  a.perform(FLUSH);
  a.put(4, 8);
  const saved = structuredClone(a.disk.save()) as DiskSnapshot;
  const b = new DiskBench({ blockCount: 64 });
  b.disk.load(saved);
  expect(b.get(3)).toBe(7);
  expect(b.get(4)).toBe(8);
  expect(b.disk.hash()).toBe(a.disk.hash());
  b.disk.cutPower(0);
  b.disk.powerOn();
  expect([b.get(3), b.get(4)]).toEqual([7, 0]);
});

test('a snapshot is not changed by what happens later', () => {
  const bench = new DiskBench({ blockCount: 64 });
  bench.put(3, 1);
  bench.perform(FLUSH);
  const saved = bench.disk.save();
  bench.put(3, 2);
  bench.perform(FLUSH);
  bench.disk.load(saved);
  expect(bench.get(3)).toBe(1);
});

test('an image of one disk is the start of another, and they do not share writes', () => {
  const a = new DiskBench({ blockCount: 64 });
  a.put(1, 5);
  const image = a.disk.contents.image();
  const b = new DiskBench({ blockCount: 64, image });
  expect(b.get(1)).toBe(5);
  b.put(1, 6);
  b.perform(FLUSH);
  expect(a.get(1)).toBe(5);
  expect(new DiskBench({ blockCount: 64, image }).get(1)).toBe(5);
});

test('sparse blocks read as a plain array does', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), block: fc.nat(299), byte: fc.nat(255) }),
    fc.record({ kind: fc.constant('erase' as const), block: fc.nat(299), count: fc.nat(200) }),
    fc.record({ kind: fc.constant('copy' as const) }),
  );
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    let blocks = new SparseBlocks(512, 300);
    let plain = new Uint8Array(300);
    const kept: [SparseBlocks, Uint8Array][] = [];
    for (const s of steps) {
      if (s.kind === 'write') {
        blocks.write(s.block, new Uint8Array(512).fill(s.byte), 0);
        plain[s.block] = s.byte;
      } else if (s.kind === 'erase') {
        const count = Math.max(1, Math.min(s.count, 300 - s.block));
        blocks.erase(s.block, count);
        plain.fill(0, s.block, s.block + count);
      } else {
        kept.push([blocks, plain]);
        blocks = blocks.copy();
        plain = plain.slice();
      }
    }
    kept.push([blocks, plain]);
    const bytes = new Uint8Array(512);
    for (const [b, p] of kept) {
      for (let i = 0; i < 300; i++) {
        b.read(i, bytes, 0);
        if (bytes[0] !== p[i] || bytes[511] !== p[i])
          expect(`block ${i}: ${bytes[0]}`).toBe(`${p[i]}`);
      }
    }
  });
  fc.assert(property, { numRuns: 60 });
});

test('an image goes in and comes out byte for byte, zeros stored nowhere', () => {
  const bytes = new Uint8Array(200 * 4096);
  for (let i = 0; i < 4096; i++) bytes[199 * 4096 + i] = i % 251;
  bytes[5] = 1;
  const blocks = SparseBlocks.fromBytes(bytes, 4096, 300);
  expect(blocks.storedBytes).toBe(2 * 16_384);
  const out = blocks.toBytes();
  expect(out.length).toBe(300 * 4096);
  expect(Buffer.compare(out.subarray(0, bytes.length), bytes)).toBe(0);
  expect(() => SparseBlocks.fromBytes(bytes, 4096, 100)).toThrow('at most 100');
  expect(() => SparseBlocks.fromBytes(new Uint8Array(5), 4096)).toThrow('5 bytes');
});

test('equal contents have equal hashes however they came about, different ones differ', () => {
  const a = new SparseBlocks(4096, 100);
  const b = new SparseBlocks(4096, 100);
  const bytes = new Uint8Array(4096).fill(3);
  a.write(7, bytes, 0);
  b.write(9, bytes, 0);
  expect(a.hash()).not.toBe(b.hash());
  b.write(7, bytes, 0);
  b.write(9, new Uint8Array(4096), 0);
  expect(a.hash()).toBe(b.hash());
});
