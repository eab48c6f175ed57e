import { describe, expect, test } from 'vitest';
import { COUNTER_EVENTS, type CounterEventName, counterEncoding } from '../../src/index.js';

// Event and umask as the manuals print them (Intel SDM vol. 3B ch. 20, perfmon's SKL, ICL, ADL, SPR
// lists), typed in again here: Skylake, Ice Lake, Alder Lake P and Sapphire Rapids; '' is "no such event".
const PRINTED: Readonly<Record<CounterEventName, readonly [string, string, string]>> = {
  cycles: ['3C/00', '3C/00', '3C/00'],
  instructions: ['C0/00', 'C0/00', 'C0/00'],
  'llc-references': ['2E/4F', '', '2E/4F'],
  'llc-misses': ['2E/41', '2E/41', '2E/41'],
  branches: ['C4/00', 'C4/00', 'C4/00'],
  'branch-misses': ['C5/00', 'C5/00', 'C5/00'],
  'dtlb-load-walks': ['08/0E', '08/0E', '12/0E'],
  'dtlb-load-stlb-hits': ['08/20', '08/20', '12/20'],
  'dtlb-store-walks': ['49/0E', '49/0E', '13/0E'],
  'dtlb-store-stlb-hits': ['49/20', '49/20', '13/20'],
  'itlb-walks': ['85/0E', '85/0E', '11/0E'],
  'l1-hits': ['D1/01', 'D1/01', 'D1/01'],
  'l2-hits': ['D1/02', 'D1/02', 'D1/02'],
  'l3-hits': ['D1/04', 'D1/04', 'D1/04'],
  'l1-misses': ['D1/08', 'D1/08', 'D1/08'],
  'l2-misses': ['D1/10', 'D1/10', 'D1/10'],
  'l3-misses': ['D1/20', 'D1/20', 'D1/20'],
};
const MODELS = ['skylake', 'ice-lake', 'alder-lake-p', 'sapphire-rapids'] as const;

const hex = (value: number): string => value.toString(16).padStart(2, '0').toUpperCase();

describe('the table of events', () => {
  test('every event of every model is encoded as its manual prints it', () => {
    expect([...COUNTER_EVENTS].sort()).toEqual(Object.keys(PRINTED).sort());
    for (const name of COUNTER_EVENTS) {
      const [skylake, iceLake, alderLake] = PRINTED[name];
      const encoded = MODELS.map((model) => {
        const found = counterEncoding(model, name);
        return found === null ? '' : `${hex(found.event)}/${hex(found.umask)}`;
      });
      expect([name, ...encoded]).toEqual([name, skylake, iceLake, alderLake, alderLake]);
    }
  });

  test('only instructions and cycles have fixed counters, 0 and 1', () => {
    const fixed = COUNTER_EVENTS.map((name) => [name, counterEncoding('skylake', name)!.fixed]);
    expect(fixed.filter(([, counter]) => counter !== -1)).toEqual([
      ['cycles', 1],
      ['instructions', 0],
    ]);
  });
});
