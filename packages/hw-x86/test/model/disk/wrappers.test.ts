import {
  ArgumentError,
  createRequest,
  DISCARD,
  EIO,
  ETIMEDOUT,
  FLUSH,
  OK,
  PENDING,
  READ,
  WRITE,
} from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { createArenaMemory } from '../../../src/arena/arena-memory.js';
import { createMemoryDisk } from '../../../src/arena/memory-disk.js';
import { blockDeviceConformance } from '../../../src/conformance/block-device.js';
import type { FaultRule } from '../../../src/model/disk/fault-plan.js';
import { createFaultyDevice, type FaultyDevice } from '../../../src/model/disk/faulty-device.js';
import { createRecordingDevice } from '../../../src/model/disk/recording-device.js';
import { LOG_DONE, WriteLog } from '../../../src/model/disk/write-log.js';
import { DiskBench } from './bench-disk.js';

describe.each([
  ['a synchronous disk', false],
  ['a modelled disk', true],
] as const)('over %s', (_, modelled) => {
  const wrap = (make: (inner: DiskBench['disk']) => FaultyDevice | DiskBench['disk']) => () => {
    const bench = new DiskBench({ blockCount: 256 });
    const under = bench.underTest();
    if (!modelled) {
      const disk = createMemoryDisk({ blockCount: 64 });
      const device = make(disk as never);
      return { device, memory: under.memory, progress: (): void => {} };
    }
    return { ...under, device: make(bench.disk) };
  };

  describe('a faulty device without rules', () => {
    const create = wrap((inner) => createFaultyDevice(inner, { rules: [] }));
    for (const { name, run } of blockDeviceConformance(create)) test(name, run);
  });

  describe('a recording device', () => {
    const create = wrap((inner) => createRecordingDevice(inner, new WriteLog(4096)) as never);
    for (const { name, run } of blockDeviceConformance(create)) test(name, run);
  });
});

/** A faulty device over a memory disk, and a short way to use it. */
class FaultBench {
  readonly inner = createMemoryDisk({ blockCount: 64 });
  readonly memory = createArenaMemory(2 ** 18);
  readonly timers: { delayNs: number; run: () => void }[] = [];
  readonly device: FaultyDevice;
  told: number[] = [];
  raised = 0;

  constructor(...rules: FaultRule[]) {
    this.device = createFaultyDevice(this.inner, {
      rules,
      timeoutNs: 1000,
      line: { raise: () => void this.raised++ },
      after: (delayNs, run) => void this.timers.push({ delayNs, run }),
    });
  }

  perform(op: number, block: number, blockCount = 1): number {
    const sink = { completed: (_: number, result: number): void => void this.told.push(result) };
    const request = createRequest(this.memory, sink, blockCount);
    Object.assign(request, { op, block, blockCount, segmentBytes: 4096 });
    request.segmentCount = op === READ || op === WRITE ? blockCount : 0;
    for (let i = 0; i < blockCount; i++) request.segmentAddress[i] = i * 4096;
    return this.device.submit(request);
  }

  put(block: number, byte: number): number {
    this.memory.fill(0, 4096, byte);
    return this.perform(WRITE, block);
  }

  sectors(block: number): number[] {
    return Array.from({ length: 8 }, (_, i) => this.inner.bytes[block * 4096 + i * 512]);
  }
}

