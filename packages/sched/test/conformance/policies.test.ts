import { NIL } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { type PolicyCheckOptions, policyConformance } from '../../src/conformance/index.js';
import {
  cfs,
  completePolicy,
  edf,
  eevdf,
  fifo,
  lottery,
  mlfq,
  type PolicyFactory,
  roundRobin,
  sjf,
  stack,
  stcf,
  stride,
} from '../../src/index.js';

const MS = 1_000_000;
const reservation = { runtimeNs: 2 * MS, periodNs: 100 * MS };
const own: PolicyFactory = ({ tasks }) => {
  const queues = Array.from({ length: tasks.cpuCount }, () => [] as number[]);
  return completePolicy({
    name: 'own',
    enqueue: (task, cpu) => void queues[cpu].push(task),
    dequeue: (task, cpu) => void queues[cpu].splice(queues[cpu].indexOf(task), 1),
    pickNext: (cpu, previous) => {
      if (previous !== NIL) queues[cpu].push(previous);
      return queues[cpu].shift() ?? NIL;
    },
    tick: () => true,
  });
};

const policies: [string, PolicyFactory, PolicyCheckOptions][] = [
  ['round-robin', roundRobin(), {}],
  ['mlfq', mlfq(), {}],
  ['mlfq with wakeToHead', mlfq({ wakeToHead: true, stayAfterSleep: true, boostNs: 7 * MS }), {}],
  ['cfs', cfs(), {}],
  ['cfs, renormalised often', cfs({ renormaliseNs: 2 ** 22 }), {}],
  ['eevdf', eevdf(), {}],
  ['eevdf, renormalised often', eevdf({ renormaliseNs: 2 ** 22 }), {}],
  ['eevdf without delayed dequeue', eevdf({ delayDequeue: false }), {}],
  ['edf', edf(), { task: { reservation }, workConserving: false }],
  ['lottery', lottery(), {}],
  ['stride', stride(), {}],
  ['stack', stack(edf(), mlfq(), cfs()), { task: { class: 1 } }],
  ['a policy of ten lines', own, {}],
];

for (const [name, policy, options] of policies) {
  describe(name, () => {
    for (const one of policyConformance(policy, { steps: 400, ...options })) {
      test(one.name, () => one.run());
    }
  });
}

describe('teaching policies run to completion, so that only the checks of order hold', () => {
  for (const [name, policy] of [
    ['fifo', fifo()],
    ['sjf', sjf()],
    ['stcf', stcf()],
  ] as const) {
    for (const one of policyConformance(policy, { steps: 400 })) {
      if (!one.name.includes('starved')) test(`${name}: ${one.name}`, () => one.run());
    }
  }
});

describe('a faulty policy is found', () => {
  const broken: [string, PolicyFactory][] = [
    [
      'keeps a task that ended',
      () => {
        const queue: number[] = [];
        return completePolicy({
          name: 'broken',
          enqueue: (task) => void queue.push(task),
          dequeue: () => {},
          pickNext: (_cpu, previous) => (previous === NIL ? (queue.shift() ?? NIL) : previous),
        });
      },
    ],
    [
      'loses the task that was preempted',
      () => {
        const queue: number[] = [];
        return completePolicy({
          name: 'broken',
          enqueue: (task) => void queue.push(task),
          dequeue: (task) => void queue.splice(queue.indexOf(task), 1),
          pickNext: () => queue.shift() ?? NIL,
          tick: () => true,
        });
      },
    ],
    [
      'mixes up the CPUs',
      () => {
        const queue: number[] = [];
        return completePolicy({
          name: 'broken',
          enqueue: (task) => void queue.push(task),
          dequeue: (task) => void queue.splice(queue.indexOf(task), 1),
          pickNext: (_cpu, previous) => {
            if (previous !== NIL) queue.push(previous);
            return queue.shift() ?? NIL;
          },
        });
      },
    ],
  ];
  test.each(broken)('%s', (_name, policy) => {
    expect(() => {
      for (const one of policyConformance(policy, { steps: 400 })) one.run();
    }).toThrow();
  });
});
