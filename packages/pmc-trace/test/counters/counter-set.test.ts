import { MSR_PMC0, type PerformanceCounters, UnsupportedError } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CounterSet,
  CPU_MODELS,
  counterEncoding,
  dtlbMissesPerThousand,
  instructionsPerCycle,
  llcMissesPerThousand,
} from '../../src/index.js';
import { FakePmu } from './fake-pmu.js';

const CYCLES = 0x003c;
const INSTRUCTIONS = 0x00c0;
const LLC_MISSES = 0x412e;
const BRANCH_MISSES = 0x00c5;
const LOAD_WALKS = 0x0e08;
const STORE_WALKS = 0x0e49;

function unsupported(): PerformanceCounters {
  const refuse = (): never => {
    throw new UnsupportedError('counters');
  };
  const counts = { supported: false, counterBits: 0, generalCount: 0, fixedCount: 0 };
  return { ...counts, readMsr: refuse, writeMsr: refuse, readCounter: refuse };
}

describe('CounterSet', () => {
  test('the five counters fit at once and dTLB misses are load plus store walks', () => {
    const pmu = new FakePmu();
    const set = new CounterSet(pmu, { model: 'skylake' });
    set.start();
    pmu.happen(CYCLES, 5000);
    pmu.happen(INSTRUCTIONS, 9000, true);
    pmu.happen(LLC_MISSES, 11);
    pmu.happen(BRANCH_MISSES, 7);
    pmu.happen(LOAD_WALKS, 3);
    pmu.happen(STORE_WALKS, 4);
    const expected = { cycles: 5000, instructions: 9000, 'llc-misses': 11 };
    expect(set.readAll()).toEqual({ ...expected, 'branch-misses': 7, 'dtlb-misses': 7 });
    const out = new Float64Array(5);
    set.read(out);
    expect(instructionsPerCycle(set.names, out)).toBe(1.8);
    expect(llcMissesPerThousand(set.names, out)).toBeCloseTo(11 / 9);
    expect(dtlbMissesPerThousand(set.names, out)).toBeCloseTo(7 / 9);
    set.checkInvariants();
  });

  test('walks have another encoding on Alder Lake, and the set follows the model', () => {
    expect(counterEncoding('alder-lake-p', 'dtlb-load-walks')?.event).toBe(0x12);
    const pmu = new FakePmu();
    const set = new CounterSet(pmu, { model: 'alder-lake-p', events: ['dtlb-misses'] });
    set.start();
    pmu.happen(LOAD_WALKS, 5);
    pmu.happen(0x0e12, 6);
    pmu.happen(0x0e13, 8);
    expect(set.readAll()).toEqual({ 'dtlb-misses': 14 });
  });

  test('filters count user or kernel mode only, on fixed and general counters', () => {
    const pmu = new FakePmu();
    for (const generalOnly of [false, true]) {
      const set = new CounterSet(pmu, {
        model: 'skylake',
        events: ['instructions', 'llc-misses'],
        kernel: false,
        generalOnly,
      });
      set.start();
      pmu.happen(INSTRUCTIONS, 10, true);
      pmu.happen(INSTRUCTIONS, 100, false);
      pmu.happen(LLC_MISSES, 3, true);
      pmu.happen(LLC_MISSES, 30, false);
      expect(set.readAll()).toEqual({ instructions: 10, 'llc-misses': 3 });
      set.stop();
    }
  });

  test('a stopped set keeps its totals, counts no more and frees the counters', () => {
    const pmu = new FakePmu();
    const set = new CounterSet(pmu, { model: 'skylake' });
    set.start();
    pmu.happen(CYCLES, 1);
    set.stop();
    pmu.happen(CYCLES, 1000);
    expect(set.readAll()['cycles']).toBe(1);
    set.start();
    expect(set.readAll()['cycles']).toBe(0);
  });

  test('deltas are exact across any number of wraps of the 48 bits', () => {
    const step = fc.integer({ min: 0, max: 2 ** 47 });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), (steps) => {
        const pmu = new FakePmu();
        const set = new CounterSet(pmu, { model: 'skylake', events: ['llc-misses'] });
        set.start();
        let total = 0;
        for (const count of steps) {
          pmu.happen(LLC_MISSES, count);
          total += count;
          expect(set.readAll()['llc-misses']).toBe(total);
        }
      }),
    );
  });

  test('every sample period raises one interrupt and counting stays exact', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 4000 }), { maxLength: 60 });
    const events = fc.constantFrom('llc-misses' as const, 'cycles' as const);
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 3000 }), events, (counts, period, event) => {
        const pmu = new FakePmu();
        const set = new CounterSet(pmu, {
          model: 'skylake',
          events: [event],
          samplePeriod: period,
        });
        set.start();
        let total = 0;
        let samples = 0;
        for (const count of counts) {
          const before = pmu.interrupts;
          pmu.happen(event === 'cycles' ? CYCLES : LLC_MISSES, count);
          total += count;
          const interrupted = pmu.interrupts > before;
          const periods = set.overflowed();
          expect(periods > 0).toBe(interrupted);
          samples += periods;
          expect(samples).toBe(Math.floor(total / period));
          expect(set.readAll()[event]).toBe(total);
        }
        set.checkInvariants();
      }),
    );
  });

  test('what does not fit, does not exist or is not a number is refused before anything is written', () => {
    const pmu = new FakePmu();
    const make = (options: object) => () =>
      new CounterSet(pmu, { model: 'skylake', ...options } as never);
    const code = (expected: string) => expect.objectContaining({ code: expected });
    expect(make({ model: 'z80' })).toThrow(code('ERR_CPU_MODEL'));
    expect(make({ events: ['sheep'] })).toThrow(code('ERR_COUNTER_EVENT'));
    expect(make({ model: 'ice-lake', events: ['llc-references'] })).toThrow(
      code('ERR_COUNTER_EVENT'),
    );
    const five = ['l1-hits', 'l2-hits', 'l3-hits', 'l1-misses', 'l2-misses'];
    expect(make({ events: five })).toThrow(code('ERR_COUNTER_COUNT'));
    expect(make({ samplePeriod: 0 })).toThrow(code('ERR_SAMPLE_PERIOD'));
    expect(make({ events: ['dtlb-misses'], samplePeriod: 5 })).toThrow(code('ERR_SAMPLE_PERIOD'));
    expect(make({ atLeast: 256 })).toThrow(code('ERR_COUNTER_MASK'));
    expect(pmu.readMsr(MSR_PMC0)).toBe(0n);
    const machine = unsupported();
    expect(() => new CounterSet(machine, { model: 'skylake' })).toThrow(UnsupportedError);
  });

  test('every model has the five counters of a profile', () => {
    for (const model of CPU_MODELS) {
      expect(() => new CounterSet(new FakePmu(), { model })).not.toThrow();
    }
  });
});