describe('faults over any device', () => {
  test('a synchronous device fails at once, and nothing is written', () => {
    const bench = new FaultBench({ kind: 'error', op: WRITE, block: 3, blockCount: 1 });
    expect(bench.put(3, 1)).toBe(EIO);
    expect(bench.put(4, 1)).toBe(OK);
    expect(bench.sectors(3)).toEqual(new Array(8).fill(0));
    expect(bench.told).toEqual([]);
  });

  test('an asynchronous device fails by reap, after the time that a request takes', () => {
    const bench = new DiskBench({ blockCount: 64 });
    const device = createFaultyDevice(bench.disk, { rules: [{ kind: 'error' }] });
    const told: number[] = [];
    const sink = { completed: (_: number, result: number): void => void told.push(result) };
    for (const op of [READ, WRITE, FLUSH, DISCARD]) {
      const request = createRequest(bench.memory, sink, 1);
      Object.assign(request, { op, blockCount: 1, segmentBytes: 4096 });
      request.segmentCount = op === READ || op === WRITE ? 1 : 0;
      expect(device.submit(request)).toBe(PENDING);
    }
    expect(device.reap()).toBe(0);
    while (bench.step()) device.reap();
    expect(told).toEqual([EIO, EIO, EIO, EIO]);
    expect(bench.clock.time).toBeGreaterThan(0);
    expect(bench.disk.totals().writes).toBe(0);
  });

  test('a failed read leaves the buffer alone', () => {
    const bench = new FaultBench({ kind: 'error', op: READ });
    bench.put(0, 5);
    bench.memory.fill(0, 4096, 9);
    expect(bench.perform(READ, 0)).toBe(EIO);
    expect(bench.memory.load8(100)).toBe(9);
  });

  test('a torn write leaves old and new sectors', () => {
    const bench = new FaultBench({ kind: 'torn', block: 8 });
    let mixed = 0;
    for (let block = 8; block < 40; block++) {
      expect(bench.put(block, 7)).toBe(EIO);
      const fresh = bench.sectors(block).filter((byte) => byte === 7).length;
      expect(fresh).toBeLessThan(8);
      if (fresh > 0) mixed++;
    }
    expect(mixed).toBeGreaterThan(10);
  });

  test('a torn write over an asynchronous device takes two steps and ends once', () => {
    const bench = new DiskBench({ blockCount: 64 });
    const device = createFaultyDevice(bench.disk, { rules: [{ kind: 'torn', silent: true }] });
    const told: number[] = [];
    const sink = { completed: (_: number, result: number): void => void told.push(result) };
    const request = createRequest(bench.memory, sink, 4);
    Object.assign(request, {
      op: WRITE,
      block: 2,
      blockCount: 4,
      segmentBytes: 4096,
      segmentCount: 4,
    });
    request.segmentAddress.set([0, 4096, 8192, 12_288]);
    bench.memory.fill(0, 16_384, 3);
    expect(device.submit(request)).toBe(PENDING);
    let reaped = 0;
    while (bench.step()) reaped += device.reap();
    expect(reaped).toBe(1);
    expect(told).toEqual([OK]);
    const blocks = [2, 3, 4, 5].map((block) => bench.get(block));
    expect(blocks.every((byte) => byte === 3)).toBe(false);
  });

  test('a corrupted read and a corrupted write differ in one bit', () => {
    for (const op of [READ, WRITE]) {
      const bench = new FaultBench({ kind: 'corrupt', op });
      bench.put(0, 0);
      bench.perform(READ, 0);
      const bytes = bench.memory.bytes(0).subarray(0, 4096);
      expect(bytes.filter((byte) => byte !== 0)).toHaveLength(1);
      expect(bench.sectors(0)).toHaveLength(8);
      const stored = bench.inner.bytes.subarray(0, 4096).filter((byte) => byte !== 0);
      expect(stored).toHaveLength(op === WRITE ? 1 : 0);
    }
  });

  test('a lost write says OK', () => {
    const bench = new FaultBench({ kind: 'lost', op: WRITE });
    expect(bench.put(0, 1)).toBe(OK);
    expect(bench.sectors(0)[0]).toBe(0);
  });

  test('a delayed request is pending, and reap calls its sink once after the time', () => {
    const bench = new FaultBench({ kind: 'delay', delayNs: 500 });
    expect(bench.put(0, 1)).toBe(PENDING);
    expect(bench.device.reap()).toBe(0);
    expect(bench.timers.map((timer) => timer.delayNs)).toEqual([500]);
    bench.timers[0].run();
    expect(bench.raised).toBe(1);
    expect(bench.told).toEqual([]);
    expect(bench.device.reap()).toBe(1);
    expect(bench.device.reap()).toBe(0);
    expect(bench.told).toEqual([OK]);
  });

  test('a request that hangs ends with ETIMEDOUT after the time-out, done or not', () => {
    const done = new Set<number>();
    for (let block = 0; block < 20; block++) {
      const bench = new FaultBench({ kind: 'hang', skip: block }, { kind: 'lost' });
      for (let i = 0; i < block; i++) bench.put(1, 9);
      expect(bench.put(0, 1)).toBe(PENDING);
      expect(bench.timers[0].delayNs).toBe(1000);
      bench.timers[0].run();
      bench.device.reap();
      expect(bench.told).toEqual([ETIMEDOUT]);
      done.add(bench.sectors(0)[0]);
    }
    expect(done.has(1) || done.has(0)).toBe(true);
  });

  test('a sector that cannot be read heals when it is written', () => {
    const rule = { kind: 'error', op: READ, block: 5, blockCount: 1, untilWritten: true } as const;
    const bench = new FaultBench(rule);
    expect(bench.perform(READ, 5)).toBe(EIO);
    bench.put(5, 2);
    expect(bench.perform(READ, 5)).toBe(OK);
    expect(bench.device.plan.struck(0)).toBe(1);
  });

  test('delays and hangs without a timer are refused', () => {
    const inner = createMemoryDisk({ blockCount: 64 });
    for (const rule of [{ kind: 'hang' }, { kind: 'error', delayNs: 5 }] as const) {
      expect(() => createFaultyDevice(inner, { rules: [rule] })).toThrow(ArgumentError);
    }
  });
});

