import { ArgumentError, EIO, ENOSPC, ETIMEDOUT, FLUSH, OK, READ, WRITE } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { FaultPlan, type FaultRule } from '../../../src/model/disk/fault-plan.js';
import { KEEP_NONE } from '../../../src/model/disk/survival.js';
import { DiskBench, FREQUENCY_HZ } from './bench-disk.js';

function bench(...faults: FaultRule[]): DiskBench {
  return new DiskBench({ faults, blockCount: 1024 });
}

describe('rules', () => {
  test('a rule strikes only requests that touch its range', () => {
    const b = bench({ kind: 'error', op: READ, block: 10, blockCount: 5 });
    const statuses = [9, 10, 14, 15].map((block) => b.perform(READ, block).status);
    expect(statuses).toEqual([OK, EIO, EIO, OK]);
    expect(b.perform(READ, 8, 3).status).toBe(EIO);
    expect(b.perform(READ, 8, 2).status).toBe(OK);
  });

  test('skip and times pick the third and fourth match', () => {
    const b = bench({ kind: 'error', op: READ, skip: 2, times: 2 });
    const statuses = [0, 1, 2, 3, 4].map((block) => b.perform(READ, block).status);
    expect(statuses).toEqual([OK, OK, EIO, EIO, OK]);
  });

  test('a probability strikes about that part, and the same requests for the same seed', () => {
    const run = (seed: number): number[] => {
      const plan = new FaultPlan([{ kind: 'error', probability: 0.25 }], seed);
      return Array.from({ length: 4000 }, (_, i) => plan.decide(READ, i, 1));
    };
    const struck = run(1).filter((rule) => rule === 0).length;
    expect(struck).toBeGreaterThan(900);
    expect(struck).toBeLessThan(1100);
    expect(run(1)).toEqual(run(1));
    expect(run(1)).not.toEqual(run(2));
  });

  test('the first rule that strikes decides', () => {
    const b = bench({ kind: 'error', op: READ, errno: ENOSPC, times: 1 }, { kind: 'error' });
    expect(b.perform(READ, 0).status).toBe(ENOSPC);
    expect(b.perform(READ, 0).status).toBe(EIO);
  });

  test.each<[FaultRule, string]>([
    [{ kind: 'torn', op: READ }, 'op of a fault'],
    [{ kind: 'error', probability: 2 }, 'probability'],
    [{ kind: 'error', errno: 5 }, 'errno'],
    [{ kind: 'delay' }, 'needs delayNs'],
    [{ kind: 'delay', delayNs: -1 }, 'delayNs'],
    [{ kind: 'error', untilWritten: true }, 'needs blockCount'],
    [{ kind: 'melt' as 'error' }, 'kind is melt'],
  ])('%j is refused', (rule, what) => {
    expect(() => bench(rule)).toThrow(ArgumentError);
    expect(() => bench(rule)).toThrow(what);
  });
});

