import { PAGE_BYTES } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { boot, O_CREAT, O_RDWR, timeTable } from '../../src/index.js';

describe('where the cycles went', () => {
  it('adds up to the time between the birth and the end of a task', () => {
    for (const cpus of [1, 2]) {
      const kernel = boot({ mode: 'full', cpus, scheduler: 'cfs' });
      const start = kernel.cycles;
      const reports = [0, 1, 2].map((id) =>
        kernel.spawn(`t${id}`, function* (sys) {
          const heap = yield* sys.brk(0);
          yield* sys.brk(heap + 64 * PAGE_BYTES);
          for (let page = 0; page < 64; page++) yield* sys.store32(heap + page * PAGE_BYTES, 1);
          const fd = yield* sys.open(`f${id}`, O_CREAT | O_RDWR);
          for (let i = 0; i < 20; i++) yield* sys.write(fd, heap, 4096);
          yield* sys.fsync(fd);
          yield* sys.compute(10_000_000);
          yield* sys.sleep(1_000_000);
        }),
      );
      kernel.run();
      let longest = 0;
      for (const report of reports) {
        if (report.error !== null) throw report.error;
        const table = timeTable(report.time);
        expect(table.user).toBeGreaterThan(10_000_000);
        expect(table.user).toBeLessThan(10_100_000);
        expect(table.fault).toBeGreaterThan(64 * 500);
        expect(table.syscall).toBeGreaterThan(20 * 500);
        expect(table['page walk']).toBeGreaterThan(0);
        expect(table['run queue']).toBeGreaterThan(cpus === 1 ? 5_000_000 : 1000);
        expect(table.disk).toBeGreaterThan(10_000);
        expect(table.sleep).toBeGreaterThan(4_000_000);
        let sum = 0;
        for (const cycles of report.time) sum += cycles;
        longest = Math.max(longest, sum);
      }
      const run = kernel.cycles - start;
      expect(longest).toBeGreaterThan(0.97 * run);
      expect(longest).toBeLessThan(1.001 * run);
    }
  });
});
