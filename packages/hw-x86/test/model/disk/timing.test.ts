import { createRequest, FLUSH, OK, READ, WRITE } from '@hotpath/hw-x86';
import { expect, test } from 'vitest';
import { Dice } from '../../../src/model/disk/dice.js';
import { Head } from '../../../src/model/disk/head.js';
import {
  DISK_PROFILES,
  type DiskProfile,
  HDD_7200,
  NVME_SSD,
  SATA_SSD,
  TEACHING_HDD,
  TEACHING_NVME,
  TEACHING_SSD,
} from '../../../src/model/disk/profile.js';
import { DiskBench, FREQUENCY_HZ } from './bench-disk.js';

const CYCLES_PER_US = FREQUENCY_HZ / 1e6;

/** Requests a second with `depth` in flight, and their mean latency in microseconds. */
function load(
  profile: DiskProfile,
  depth: number,
  count: number,
  blocksOf: (i: number) => { op: number; block: number; blockCount: number },
): { perSecond: number; bytesPerSecond: number } {
  const bench = new DiskBench({ profile, blockCount: 1 << 28 });
  const { disk, memory, clock } = bench;
  let submitted = 0;
  let finished = 0;
  let blocks = 0;
  const submit = (): void => {
    if (submitted === count) return;
    const { op, block, blockCount } = blocksOf(submitted);
    const request = createRequest(memory, sink, 256);
    Object.assign(request, { op, block, blockCount, segmentBytes: 4096, segmentCount: blockCount });
    for (let i = 0; i < blockCount; i++) request.segmentAddress[i] = i * 4096;
    submitted++;
    blocks += blockCount;
    disk.submit(request);
  };
  const sink = {
    completed(_tag: number, result: number): void {
      expect(result).toBe(OK);
      finished++;
      submit();
    },
  };
  for (let i = 0; i < depth; i++) submit();
  bench.drain();
  expect(finished).toBe(count);
  const seconds = clock.time / FREQUENCY_HZ;
  return { perSecond: count / seconds, bytesPerSecond: (blocks * 4096) / seconds };
}

function randomReads(
  seed: number,
): (i: number) => { op: number; block: number; blockCount: number } {
  const dice = new Dice(seed);
  return () => ({ op: READ, block: dice.below(1 << 28), blockCount: 1 });
}

test('at depth 1 a random 4 KiB read takes exactly the quoted latency', () => {
  for (const profile of [NVME_SSD, SATA_SSD]) {
    if (profile.kind !== 'flash') throw new Error('a flash profile');
    const bench = new DiskBench({ profile });
    const wanted = Math.ceil((profile.figures.readNs * FREQUENCY_HZ) / 1e9);
    for (const block of [0, 77_777, 1000]) {
      const { cycles } = bench.perform(READ, block);
      expect(Math.abs(cycles - wanted)).toBeLessThanOrEqual(1);
    }
  }
});

test('at depth 1 a 4 KiB write into the cache takes exactly the quoted latency', () => {
  const bench = new DiskBench({ profile: NVME_SSD });
  const { cycles } = bench.perform(WRITE, 5);
  expect(cycles / CYCLES_PER_US).toBeCloseTo(20, 2);
});

test('depth 32 on flash gives many times the requests of depth 1, as planes work in parallel', () => {
  const one = load(NVME_SSD, 1, 200, randomReads(1)).perSecond;
  const many = load(NVME_SSD, 32, 4000, randomReads(1)).perSecond;
  expect(one).toBeGreaterThan(13_900);
  expect(one).toBeLessThan(14_100);
  // 960 EVO: 380,000 at depth 32; two requests on one plane cost some of it.
  expect(many).toBeGreaterThan(380_000 * 0.75);
  expect(many).toBeLessThan(380_000 * 1.25);
});