describe('kinds', () => {
  test('a failed write changes nothing', () => {
    const b = bench({ kind: 'error', op: WRITE, skip: 1, times: 1 });
    b.put(5, 1);
    expect(b.put(5, 2)).toBe(EIO);
    expect(b.get(5)).toBe(1);
  });

  test('an unreadable sector reads again after it has been written', () => {
    const b = bench({ kind: 'error', op: READ, block: 7, blockCount: 1, untilWritten: true });
    expect(b.perform(READ, 7).status).toBe(EIO);
    expect(b.perform(READ, 7).status).toBe(EIO);
    b.put(7, 3);
    expect(b.get(7)).toBe(3);
  });

  test('a torn write leaves a mixture of old and new sectors and says so', () => {
    const b = bench({ kind: 'torn', skip: 1 });
    b.put(5, 1);
    expect(b.put(5, 2)).toBe(EIO);
    b.perform(READ, 5, 1, 0);
    const sectors = Array.from({ length: 8 }, (_, i) => b.memory.load8(i * 512));
    expect(sectors).toContain(1);
    expect(sectors.every((byte) => byte === 1 || byte === 2)).toBe(true);
  });

  test('over many torn writes both old and new sectors are seen, and never a whole new block', () => {
    const b = bench({ kind: 'torn', block: 100, silent: true });
    let mixed = 0;
    for (let block = 100; block < 200; block++) {
      expect(b.put(block, 9)).toBe(OK);
      b.perform(READ, block, 1, 0);
      const fresh = Array.from({ length: 8 }, (_, i) => b.memory.load8(i * 512)).filter(
        (x) => x === 9,
      );
      expect(fresh.length).toBeLessThan(8);
      if (fresh.length > 0) mixed++;
    }
    expect(mixed).toBeGreaterThan(30);
  });

  test('a corrupted read differs in one bit, and the medium is sound', () => {
    const b = bench({ kind: 'corrupt', op: READ, times: 1 });
    b.put(5, 0);
    expect(b.perform(READ, 5, 1, 0).status).toBe(OK);
    const bits = [...b.memory.bytes(0).subarray(0, 4096)].reduce((n, x) => n + popCount(x), 0);
    expect(bits).toBe(1);
    expect(b.get(5)).toBe(0);
  });

  test('a corrupted write stays wrong in one bit', () => {
    const b = bench({ kind: 'corrupt', op: WRITE, times: 1 });
    expect(b.put(5, 0)).toBe(OK);
    for (let i = 0; i < 2; i++) {
      b.perform(READ, 5, 1, 0);
      const bits = [...b.memory.bytes(0).subarray(0, 4096)].reduce((n, x) => n + popCount(x), 0);
      expect(bits).toBe(1);
    }
  });

  test('a lost write reports OK and leaves the old contents', () => {
    const b = bench({ kind: 'lost', op: WRITE, skip: 1, times: 1 });
    b.put(5, 1);
    expect(b.put(5, 2)).toBe(OK);
    expect(b.get(5)).toBe(1);
  });

  test('a flush that lies reports OK and keeps nothing through a power cut', () => {
    const b = bench({ kind: 'lost', op: FLUSH });
    b.put(5, 1);
    expect(b.perform(FLUSH).status).toBe(OK);
    b.disk.cutPower(KEEP_NONE);
    b.disk.powerOn();
    expect(b.get(5)).toBe(0);
  });

  test('a latency spike makes a request late by just that time', () => {
    const slow = bench({ kind: 'delay', delayNs: 5_000_000 });
    const plain = bench();
    const extra = slow.perform(READ, 5).cycles - plain.perform(READ, 5).cycles;
    expect(extra).toBe((5_000_000 * FREQUENCY_HZ) / 1e9);
  });

  test('a request that hangs is given up after the time-out, and others overtake it', () => {
    const b = new DiskBench({
      faults: [{ kind: 'hang', op: READ, block: 3, blockCount: 1 }],
      timeoutNs: 1e6,
      blockCount: 1024,
    });
    const hung = b.perform(READ, 3);
    expect(hung.status).toBe(ETIMEDOUT);
    expect(hung.cycles).toBe((1e6 * FREQUENCY_HZ) / 1e9);
    expect(b.perform(READ, 4).status).toBe(OK);
    b.disk.checkInvariants();
  });

  test('a write that hangs has been done or not: both are seen', () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const b = new DiskBench({ faults: [{ kind: 'hang', op: WRITE }], seed, blockCount: 1024 });
      expect(b.put(3, 1)).toBe(ETIMEDOUT);
      seen.add(b.get(3));
    }
    expect([...seen].sort()).toEqual([0, 1]);
  });

  test('totals count requests, blocks and errors', () => {
    const b = bench({ kind: 'error', op: READ, times: 1 });
    b.perform(READ, 0, 4);
    b.perform(READ, 0, 4);
    b.put(1, 1);
    b.perform(FLUSH);
    const totals = b.disk.totals();
    expect(totals).toMatchObject({ reads: 2, writes: 1, flushes: 1, discards: 0 });
    expect(totals).toMatchObject({ blocksRead: 4, blocksWritten: 1, errors: 1 });
    expect(totals.waitCycles).toBe(b.clock.time);
  });
});

function popCount(byte: number): number {
  let count = 0;
  for (let b = byte; b > 0; b >>= 1) count += b & 1;
  return count;
}
