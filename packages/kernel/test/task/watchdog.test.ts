import { describe, expect, it } from 'vitest';
import { boot, type SystemCalls } from '../../src/index.js';

function* hog(sys: SystemCalls) {
  yield* sys.compute(2e9);
}

describe('the watchdog', () => {
  it('tells once of a ready task that gets no CPU, with its queue', () => {
    // Round robin with a slice of seconds: the second waits for the first.
    const kernel = boot({ scheduler: 'deadline', watchdogNs: 50_000_000 });
    kernel.spawn('greedy', hog, { reservation: { runtimeNs: 9e9, periodNs: 10e9 } });
    const starved = kernel.spawn('starved', hog);
    kernel.spawn('ticker', hog, { class: 1 });
    kernel.run({ cycles: 1.5e9 });
    const { lines } = kernel.parts.log;
    const told = lines.filter((line) =>
      /task \d+ "starved" has waited for a CPU for 0\.1 s/.test(line),
    );
    expect(told.length).toBe(1);
    expect(
      lines.some((line) => /watchdog: task 2 "starved" on cpu 0: in its program/.test(line)),
    ).toBe(true);
    expect(lines.some((line) => /watchdog: cpu 0: policy edf\/eevdf, current 1/.test(line))).toBe(
      true,
    );
    expect(starved.status).toBe(null);
    kernel.run();
    expect(starved.status).toBe(0);
  });

  it('tells of a task that never blocks while others wait, and not of one that is alone', () => {
    const alone = boot({ watchdogNs: 50_000_000 });
    alone.spawn('alone', hog);
    alone.run();
    expect(alone.parts.watchdog.count).toBe(0);

    const kernel = boot({ watchdogNs: 50_000_000 });
    kernel.spawn('first', hog);
    kernel.spawn('second', hog);
    kernel.spawn('sleeper', function* (sys) {
      for (let i = 0; i < 50; i++) {
        yield* sys.sleep(2_000_000);
        yield* sys.compute(1000);
      }
    });
    kernel.run();
    const { lines } = kernel.parts.log;
    for (const name of ['first', 'second']) {
      const told = lines.filter((line) => line.includes(`"${name}" has not blocked for`));
      expect(told.length).toBe(1);
    }
    expect(lines.some((line) => line.includes('sleeper'))).toBe(false);
  });

  it('sleeps when its bound is 0', () => {
    const kernel = boot({ watchdogNs: 0 });
    kernel.spawn('first', hog);
    kernel.spawn('second', hog);
    kernel.run();
    expect(kernel.parts.watchdog.count).toBe(0);
    expect(() => boot({ watchdogNs: -1 })).toThrow(/watchdogNs is -1/);
  });
});