test('two reads of one plane wait for each other, two of different planes do not', () => {
  const pair = (second: number): number => {
    const bench = new DiskBench({ profile: NVME_SSD });
    for (const block of [0, second]) {
      const request = createRequest(bench.memory, { completed(): void {} }, 1);
      Object.assign(request, {
        op: READ,
        block,
        blockCount: 1,
        segmentBytes: 4096,
        segmentCount: 1,
      });
      bench.disk.submit(request);
    }
    bench.drain();
    return bench.clock.time / CYCLES_PER_US;
  };
  // 16 KiB pages of four blocks over 64 planes: block 256 is on the plane of block 0.
  expect(pair(4)).toBeLessThan(76);
  expect(pair(256)).toBeGreaterThan(130);
});

test('large sequential reads at depth 4 come near the rate of the link', () => {
  const stream = (i: number): { op: number; block: number; blockCount: number } => ({
    op: READ,
    block: i * 256,
    blockCount: 256,
  });
  const nvme = load(NVME_SSD, 8, 200, stream).bytesPerSecond;
  expect(nvme).toBeGreaterThan(5e9);
  expect(nvme).toBeLessThanOrEqual(7e9);
  const sata = load(SATA_SSD, 4, 100, stream).bytesPerSecond;
  expect(sata).toBeGreaterThan(0.5e9);
  expect(sata).toBeLessThanOrEqual(0.54e9);
});

test('the mean seek over random pairs of blocks is the quoted average', () => {
  if (HDD_7200.kind !== 'hdd') throw new Error('a hard disk profile');
  const tracks = 100_000;
  const blocksPerTrack = Math.floor(HDD_7200.figures.trackBytes / 4096);
  const head = new Head(HDD_7200.figures, 4096, tracks * blocksPerTrack, FREQUENCY_HZ);
  const dice = new Dice(3);
  let sum = 0;
  const pairs = 20_000;
  for (let i = 0; i < pairs; i++)
    sum += head.seek(Math.abs(dice.below(tracks) - dice.below(tracks)));
  const meanNs = (sum / pairs / FREQUENCY_HZ) * 1e9;
  expect(meanNs / HDD_7200.figures.seekAverageNs).toBeGreaterThan(0.99);
  expect(meanNs / HDD_7200.figures.seekAverageNs).toBeLessThan(1.01);
});

test('a random read on a hard disk takes seek, half a turn and the command on average', () => {
  const { perSecond } = load(HDD_7200, 1, 3000, randomReads(2));
  // 8.5 + 4.17 + 0.025 + 0.02 ms
  expect(1000 / perSecond).toBeGreaterThan(12.7 * 0.98);
  expect(1000 / perSecond).toBeLessThan(12.7 * 1.02);
});

test('a hard disk streams between 150 and 250 MB/s', () => {
  const { bytesPerSecond } = load(HDD_7200, 2, 2000, (i) => ({
    op: READ,
    block: i * 32,
    blockCount: 32,
  }));
  expect(bytesPerSecond).toBeGreaterThan(150e6);
  expect(bytesPerSecond).toBeLessThan(250e6);
});

test('with 32 requests to choose from a head serves over twice as many', () => {
  const one = load(HDD_7200, 1, 1000, randomReads(5)).perSecond;
  const many = load(HDD_7200, 32, 3000, randomReads(5)).perSecond;
  expect(many / one).toBeGreaterThan(2);
  expect(many / one).toBeLessThan(5);
});

test('a far request is not starved by a stream of near ones', () => {
  const bench = new DiskBench({ profile: HDD_7200, blockCount: 1 << 28 });
  const dice = new Dice(1);
  let farDone = false;
  let near = 0;
  const submit = (block: number, tag: number): void => {
    const request = createRequest(bench.memory, sink, 1);
    Object.assign(request, {
      op: READ,
      block,
      blockCount: 1,
      segmentBytes: 4096,
      segmentCount: 1,
      tag,
    });
    bench.disk.submit(request);
  };
  const sink = {
    completed(tag: number): void {
      if (tag === 1) farDone = true;
      else if (!farDone) {
        near++;
        submit(dice.below(400), 0);
      }
    },
  };
  for (let i = 0; i < 31; i++) submit(dice.below(400), 0);
  submit((1 << 28) - 1, 1);
  bench.drain();
  expect(farDone).toBe(true);
  expect(near).toBeGreaterThan(31);
  expect(near).toBeLessThan(400);
});

