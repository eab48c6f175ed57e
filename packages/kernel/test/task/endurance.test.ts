import { EIO, WRITE } from '@hotpath/hw-x86';
import { slabInfo } from '@hotpath/slab';
import { describe, expect, it } from 'vitest';
import { boot, O_CREAT, O_RDWR, type SystemCalls } from '../../src/index.js';

describe('the system stays up', () => {
  it.each([1, 4])('with 1,000 tasks at once, all of which end; %i CPUs', (cpus) => {
    const kernel = boot({ cpus });
    const live = (): string[] =>
      slabInfo(kernel.parts.slabs).map(({ name, activeObjs }) => `${name} ${activeObjs}`);
    const before = live();
    const reports = Array.from({ length: 1000 }, (_, i) =>
      kernel.spawn(`task-${i}`, function* (sys) {
        yield* sys.compute(10_000);
        yield* sys.sleep(1000 * (i % 7));
        yield* sys.yield();
        return yield* sys.exit(i % 100);
      }),
    );
    kernel.run();
    expect(reports.map(({ status }) => status)).toEqual(reports.map((_, i) => i % 100));
    expect(live()).toEqual(before);
    kernel.checkInvariants();
  });

  it('beside a task that never blocks: others run on time, and it is told from them', () => {
    const kernel = boot();
    const late: number[] = [];
    const endless = kernel.spawn('endless', function* (sys) {
      for (;;) yield* sys.compute(1e6);
    });
    const punctual = kernel.spawn('punctual', function* (sys) {
      for (let i = 0; i < 20; i++) {
        const due = (yield* sys.clock()) + 5e6;
        yield* sys.sleep(5e6);
        late.push((yield* sys.clock()) - due);
      }
    });
    kernel.run({ cycles: 1e9 });
    expect(punctual.status).toBe(0);
    expect(endless.status).toBe(null);
    expect(Math.max(...late)).toBeLessThan(10e6);
    expect(endless.cycles).toBeGreaterThan(20 * punctual.cycles);
  });

  it('on a disk that fails from now on: calls answer EIO, memory goes on working', () => {
    const kernel = boot({ faults: [{ kind: 'error', op: WRITE, skip: 40 }] });
    const answers: number[] = [];
    const program = function* (sys: SystemCalls) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 8192);
      const fd = yield* sys.open('file', O_CREAT | O_RDWR);
      for (let i = 0; i < 30; i++) {
        yield* sys.store32(heap, i);
        yield* sys.pwrite(fd, heap, 4096, i * 4096);
        const status = yield* sys.fsync(fd);
        answers.push(status);
        expect(yield* sys.pread(fd, heap + 4096, 4096, i * 4096)).toBe(4096);
        expect(yield* sys.load32(heap + 4096)).toBe(i);
      }
    };
    const report = kernel.spawn('writer', program);
    kernel.run();
    expect(report.error).toBe(null);
    expect(report.status).toBe(0);
    expect(answers[0]).toBe(0);
    expect(answers.at(-1)).toBe(EIO);
    kernel.checkInvariants();
  });
});
