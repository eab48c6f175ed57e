import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cfs, FairLoop, type FairLoopOptions, mlfq, type PolicyFactory } from '../../src/index.js';
import { FairOrder } from '../../src/loop/fair-order.js';

/** Lets tenants that always have work run until each job is charged; CPU time of each. */
function contend(order: FairOrder, weights: readonly number[], costs: (turn: number) => number) {
  const slots = weights.map((weight) => {
    const slot = order.add();
    order.setWeight(slot, weight);
    order.wake(slot, slot);
    return slot;
  });
  const ran = weights.map(() => 0);
  for (let turn = 0; turn < 20_000; turn++) {
    const slot = order.pick();
    const ns = costs(turn);
    ran[slots.indexOf(slot)] += ns;
    order.charge(slot, ns);
    order.again(slot, weights.length + turn);
  }
  return ran;
}

test('CPU time goes by weight, also through renormalisation', () => {
  for (const start of [0, 2 ** 50 - 10_000_000]) {
    const order = new FairOrder(3, 50_000, 0);
    const first = order.add();
    order.wake(first, 0);
    order.charge(first, start);
    order.again(first, 0);
    // Takes the virtual time along.
    expect(order.pick()).toBe(first);
    order.block(first);
    const ran = contend(order, [1024, 2048], (turn) => 1000 + ((turn * 7919) % 90_000));
    expect(Math.abs(ran[1] / ran[0] / 2 - 1)).toBeLessThan(0.005);
  }
});

test('within a grain jobs go in the order they were queued, whatever noise their tenants got', () => {
  const order = new FairOrder(4, 1_000_000, 0);
  const heads = [0, 1, 2, 3];
  for (const slot of heads) order.wake(order.add(), slot);
  const taken: number[] = [];
  for (let turn = 0; turn < 200; turn++) {
    const slot = order.pick();
    taken.push(heads[slot]);
    // A pause of the machine now and then: 2 % of the grain.
    order.charge(slot, turn % 13 === 0 ? 20_000 : 1000);
    heads[slot] += 4;
    order.again(slot, heads[slot]);
  }
  expect(taken).toEqual(Array.from({ length: 200 }, (_, ticket) => ticket));
});

test('who was away comes back before all others, but banks no more than the credit', () => {
  const order = new FairOrder(2, 1000, 5000);
  const [hog, sleeper] = [order.add(), order.add()];
  order.wake(hog, 0);
  for (let turn = 0; turn < 1000; turn++) {
    expect(order.pick()).toBe(hog);
    order.charge(hog, 1000);
    order.again(hog, turn);
  }
  order.wake(sleeper, 1000);
  let alone = 0;
  for (; order.pick() === sleeper; alone++) {
    order.charge(sleeper, 1000);
    order.again(sleeper, 1001 + alone);
  }
  expect(alone).toBeGreaterThanOrEqual(5);
  expect(alone).toBeLessThanOrEqual(7);
});

test('a tenant that leaves and comes back at once escapes no debt', () => {
  const order = new FairOrder(2, 1000, 0);
  const [steady, jumpy] = [order.add(), order.add()];
  order.wake(steady, 0);
  order.wake(jumpy, 1);
  const ran = [0, 0];
  for (let turn = 0; turn < 1000; turn++) {
    const slot = order.pick();
    ran[slot] += 10_000;
    order.charge(slot, 10_000);
    if (slot === steady) order.again(slot, turn);
    else {
      order.block(slot);
      order.wake(slot, turn);
    }
  }
  expect(Math.abs(ran[jumpy] - ran[steady])).toBeLessThanOrEqual(10_000);
});

test('a slot that another tenant gets knows nothing of the one before', () => {
  const order = new FairOrder(1, 1000, 0);
  const slot = order.add();
  expect(order.add()).toBe(-1);
  order.setWeight(slot, 5);
  order.drop(slot);
  expect(order.weightOf(order.add())).toBe(1024);
});

test('the lag between any two that stay ready is bounded by a grain and a job', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 50 }), (costs) => {
      const order = new FairOrder(5, 50_000, 0);
      const ran = [0, 0, 0, 0, 0];
      for (let slot = 0; slot < 5; slot++) order.wake(order.add(), slot);
      for (const [turn, ns] of costs.entries()) {
        const slot = order.pick();
        ran[slot] += ns;
        order.charge(slot, ns);
        order.again(slot, 5 + turn);
        expect(Math.max(...ran) - Math.min(...ran)).toBeLessThanOrEqual(350_000);
      }
    }),
  );
});

/** Time that stands still but for the jobs. */
function loopOf(policy?: PolicyFactory): { loop: FairLoop; spend(ms: number): void } {
  let ms = 0;
  const options: FairLoopOptions = {
    host: {
      now: () => ms,
      macrotask: (callback) => void setImmediate(callback),
      microtask: (callback) => void Promise.resolve().then(callback),
      timeout: () => () => {},
    },
  };
  if (policy !== undefined) options.policy = policy;
  return { loop: new FairLoop(options), spend: (more) => void (ms += more) };
}

test.each([
  ['its own order', undefined],
  ['cfs', cfs({ latencyNs: 2_000_000, minGranularityNs: 100_000 })],
])('tenants under %s share by weight', async (_name, policy) => {
  const { loop, spend } = loopOf(policy);
  const ran = { heavy: 0, light: 0 };
  for (let i = 0; i < 3000; i++) {
    for (const tenant of ['heavy', 'light'] as const) {
      const job = () => {
        spend(0.5);
        if (ran.heavy + ran.light < 1000) ran[tenant] += 0.5;
      };
      void loop.add(tenant, job, { weight: tenant === 'heavy' ? 3072 : 1024 });
    }
  }
  await loop.idle();
  expect(Math.abs(ran.heavy / ran.light / 3 - 1)).toBeLessThan(0.02);
});

test('under mlfq a tenant of short jobs goes before one that has used up its quanta', async () => {
  const { loop, spend } = loopOf(mlfq({ boostNs: 0 }));
  const order: string[] = [];
  for (let i = 0; i < 100; i++) {
    void loop.add('long', () => {
      spend(1);
      order.push('long');
    });
  }
  await loop.room(50);
  const before = order.length;
  for (let i = 0; i < 4; i++) {
    void loop.add('short', () => {
      spend(1);
      order.push('short');
    });
  }
  await loop.idle();
  const after = order.slice(before);
  expect(after.slice(after.indexOf('short'), after.indexOf('short') + 4)).toEqual(
    Array.from({ length: 4 }, () => 'short'),
  );
  expect(after.indexOf('short')).toBeLessThanOrEqual(5);
});
