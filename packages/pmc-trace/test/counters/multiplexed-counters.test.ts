import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CounterName, MultiplexedCounters } from '../../src/index.js';
import { FakePmu } from './fake-pmu.js';

const GROUPS: CounterName[][] = [
  ['llc-misses', 'llc-references'],
  ['branch-misses', 'branches'],
  ['dtlb-load-walks', 'dtlb-store-walks'],
];
const ENCODINGS = [0x412e, 0x4f2e, 0x00c5, 0x00c4, 0x0e08, 0x0e49];

describe('MultiplexedCounters', () => {
  test('groups that fit are joined, groups stay whole, and steady rates are estimated exactly', () => {
    const pmu = new FakePmu();
    const clock = { time: 0, now: () => clock.time };
    const counters = new MultiplexedCounters(pmu, clock, { model: 'skylake', groups: GROUPS });
    expect(counters.turnCount).toBe(2);
    counters.start();
    for (let tick = 1; tick <= 400; tick += 1) {
      clock.time = tick;
      ENCODINGS.forEach((encoding, index) => {
        pmu.happen(encoding, index + 1);
      });
      if (tick % 10 === 0) counters.rotate();
      counters.checkInvariants();
    }
    counters.stop();
    for (const [index, count] of counters.read().entries()) {
      expect(count.estimate).toBe(400 * (index + 1));
      expect(count.counted).toBe(200 * (index + 1));
      expect([count.enabledTicks, count.runningTicks]).toEqual([400, 200]);
    }
  });

  test('whatever the rotation, what was counted is what happened while the group was on', () => {
    const turns = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(turns, (lengths) => {
        const pmu = new FakePmu();
        const clock = { time: 0, now: () => clock.time };
        const groups = GROUPS.map((group) => [...group, 'l1-misses' as const]);
        const counters = new MultiplexedCounters(pmu, clock, { model: 'skylake', groups });
        const expected = new Float64Array(3);
        counters.start();
        lengths.forEach((ticks, round) => {
          if (round > 0) counters.rotate();
          clock.time += ticks;
          pmu.happen(0x08d1, ticks * 3);
          expected[round % 3] += ticks * 3;
        });
        const misses = counters.read().filter(({ name }) => name === 'l1-misses');
        expect(misses.map(({ counted }) => counted)).toEqual([...expected]);
        for (const { estimate, runningTicks } of misses) {
          if (runningTicks > 0) expect(estimate).toBeCloseTo(clock.time * 3);
        }
      }),
    );
  });

  test('what fits at once is not estimated, and a group that never fits is refused', () => {
    const pmu = new FakePmu();
    const clock = { now: () => 0 };
    const small = new MultiplexedCounters(pmu, clock, {
      model: 'skylake',
      groups: [['cycles', 'instructions'], ['llc-misses']],
    });
    expect(small.turnCount).toBe(1);
    const groups: CounterName[][] = [['l1-hits', 'l2-hits', 'l3-hits', 'l1-misses', 'l2-misses']];
    expect(() => new MultiplexedCounters(pmu, clock, { model: 'skylake', groups })).toThrow(
      expect.objectContaining({ code: 'ERR_COUNTER_COUNT' }),
    );
    expect(() => new MultiplexedCounters(pmu, clock, { model: 'skylake', groups: [] })).toThrow(
      expect.objectContaining({ code: 'ERR_COUNTER_GROUP' }),
    );
  });
});
