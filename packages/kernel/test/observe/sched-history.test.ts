import { NIL } from '@hotpath/hw-x86';
import { switchTask } from '@hotpath/pmc-trace';
import { describe, expect, it } from 'vitest';
import { boot } from '../../src/index.js';
import { TRACE_SWITCH } from '../../src/trace-events.js';
import { runScript } from '../user/support.js';

const LOAD = 'stress -c 2 -i 1 -d 1 -t 0.05';

describe('the history of changes of task', () => {
  it('has each task’s switches, its longest wait, and no more waiting than the kernel’s accounts', () => {
    const { kernel } = runScript(LOAD, { cpus: 2, observe: true });
    const { tasks } = kernel.parts;
    const changes = kernel.observe.sched.switches();
    expect(kernel.observe.sched.lost).toBe(0);
    const workers = tasks.ended.filter(({ name }) => name.startsWith('stress-'));
    expect(workers.length).toBe(4);
    for (const { queueCyclesMax, switches, task, time } of workers) {
      const own = changes.filter((each) => each.from === task);
      expect(own.length).toBe(switches);
      const delays = own.map((each) => each.delayed);
      expect(Math.max(...delays)).toBe(queueCyclesMax);
      // The accounts also have the moments in which the scheduler chose the same task again.
      const waited = delays.reduce((sum, delay) => sum + delay, 0);
      expect(waited).toBeLessThanOrEqual(time[6]);
      expect(waited).toBeGreaterThan(time[6] * 0.99);
    }
  });

  it('leaves no gap: on each CPU one time on it begins where the one before ends', () => {
    const { kernel } = runScript(LOAD, { cpus: 2, observe: true });
    const changes = kernel.observe.sched.switches();
    for (const cpu of [0, 1]) {
      const own = changes.filter((each) => each.cpu === cpu);
      expect(own.length).toBeGreaterThan(50);
      for (let i = 1; i < own.length; i++) {
        expect(own[i].from).toBe(own[i - 1].to);
        expect(own[i].ran).toBe(own[i].time - own[i - 1].time);
      }
    }
  });

  it('says the same as the switch events of a trace', () => {
    const kernel = boot({ cpus: 2, trace: true });
    for (let i = 0; i < 5; i++) {
      kernel.spawn(`task ${i}`, function* (sys) {
        for (let round = 0; round < 20; round++) {
          yield* sys.compute(100_000);
          yield* sys.sleep(10_000 * (i + 1));
        }
      });
    }
    kernel.run();
    const recorded: (readonly number[])[] = [];
    const snapshot = kernel.observe.trace.snapshot();
    for (const ring of snapshot?.cpus ?? []) {
      for (let i = 0; i < ring.count; i++) {
        const [time, code, a, b] = ring.records.subarray(i * 4, i * 4 + 4);
        if (code % 65_536 === TRACE_SWITCH) recorded.push([time, ring.cpu, switchTask(a), b]);
      }
    }
    recorded.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const kept = kernel.observe.sched
      .switches()
      .map(({ cpu, from, time, to }) => [time, cpu, from, to]);
    expect(kept.length).toBeGreaterThan(100);
    expect(kept).toEqual(recorded);
    const sleeps = kernel.observe.sched
      .switches()
      .filter(({ from, slept }) => from !== NIL && slept > 0);
    // Each sleep ends at the time that the program asked for, or later.
    for (const { fromName, slept } of sleeps) {
      const asked = 10_000 * (Number(fromName.slice(5)) + 1);
      expect(slept).toBeGreaterThanOrEqual((asked * kernel.parts.machine.frequencyHz) / 1e9 - 1000);
    }
  });

  it('is refused, by name, where the kernel was booted without', () => {
    expect(() => boot().observe).toThrow('allowed: boot({ observe: true })');
  });

  it('changes nothing of the run', () => {
    const [plain, observed] = [false, true].map(
      (observe) => runScript(LOAD, { cpus: 2, observe, mode: 'full' }).kernel,
    );
    expect(observed.parts.machine.hash()).toBe(plain.parts.machine.hash());
    expect(observed.cycles).toBe(plain.cycles);
  });
});
