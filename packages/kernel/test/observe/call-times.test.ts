import { describe, expect, it } from 'vitest';
import { boot, O_CREAT, O_RDWR, timeTable } from '../../src/index.js';

describe('the time of system calls', () => {
  it('adds up, by kind, to the accounts of the only task', () => {
    const kernel = boot({ observe: true, mode: 'full' });
    const report = kernel.spawn('task', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 65_536);
      const fd = yield* sys.open('file', O_CREAT | O_RDWR);
      for (let i = 0; i < 8; i++) yield* sys.write(fd, heap, 65_536);
      yield* sys.fsync(fd);
      yield* sys.close(99);
      yield* sys.sleep(100_000);
      yield* sys.compute(50_000);
    });
    kernel.run();
    const calls = kernel.observe.calls.table();
    const count = (name: string): number => calls.find((each) => each.name === name)?.count ?? 0;
    expect([count('write'), count('fsync'), count('nanosleep'), count('brk')]).toEqual([
      8, 1, 1, 2,
    ]);
    expect(calls.find(({ name }) => name === 'close')?.errors).toBe(1);
    const sum = (kind: 'syscall' | 'disk' | 'sleep' | 'fault' | 'user'): number =>
      calls.reduce((total, { time }) => total + time[kind], 0);
    const whole = timeTable(report.time);
    expect(sum('disk')).toBe(whole.disk);
    expect(sum('sleep')).toBe(whole.sleep);
    expect(sum('syscall')).toBeLessThanOrEqual(whole.syscall);
    // What is missing: the way into the call, before its event, and out of it, behind.
    expect(sum('syscall')).toBeGreaterThan(whole.syscall * 0.9);
    expect(sum('user')).toBe(0);
    expect(whole.user).toBeGreaterThanOrEqual(50_000);
    for (const { count: times, cycles, longest } of calls) {
      expect(longest).toBeLessThanOrEqual(cycles);
      expect(longest * times).toBeGreaterThanOrEqual(cycles);
    }
    const slept = calls.find(({ name }) => name === 'nanosleep');
    expect(slept?.time.sleep).toBeGreaterThan(0.9 * slept!.cycles);
  });
});
