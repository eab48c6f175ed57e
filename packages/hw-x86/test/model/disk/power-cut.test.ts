import { createRequest, DISCARD, FLUSH, OK, PENDING, READ, WRITE } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DISK_PROFILES, HDD_7200, NVME_SSD } from '../../../src/model/disk/profile.js';
import {
  KEEP_ALL,
  KEEP_BLOCKS,
  KEEP_NONE,
  KEEP_PREFIX,
  KEEP_UNITS,
  KEEP_WRITES,
} from '../../../src/model/disk/survival.js';
import { DiskBench } from './bench-disk.js';

const BLOCKS = 8;

type Command =
  | {
      readonly kind: 'write';
      readonly block: number;
      readonly count: number;
      readonly fua: boolean;
    }
  | { readonly kind: 'flush' }
  | { readonly kind: 'discard'; readonly block: number; readonly count: number }
  | { readonly kind: 'cut' };

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      block: fc.nat(BLOCKS - 1),
      count: fc.integer({ min: 1, max: 3 }),
      fua: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('discard' as const),
      block: fc.nat(BLOCKS - 1),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const) }) },
);

/** The plain model: what a block must read as, and what each of its sectors may hold after a cut. */
class PlainDisk {
  readonly current = new Array<number>(BLOCKS).fill(0);
  /** For each block the values that a sector of it may have after a cut. */
  readonly legal = Array.from({ length: BLOCKS }, () => new Set([0]));

  write(block: number, value: number, durable: boolean): void {
    this.current[block] = value;
    if (durable) this.legal[block] = new Set([value]);
    else this.legal[block].add(value);
  }

  flush(): void {
    this.current.forEach((value, block) => void (this.legal[block] = new Set([value])));
  }
}

function run(bench: DiskBench, commands: readonly Command[]): void {
  const plain = new PlainDisk();
  let value = 0;
  for (const c of commands) {
    if (c.kind === 'write') {
      value = (value % 250) + 1;
      const count = Math.min(c.count, BLOCKS - c.block);
      bench.memory.fill(0, count * 4096, value);
      expect(bench.perform(WRITE, c.block, count, 0, c.fua).status).toBe(OK);
      for (let i = 0; i < count; i++) plain.write(c.block + i, value, c.fua);
    } else if (c.kind === 'flush') {
      expect(bench.perform(FLUSH).status).toBe(OK);
      plain.flush();
    } else if (c.kind === 'discard') {
      const count = Math.min(c.count, BLOCKS - c.block);
      expect(bench.perform(DISCARD, c.block, count).status).toBe(OK);
      for (let i = 0; i < count; i++) plain.write(c.block + i, 0, true);
    } else {
      bench.disk.cutPower();
      bench.disk.powerOn();
      for (let block = 0; block < BLOCKS; block++) checkAfterCut(bench, plain, block);
    }
    bench.disk.checkInvariants();
    for (let block = 0; block < BLOCKS && c.kind !== 'cut'; block++) {
      expect(bench.get(block)).toBe(plain.current[block]);
    }
  }
}

/** Every sector holds a legal value; what it holds is from now on all that it may hold. */
function checkAfterCut(bench: DiskBench, plain: PlainDisk, block: number): void {
  expect(bench.perform(READ, block, 1, 0).status).toBe(OK);
  const sectors = Array.from({ length: 8 }, (_, i) => bench.memory.load8(i * 512 + 17));
  for (const sector of sectors) expect(plain.legal[block]).toContain(sector);
  // The plain model has one value a block: make torn blocks whole again.
  bench.memory.fill(0, 4096, sectors[0]);
  expect(bench.perform(WRITE, block, 1, 0, true).status).toBe(OK);
  plain.write(block, sectors[0], true);
}

test('reads see the last write, and a cut leaves in every sector what the rules allow', () => {
  const property = fc.property(
    fc.array(command, { maxLength: 40 }),
    fc.constantFrom(...Object.values(DISK_PROFILES)),
    fc.constantFrom(4096, 3 * 4096, 2 ** 20),
    fc.integer(),
    (commands, profile, cacheBytes, seed) =>
      run(
        new DiskBench({ profile, cacheBytes, seed, blockCount: BLOCKS, memoryBytes: 2 ** 18 }),
        commands,
      ),
  );
  fc.assert(property, { numRuns: 120 });
});

test('cut before any operation, a disk keeps all that a flush has acknowledged', () => {
  for (const profile of [NVME_SSD, HDD_7200]) {
    let end = 0;
    for (let cutAt = 0; cutAt <= end; cutAt++) {
      let cut = 0;
      const bench = new DiskBench({
        profile,
        seed: cutAt,
        blockCount: 64,
        powerCutAt: cutAt,
        onPowerCut: () => void cut++,
      });
      const acknowledged: number[] = [];
      for (let i = 0; i < 12 && bench.disk.powered; i++) {
        bench.put(i, i + 1);
        bench.put(40, i + 1);
        if (bench.perform(FLUSH).status === OK) acknowledged.push(i);
      }
      if (bench.disk.powered) {
        end = 0;
        break;
      }
      end = cutAt + 1;
      expect(cut).toBe(1);
      bench.disk.powerOn();
      for (const i of acknowledged) expect(bench.get(i)).toBe(i + 1);
      const counter = bench.get(40);
      const least = acknowledged.length;
      expect(Number.isNaN(counter) || counter === least || counter === least + 1).toBe(true);
    }
  }
});

