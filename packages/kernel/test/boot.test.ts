import { GIB, IDLE, MIB, TSC } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import {
  type BootOptions,
  boot,
  directAddress,
  O_CREAT,
  O_RDWR,
  type SystemCalls,
} from '../src/index.js';

describe('boot', () => {
  it('comes to rest with nothing to do, on one CPU and on four', () => {
    for (const cpus of [1, 4]) {
      const kernel = boot({ cpus });
      expect(kernel.run()).toBe(IDLE);
      kernel.checkInvariants();
    }
  });

  it('comes to rest under every policy, also one with periodic timers', () => {
    for (const scheduler of ['cfs', 'eevdf', 'mlfq', 'rr']) {
      const kernel = boot({ scheduler });
      kernel.spawn('short', function* (sys) {
        yield* sys.compute(1000);
      });
      expect(kernel.run()).toBe(IDLE);
    }
  });

  it('maps all physical memory with the largest pages that fit', () => {
    const kernel = boot({ memoryBytes: GIB + 4 * MIB });
    const { kernelRoot, tables } = kernel.parts;
    expect(tables.find(kernelRoot, directAddress(0))).toBe(0);
    expect(tables.pageBytes).toBe(GIB);
    expect(tables.find(kernelRoot, directAddress(GIB + 2 * MIB))).toBe(GIB + 2 * MIB);
    expect(tables.pageBytes).toBe(2 * MIB);
    expect(tables.find(kernelRoot, directAddress(GIB + 4 * MIB))).toBe(-1);
  });

  it.each<[string, BootOptions, RegExp]>([
    ['ERR_CPUS', { cpus: 33 }, /cpus is 33; allowed: .*1\.\.32/],
    ['ERR_MEMORY_BYTES', { memoryBytes: 100 * MIB + 1 }, /multiple of 2097152/],
    ['ERR_MEMORY_BYTES', { memoryBytes: MIB }, /memoryBytes is 1048576/],
    ['ERR_PROFILE', { profile: 'pentium' }, /profile is "pentium"; allowed: skylake-client/],
    ['ERR_SCHEDULER', { scheduler: 'best' }, /scheduler is "best"; allowed: cfs, eevdf/],
    ['ERR_DISK', { disk: 'floppy' }, /disk is "floppy"; allowed: nvme/],
    ['ERR_DISK_BYTES', { diskBytes: 4095 }, /diskBytes is 4095/],
    ['ERR_DISK_SIZE', { diskBytes: 4096 * 9 }, /disk has 9 blocks; allowed: at least 10/],
    ['ERR_MODE', { mode: 'fast' as 'flat' }, /mode is fast; allowed: flat, full/],
    ['ERR_SEED', { seed: -1 }, /seed is -1/],
    ['ERR_POLICY', { eviction: 'random' as 'lru' }, /random.*allowed: .*lru/],
    ['ERR_BLOCK_CACHE', { blockCacheBlocks: 1 }, /blockCacheBlocks is 1/],
    ['ERR_PAGE_CACHE', { pageCachePages: 0 }, /pageCachePages is 0/],
  ])('refuses a bad option with %s: %o', (code, options, message) => {
    let caught: unknown;
    try {
      boot(options);
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ code });
    expect((caught as Error).message).toMatch(message);
  });

  it('is the same run with the same seed, to the cycle and the last trace event', () => {
    for (const cpus of [1, 2, 4]) {
      const first = mixedRun(cpus, 7);
      expect(mixedRun(cpus, 7)).toEqual(first);
    }
  });
});

function mixedRun(cpus: number, seed: number): unknown {
  const kernel = boot({ cpus, seed, trace: true, mode: 'full', strict: true });
  const program = function* (sys: SystemCalls) {
    const heap = yield* sys.brk(0);
    yield* sys.brk(heap + 65536);
    const fd = yield* sys.open(`file-${sys.task}`, O_CREAT | O_RDWR);
    for (let round = 0; round < 6; round++) {
      for (let at = 0; at < 65536; at += 512) yield* sys.store32(heap + at, at + round);
      yield* sys.write(fd, heap, 20_000);
      yield* sys.compute(200_000);
      yield* sys.yield();
    }
    yield* sys.fsync(fd);
  };
  for (let i = 0; i < 5; i++) kernel.spawn(`task-${i}`, program, { nice: i * 3 - 6 });
  kernel.run();
  kernel.checkInvariants();
  const { machine, tracer } = kernel.parts;
  return {
    events: tracer?.snapshot().cpus.map(({ records }) => [...records]),
    cells: machine.cpus.map((cpu) => [...cpu.cells]),
    tsc: machine.cpus.map((cpu) => cpu.cells[TSC]),
  };
}
