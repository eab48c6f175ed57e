import { NIL } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { policyConformance } from '../src/conformance/index.js';
import {
  completePolicy,
  eevdf,
  type GuardedPolicy,
  guarded,
  type PolicyFactory,
  type PolicyFault,
  Scheduler,
} from '../src/index.js';

const MS = 1_000_000;

/** Last in, first out, with a fault of choice. */
function lifo(fault: 'none' | 'throws' | 'invents' | 'loses'): PolicyFactory {
  return () => {
    const stack: number[] = [];
    let picks = 0;
    return completePolicy({
      name: `lifo that ${fault}`,
      enqueue: (task) => void stack.push(task),
      dequeue: (task) => void stack.splice(stack.indexOf(task), 1),
      pickNext(_cpu, previous) {
        if (previous !== NIL && fault !== 'loses') stack.push(previous);
        picks++;
        if (fault === 'throws' && picks === 3) throw new TypeError('of undefined');
        if (fault === 'invents' && picks === 3) return 7;
        return stack.pop() ?? NIL;
      },
      tick: () => true,
      dump: () => stack.map((task) => `  task ${task}`),
    });
  };
}

function runThree(policy: PolicyFactory, ms: number): Scheduler {
  const scheduler = new Scheduler({ policy, tasks: 8 });
  for (let i = 0; i < 3; i++) scheduler.wake(scheduler.create(), 0);
  scheduler.pickNext(0, 0);
  for (let now = MS; now <= ms * MS; now += MS) {
    if (scheduler.current(0) !== NIL) scheduler.account(0, MS);
    scheduler.tick(0);
    scheduler.pickNext(0, now);
    scheduler.checkInvariants();
  }
  return scheduler;
}

test.each([
  ['throws', /of undefined/],
  ['invents', /picked 7/],
] as const)('a policy that %s is ejected, and round-robin goes on', (fault, reason) => {
  const faults: PolicyFault[] = [];
  const scheduler = runThree(guarded(lifo(fault), { onFault: (one) => faults.push(one) }), 300);
  expect(faults.length).toBe(1);
  expect(faults[0].reason).toMatch(reason);
  expect(faults[0].policy).toMatch(fault);
  expect((scheduler.policy as GuardedPolicy).faulted).toBe(true);
  for (let task = 0; task < 3; task++) expect(scheduler.ranNs[task]).toBeGreaterThan(80 * MS);
});

test.each(['none', 'loses'] as const)(
  'a policy that starves tasks (lifo, fault: %s) is ejected with a dump after the bound',
  (fault) => {
    const faults: PolicyFault[] = [];
    const policy = guarded(lifo(fault), { stallNs: 50 * MS, onFault: (one) => faults.push(one) });
    const scheduler = runThree(policy, 400);
    expect(faults.length).toBe(1);
    expect(faults[0].reason).toMatch(/waiting for \d+ ns/);
    if (fault === 'none') expect(faults[0].dump.join()).toContain(`task ${faults[0].task}`);
    for (let task = 0; task < 3; task++) expect(scheduler.ranNs[task]).toBeGreaterThan(50 * MS);
  },
);

test('a sound policy is never ejected and schedules the same under guard', () => {
  const faults: PolicyFault[] = [];
  const plain = runThree(eevdf(), 500);
  const watched = runThree(guarded(eevdf(), { onFault: (one) => faults.push(one) }), 500);
  expect(faults).toEqual([]);
  expect(watched.ranNs).toEqual(plain.ranNs);
});

describe('conformance of a faulty policy under guard', () => {
  for (const fault of ['throws', 'invents'] as const) {
    for (const one of policyConformance(guarded(lifo(fault), { stallNs: 1000 * MS }), {
      steps: 300,
    })) {
      test(`${fault}: ${one.name}`, () => one.run());
    }
  }
});
