import { EAGAIN, ECHILD, EFAULT, EINVAL, PAGE_BYTES } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boot,
  type Kernel,
  O_CREAT,
  O_RDWR,
  type Program,
  SEEK_CUR,
  SIGSEGV,
  type SystemCalls,
} from '../../src/index.js';

function runOne(kernel: Kernel, program: (sys: SystemCalls) => Program): void {
  const report = kernel.spawn('test', program);
  kernel.run();
  if (report.error !== null) throw report.error;
  expect(report.status).toBe(0);
  kernel.checkInvariants();
}

describe('fork and wait', () => {
  it('gives the child a copy of the memory: neither sees what the other writes later', () => {
    const kernel = boot({ strict: true, cpus: 2 });
    runOne(kernel, function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 8 * PAGE_BYTES);
      for (let page = 0; page < 8; page++) yield* sys.store32(heap + page * PAGE_BYTES, page + 1);
      const child = yield* sys.fork(function* (own) {
        for (let page = 0; page < 8; page++) {
          expect(yield* own.load32(heap + page * PAGE_BYTES)).toBe(page + 1);
          if (page % 2 === 0) yield* own.store32(heap + page * PAGE_BYTES, 100 + page);
        }
        yield* own.yield();
        expect(yield* own.load32(heap + PAGE_BYTES)).toBe(2);
        expect(yield* own.load32(heap)).toBe(100);
        return 5;
      });
      for (let page = 1; page < 8; page += 2)
        yield* sys.store32(heap + page * PAGE_BYTES, 200 + page);
      expect(yield* sys.wait(-1, heap + 4)).toBe(child);
      expect(yield* sys.load32(heap + 4)).toBe(5 * 256);
      expect(yield* sys.load32(heap)).toBe(1);
      expect(yield* sys.load32(heap + PAGE_BYTES)).toBe(201);
    });
    const { copyCount, reuseCount } = kernel.parts.faults;
    expect(copyCount).toBe(8);
    expect(reuseCount).toBeGreaterThan(0);
  });

  it('copies nothing that nobody writes', () => {
    const kernel = boot();
    runOne(kernel, function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 64 * PAGE_BYTES);
      for (let page = 0; page < 64; page++) yield* sys.store32(heap + page * PAGE_BYTES, page);
      const used = kernel.parts.pages.usedPages;
      yield* sys.fork(function* (own) {
        for (let page = 0; page < 64; page++) {
          expect(yield* own.load32(heap + page * PAGE_BYTES)).toBe(page);
        }
        // Tables and a kernel stack, no data.
        expect(kernel.parts.pages.usedPages - used).toBeLessThan(20);
      });
      yield* sys.wait();
    });
    expect(kernel.parts.faults.copyCount).toBe(0);
  });

  it('shares descriptors and their offsets', () => {
    runOne(boot(), function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + PAGE_BYTES);
      const fd = yield* sys.open('shared', O_CREAT | O_RDWR);
      yield* sys.fork(function* (own) {
        expect(yield* own.write(fd, heap, 100)).toBe(100);
        expect(yield* own.close(fd)).toBe(0);
      });
      yield* sys.wait();
      expect(yield* sys.lseek(fd, 0, SEEK_CUR)).toBe(100);
    });
  });

  it('waits for the child it names, answers ECHILD without children, EFAULT for a bad pointer', () => {
    runOne(boot({ scheduler: 'rr' }), function* (sys) {
      expect(yield* sys.wait()).toBe(ECHILD);
      const slow = yield* sys.fork(function* (own) {
        yield* own.sleep(1_000_000);
      });
      const fast = yield* sys.fork(function* (own) {
        yield* own.yield();
      });
      expect(yield* sys.wait(999)).toBe(ECHILD);
      expect(yield* sys.wait(slow, -4096)).toBe(EFAULT);
      expect(yield* sys.wait(slow)).toBe(slow);
      expect(yield* sys.wait()).toBe(fast);
      expect(yield* sys.wait()).toBe(ECHILD);
    });
  });

  it('leaves no zombie when the parent does not wait, and takes the number again', () => {
    const kernel = boot();
    for (let round = 0; round < 3; round++) {
      kernel.spawn('careless', function* (sys) {
        for (let i = 0; i < 5; i++) {
          yield* sys.fork(function* (own) {
            yield* own.compute(1000 * i);
          });
        }
        yield* sys.sleep(100_000);
      });
      kernel.run();
      expect(kernel.parts.tasks.liveCount).toBe(0);
    }
    kernel.checkInvariants();
  });

  it('kills a child that touches what is not there, and the parent learns of it', () => {
    runOne(boot(), function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + PAGE_BYTES);
      yield* sys.fork(function* (own) {
        yield* own.store32(4096, 1);
      });
      yield* sys.wait(-1, heap);
      expect(yield* sys.load32(heap)).toBe(SIGSEGV);
    });
  });

  it('survives a fork bomb: EAGAIN when slots or memory are out, and all is given back', () => {
    const kernel = boot({ memoryBytes: 128 * 2 ** 20 });
    let refused = 0;
    let forks = 0;
    const bomb = function* (sys: SystemCalls): Program {
      // Bounded, or the slots that the refused leave would be filled for ever.
      while (forks < 3000) {
        forks += 1;
        if ((yield* sys.fork(bomb)) !== EAGAIN) continue;
        refused += 1;
        return;
      }
    };
    kernel.spawn('bomb', bomb);
    kernel.run();
    expect(refused).toBeGreaterThan(0);
    expect(kernel.parts.tasks.liveCount).toBe(0);
    expect(kernel.parts.spaces.liveCount).toBe(0);
    kernel.checkInvariants();
  }, 60_000);

  it('keeps the memory of every process of a random tree as a model says', () => {
    const tree = fc.array(fc.record({ fork: fc.boolean(), page: fc.nat(5), value: fc.nat(1000) }), {
      minLength: 1,
      maxLength: 25,
    });
    fc.assert(
      fc.property(tree, fc.constantFrom(1, 2), (steps, cpus) => {
        const kernel = boot({ strict: true, cpus, memoryBytes: 64 * 2 ** 20 });
        const process = function* (sys: SystemCalls, at: number, model: number[]): Program {
          const heap = 2 ** 44;
          for (let step = at; step < steps.length; step++) {
            const { fork, page, value } = steps[step]!;
            if (fork) {
              const copy = [...model];
              yield* sys.fork((own) => process(own, step + 2, copy));
            } else {
              yield* sys.store32(heap + page * PAGE_BYTES, value);
              model[page] = value;
            }
            for (let i = 0; i < 6; i++) {
              const word = yield* sys.load32(heap + i * PAGE_BYTES);
              if (word !== model[i]) throw new Error(`page ${i} is ${word}, not ${model[i]}`);
            }
          }
          while ((yield* sys.wait()) >= 0);
        };
        const start = function* (sys: SystemCalls): Program {
          const heap = yield* sys.brk(0);
          yield* sys.brk(heap + 6 * PAGE_BYTES);
          yield* process(sys, 0, [0, 0, 0, 0, 0, 0]);
        };
        runOne(kernel, start);
        const { spaces, userFrames, vmalloc } = kernel.parts;
        expect([userFrames.liveCount, spaces.liveCount, vmalloc.mappedBytes]).toEqual([0, 0, 0]);
      }),
      { numRuns: 15 },
    );
  }, 180_000);
});

describe('sleep and clock', () => {
  it('sleeps at least as long as asked and not much longer', () => {
    for (const cpus of [1, 2]) {
      runOne(boot({ cpus }), function* (sys) {
        for (const time of [0, 1, 1000, 123_456, 10_000_000]) {
          const before = yield* sys.clock();
          expect(yield* sys.sleep(time)).toBe(0);
          const slept = (yield* sys.clock()) - before;
          expect(slept).toBeGreaterThanOrEqual(time);
          expect(slept).toBeLessThan(time + 5000);
        }
        expect(yield* sys.sleep(-1)).toBe(EINVAL);
        expect(yield* sys.sleep(0.5)).toBe(EINVAL);
      });
    }
  });

  it('lets others run meanwhile, and wakes in order of time', () => {
    const kernel = boot();
    const order: number[] = [];
    for (const time of [300_000, 100_000, 200_000]) {
      kernel.spawn(`sleeper of ${time}`, function* (sys) {
        yield* sys.sleep(time);
        order.push(time);
      });
    }
    kernel.spawn('hog', function* (sys) {
      yield* sys.compute(4_000_000);
      order.push(0);
    });
    kernel.run();
    expect(order).toEqual([100_000, 200_000, 300_000, 0]);
  });
});