test('one request for 100 neighbours is many times cheaper than 100 far requests', () => {
  const bench = new DiskBench({ profile: HDD_7200 });
  const together = bench.perform(READ, 1000, 100).cycles;
  let apart = 0;
  for (let i = 0; i < 100; i++) apart += bench.perform(READ, (i * 104_729) % (1 << 20)).cycles;
  expect(apart / together).toBeGreaterThan(30);
});

test('the teaching ladder is 10 us, 100 us and 10 ms to the cycle', () => {
  const ladder: [DiskProfile, number][] = [
    [TEACHING_NVME, 10],
    [TEACHING_SSD, 100],
    [TEACHING_HDD, 10_000],
  ];
  for (const [profile, microseconds] of ladder) {
    const bench = new DiskBench({ profile });
    expect(bench.perform(READ, 3).cycles).toBe(microseconds * CYCLES_PER_US);
    expect(bench.perform(WRITE, 3).cycles).toBe(microseconds * CYCLES_PER_US);
    expect(bench.perform(FLUSH).cycles).toBe(microseconds * CYCLES_PER_US);
  }
});

test('a flush takes longer the more there is to write, and nothing is nearly free', () => {
  for (const profile of [NVME_SSD, HDD_7200]) {
    const bench = new DiskBench({ profile });
    const empty = bench.perform(FLUSH).cycles;
    for (let i = 0; i < 4; i++) bench.put(i * 5000, i);
    const few = bench.perform(FLUSH).cycles;
    for (let i = 0; i < 400; i++) bench.put(i * 500, i);
    const many = bench.perform(FLUSH).cycles;
    expect(empty / CYCLES_PER_US).toBeLessThan(30);
    expect(few).toBeGreaterThan(empty);
    expect(many).toBeGreaterThan(few * 1.5);
  }
});

test('a flush of sorted neighbours is cheaper than one of scattered blocks on a head', () => {
  const near = new DiskBench({ profile: HDD_7200 });
  for (let i = 0; i < 64; i++) near.put(63 - i, i);
  const far = new DiskBench({ profile: HDD_7200 });
  for (let i = 0; i < 64; i++) far.put(i * 16_000, i);
  expect(far.perform(FLUSH).cycles / near.perform(FLUSH).cycles).toBeGreaterThan(10);
});

test('a write with force unit access waits for the medium', () => {
  const bench = new DiskBench({ profile: HDD_7200 });
  bench.perform(READ, 900_000);
  const cached = bench.perform(WRITE, 100).cycles;
  const forced = bench.perform(WRITE, 100, 1, 0, true).cycles;
  expect(forced).toBeGreaterThan(cached * 50);
});

test('a full write cache makes the next write wait for the medium', () => {
  const bench = new DiskBench({ profile: HDD_7200, cacheBytes: 8 * 4096 });
  const free: number[] = [];
  for (let i = 0; i < 8; i++) free.push(bench.perform(WRITE, i * 100_000).cycles);
  expect(Math.max(...free)).toBeLessThan(35 * CYCLES_PER_US);
  expect(bench.perform(WRITE, 999).cycles).toBeGreaterThan(500 * CYCLES_PER_US);
});

test('a read of what lies in the write cache does not wait for the medium', () => {
  const bench = new DiskBench({ profile: HDD_7200 });
  bench.put(500_000, 7);
  expect(bench.perform(READ, 500_000).cycles).toBeLessThan(40 * CYCLES_PER_US);
  expect(bench.get(500_000)).toBe(7);
});

test('every figure of every profile names its source', () => {
  for (const profile of Object.values(DISK_PROFILES)) {
    expect(Object.keys(profile.sources).sort()).toEqual(Object.keys(profile.figures).sort());
    for (const source of Object.values(profile.sources)) expect(source.length).toBeGreaterThan(15);
  }
});

test('latencies scale with the frequency of the machine', () => {
  const slow = new DiskBench({ profile: NVME_SSD, frequencyHz: 1e9 });
  const fast = new DiskBench({ profile: NVME_SSD, frequencyHz: 4e9 });
  const ratio = fast.perform(READ, 9).cycles / slow.perform(READ, 9).cycles;
  expect(ratio).toBeCloseTo(4, 3);
});