test('the power is cut at the named operation and at no other', () => {
  const bench = new DiskBench({ blockCount: 64, powerCutAt: 4 });
  expect(bench.put(0, 1)).toBe(OK);
  expect(bench.put(1, 1)).toBe(OK);
  expect(bench.disk.operations).toBe(4);
  expect(bench.disk.powered).toBe(true);
  expect(bench.put(2, 1)).toBe(PENDING);
  expect(bench.disk.powered).toBe(false);
});

test('no sink of a request in flight is called after a cut', () => {
  const bench = new DiskBench({ blockCount: 64 });
  let told = 0;
  const sink = { completed: (): void => void told++ };
  for (let i = 0; i < 40; i++) {
    const request = createRequest(bench.memory, sink, 1);
    Object.assign(request, { op: i % 2 === 0 ? READ : WRITE, block: i, blockCount: 1 });
    Object.assign(request, { segmentBytes: 4096, segmentCount: 1 });
    bench.disk.submit(request);
  }
  for (let i = 0; i < 5; i++) bench.step();
  bench.disk.cutPower();
  bench.disk.powerOn();
  bench.drain();
  expect(told).toBe(0);
  expect(bench.disk.inFlight).toBe(0);
  bench.disk.checkInvariants();
  expect(bench.perform(READ, 1).status).toBe(OK);
});

/** Contents of four blocks after three unflushed writes, by seed and manner. */
function survivors(seed: number, manner?: number, inFlight = false): string {
  const bench = new DiskBench({ seed, blockCount: 64, memoryBytes: 2 ** 18, cacheBytes: 2 ** 18 });
  for (let block = 0; block < 3; block++) bench.put(block, 1);
  if (inFlight) {
    const request = createRequest(bench.memory, { completed(): void {} }, 1);
    Object.assign(request, {
      op: WRITE,
      block: 3,
      blockCount: 1,
      segmentBytes: 4096,
      segmentCount: 1,
    });
    bench.disk.submit(request);
  }
  bench.disk.cutPower(manner);
  bench.disk.powerOn();
  return [0, 1, 2, 3].map((block) => bench.get(block)).join(',');
}

test('over the seeds every subset of whole writes is seen, those in flight included', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 300; seed++) seen.add(survivors(seed, KEEP_WRITES, true));
  expect(seen.size).toBe(16);
});

test('each manner keeps what its name says', () => {
  expect(survivors(1, KEEP_NONE)).toBe('0,0,0,0');
  expect(survivors(1, KEEP_ALL)).toBe('1,1,1,0');
  const torn = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const [a, b, c] = survivors(seed, KEEP_PREFIX).split(',').map(Number);
    // In order: after the first block that is not whole, nothing is kept.
    const whole = [a, b, c].filter((x) => x === 1).length;
    expect([a, b, c].slice(0, whole)).toEqual(new Array(whole).fill(1));
    for (const x of [a, b, c].slice(whole + 1)) expect(x).toBe(0);
    expect(survivors(seed, KEEP_BLOCKS)).not.toContain('NaN');
    torn.add(survivors(seed, KEEP_UNITS));
  }
  expect([...torn].some((state) => state.includes('NaN'))).toBe(true);
});

test('the same seed leaves the same disk', () => {
  for (let seed = 0; seed < 20; seed++) expect(survivors(seed)).toBe(survivors(seed));
});

test('atomic writes as large as a block are never torn', () => {
  for (let seed = 0; seed < 40; seed++) {
    const bench = new DiskBench({ seed, blockCount: 64, atomicBytes: 4096 });
    for (let block = 0; block < 4; block++) bench.put(block, 1);
    bench.disk.cutPower(KEEP_UNITS);
    bench.disk.powerOn();
    for (let block = 0; block < 4; block++) expect(bench.get(block)).not.toBeNaN();
  }
});

test('a disk without a write cache keeps every completed write', () => {
  const bench = new DiskBench({ blockCount: 64, writeCache: false });
  for (let block = 0; block < 20; block++) bench.put(block, block + 1);
  bench.disk.cutPower(KEEP_NONE);
  bench.disk.powerOn();
  for (let block = 0; block < 20; block++) expect(bench.get(block)).toBe(block + 1);
});

test('a flush promises nothing about writes that complete after it was submitted', () => {
  const bench = new DiskBench({ blockCount: 64, profile: NVME_SSD });
  let flushed = false;
  let written = false;
  const make = (op: number, done: () => void): void => {
    const request = createRequest(bench.memory, { completed: done }, 1);
    const isWrite = op === WRITE;
    Object.assign(request, { op, block: 9, blockCount: 1, segmentBytes: 4096 });
    request.segmentCount = isWrite ? 1 : 0;
    bench.disk.submit(request);
  };
  bench.put(1, 1);
  bench.memory.fill(0, 4096, 5);
  make(FLUSH, () => void (flushed = true));
  make(WRITE, () => void (written = true));
  bench.drain();
  expect([flushed, written]).toEqual([true, true]);
  bench.disk.cutPower(KEEP_NONE);
  bench.disk.powerOn();
  expect(bench.get(1)).toBe(1);
  expect(bench.get(9)).toBe(0);
});

test('data written is the data at submit, whatever happens to the buffer later', () => {
  const bench = new DiskBench({ blockCount: 64 });
  const request = createRequest(bench.memory, { completed(): void {} }, 1);
  Object.assign(request, {
    op: WRITE,
    block: 2,
    blockCount: 1,
    segmentBytes: 4096,
    segmentCount: 1,
  });
  bench.memory.fill(0, 4096, 1);
  bench.disk.submit(request);
  bench.memory.fill(0, 4096, 2);
  bench.drain();
  expect(bench.get(2)).toBe(1);
});