describe('recording', () => {
  test('a log notes data at submit, completion and status, and no reads', () => {
    const log = new WriteLog(4096);
    const device = createRecordingDevice(createMemoryDisk({ blockCount: 64 }), log);
    const memory = createArenaMemory(2 ** 16);
    const request = createRequest(memory, { completed(): void {} }, 1);
    Object.assign(request, {
      op: WRITE,
      block: 3,
      blockCount: 1,
      segmentBytes: 4096,
      segmentCount: 1,
    });
    memory.fill(0, 4096, 1);
    expect(device.submit(request)).toBe(OK);
    memory.fill(0, 4096, 2);
    expect(device.submit({ ...request, op: READ })).toBe(OK);
    expect(device.submit({ ...request, op: FLUSH, segmentCount: 0 })).toBe(OK);
    expect(log.entries.map((entry) => entry.kind)).toEqual([WRITE, LOG_DONE, FLUSH, LOG_DONE]);
    expect(log.entries[0].data[0]).toBe(1);
    expect(log.entries[1]).toMatchObject({ request: 0, status: OK });
  });

  test('a refused request is not noted', () => {
    const log = new WriteLog(4096);
    const device = createRecordingDevice(createMemoryDisk({ blockCount: 64 }), log);
    const memory = createArenaMemory(2 ** 16);
    const request = createRequest(memory, { completed(): void {} }, 1);
    Object.assign(request, {
      op: WRITE,
      block: 64,
      blockCount: 1,
      segmentBytes: 4096,
      segmentCount: 1,
    });
    expect(device.submit(request)).toBeLessThan(0);
    expect(log.entries).toHaveLength(0);
  });

  test('a log for another block size is refused', () => {
    const inner = createMemoryDisk({ blockCount: 64 });
    expect(() => createRecordingDevice(inner, new WriteLog(512))).toThrow(ArgumentError);
  });

  test('the disk of the model notes the same as a recorder around it', () => {
    const own = new WriteLog(4096);
    const around = new WriteLog(4096);
    const bench = new DiskBench({ blockCount: 64, log: own });
    const device = createRecordingDevice(bench.disk, around);
    for (let i = 0; i < 20; i++) {
      const op = [WRITE, READ, FLUSH, DISCARD][i % 4];
      const request = createRequest(bench.memory, { completed(): void {} }, 1);
      Object.assign(request, { op, block: i, blockCount: 1, segmentBytes: 4096 });
      request.segmentCount = op === READ || op === WRITE ? 1 : 0;
      bench.memory.fill(0, 4096, i);
      device.submit(request);
    }
    while (bench.step()) device.reap();
    expect(own.entries.length).toBe(30);
    expect(around.entries).toEqual(own.entries);
  });
});
