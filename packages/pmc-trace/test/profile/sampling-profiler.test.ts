import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CallStack, CallTree, CounterSet, SamplingProfiler } from '../../src/index.js';
import { FakePmu } from '../counters/fake-pmu.js';

describe('SamplingProfiler', () => {
  test('a charge weighs as many samples as deadlines it crosses, on each CPU by itself', () => {
    const profiler = new SamplingProfiler({ period: 1000, cpuCount: 2 });
    const stack = new CallStack();
    const work = profiler.register('work');
    stack.enter(work);
    expect(profiler.tick(0, 999, stack)).toBe(0);
    expect(profiler.tick(0, 1000, stack)).toBe(1);
    expect(profiler.tick(0, 1999, stack)).toBe(0);
    expect(profiler.tick(0, 5500, stack)).toBe(4);
    expect([profiler.deadline(0), profiler.deadline(1)]).toEqual([6000, 1000]);
    expect(profiler.tick(1, 1000, stack)).toBe(1);
    expect(profiler.tree.histogram()).toEqual([{ name: 'work', self: 6, total: 6 }]);
    profiler.checkInvariants();
  });

  test('the histogram is exact: self, total, recursion counted once', () => {
    const name = fc.integer({ min: 0, max: 4 });
    const stacks = fc.array(fc.array(name, { maxLength: 8 }), { maxLength: 40 });
    fc.assert(
      fc.property(stacks, (list) => {
        const profiler = new SamplingProfiler({ period: 1 });
        const functions = ['a', 'b', 'c', 'd', 'e'].map((text) => profiler.register(text));
        const self = new Map<string, number>();
        const total = new Map<string, number>();
        for (const frames of list) {
          const stack = new CallStack();
          for (const frame of frames) stack.enter(functions[frame]);
          profiler.sample(stack, 2);
          const names = frames.map((frame) => 'abcde'[frame]);
          const last = names.at(-1);
          if (last !== undefined) self.set(last, (self.get(last) ?? 0) + 2);
          for (const one of new Set(names)) total.set(one, (total.get(one) ?? 0) + 2);
        }
        const got = profiler.tree.histogram();
        expect(new Map(got.map((entry) => [entry.name, entry.total]))).toEqual(total);
        const gotSelf = got.filter((entry) => entry.self > 0);
        expect(new Map(gotSelf.map((entry) => [entry.name, entry.self]))).toEqual(self);
        expect(profiler.sampleCount).toBe(list.length * 2);
        profiler.checkInvariants();
      }),
    );
  });

  test('the tree grows with distinct stacks only', () => {
    const tree = new CallTree();
    const functions = Array.from({ length: 300 }, (_, index) => tree.register(`f${index}`));
    for (let round = 0; round < 3; round += 1) {
      let node = 0;
      for (const callee of functions) node = tree.child(node, callee);
      tree.add(node, 1);
    }
    expect(tree.nodeCount).toBe(301);
    expect(tree.stack(300)).toEqual(functions);
    expect(tree.register('f7')).toBe(functions[7]);
    tree.checkInvariants();
  });

  test('frames deeper than 256 are counted under one name, and leaving finds the way back', () => {
    const profiler = new SamplingProfiler({ period: 1 });
    const stack = new CallStack();
    const deep = profiler.register('deep');
    for (let depth = 0; depth < 300; depth += 1) stack.enter(deep);
    profiler.sample(stack);
    expect(profiler.tree.histogram()[0]).toEqual({ name: '[truncated]', self: 1, total: 1 });
    for (let depth = 0; depth < 44; depth += 1) stack.leave();
    profiler.sample(stack);
    expect(profiler.tree.histogram().find(({ name }) => name === 'deep')?.self).toBe(1);
    stack.unwind(0);
    expect(() => stack.leave()).toThrow(/a function is running/);
  });

  test('counter overflow samples code by what it does, not by when: misses are charged to their cause', () => {
    const pmu = new FakePmu();
    const counters = new CounterSet(pmu, {
      model: 'skylake',
      events: ['llc-misses'],
      samplePeriod: 100,
    });
    counters.start();
    const profiler = new SamplingProfiler({ period: 100 });
    const [scan, hash] = ['scan', 'hash'].map((name) => profiler.register(name));
    const stack = new CallStack();
    let interrupts = 0;
    for (let round = 0; round < 100; round += 1) {
      for (const [callee, misses] of [
        [scan, 7],
        [hash, 70],
      ]) {
        stack.enter(callee);
        pmu.happen(0x412e, misses);
        if (pmu.interrupts > interrupts) profiler.sample(stack, counters.overflowed());
        interrupts = pmu.interrupts;
        stack.leave();
      }
    }
    expect(profiler.sampleCount).toBe(77);
    const [first] = profiler.tree.histogram();
    expect(first.name).toBe('hash');
    expect(first.self).toBeGreaterThan(60);
  });

  test('bad options are refused', () => {
    const code = (expected: string) => expect.objectContaining({ code: expected });
    expect(() => new SamplingProfiler({ period: 0 })).toThrow(code('ERR_SAMPLE_PERIOD'));
    expect(() => new SamplingProfiler({ period: 1, cpuCount: 0 })).toThrow(code('ERR_CPU_COUNT'));
    expect(() => new SamplingProfiler({ period: 1, ticksPerSecond: -1 })).toThrow(
      code('ERR_TICKS'),
    );
  });
});
