import { expect, test } from 'vitest';
import {
  cfs,
  FairLoop,
  type FairLoopOptions,
  LoopError,
  type LoopHost,
  type PolicyFactory,
} from '../../src/index.js';

/** An event loop whose time passes only where a job says so. */
class TestHost implements LoopHost {
  ms = 0;
  turns: number[] = [];
  now(): number {
    return this.ms;
  }
  macrotask(callback: () => void): void {
    setImmediate(() => {
      this.turns.push(this.ms);
      callback();
    });
  }
  microtask(callback: () => void): void {
    void Promise.resolve().then(callback);
  }
  timeout(callback: () => void, ms: number): () => void {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  }
}

function rig(options: FairLoopOptions = {}): { host: TestHost; loop: FairLoop } {
  const host = new TestHost();
  return { host, loop: new FairLoop({ host, ...options }) };
}

test('a job gives its result, and an error stays with its job', async () => {
  const { loop } = rig();
  const good = loop.add('a', () => 42);
  const bad = loop.add('a', () => {
    throw new Error('mine');
  });
  const rejected = loop.add('b', async () => Promise.reject(new Error('later')));
  const after = loop.add('a', async () => 'fine');
  expect(await good).toBe(42);
  await expect(bad).rejects.toThrow('mine');
  await expect(rejected).rejects.toThrow('later');
  expect(await after).toBe('fine');
  await loop.idle();
  expect(loop.stats()['a']).toMatchObject({ done: 2, failed: 1, queued: 0, running: 0 });
});

test.each([
  ['one tenant', 1],
  ['a hundred tenants', 100],
])(
  'at most one foreign job runs before an interactive one, with 10,000 of %s queued',
  async (_title, count) => {
    const { host, loop } = rig();
    let batch = 0;
    for (let i = 0; i < 10_000; i++) {
      void loop.add(`batch ${i % count}`, () => {
        host.ms += 0.05;
        batch++;
      });
    }
    await loop.room(9000);
    const before = batch;
    let ahead = -1;
    await loop.add('typing', () => {
      ahead = batch - before;
    });
    expect(ahead).toBeLessThanOrEqual(1);
    await loop.idle();
    expect(batch).toBe(10_000);
  },
);

test('the event loop waits for one slice and one job at most', async () => {
  const { host, loop } = rig({ sliceMs: 5 });
  for (let i = 0; i < 2000; i++) {
    void loop.add(`tenant ${i % 10}`, () => {
      host.ms += 0.7;
    });
  }
  await loop.idle();
  for (let i = 1; i < host.turns.length; i++) {
    expect(host.turns[i] - host.turns[i - 1]).toBeLessThanOrEqual(5.7);
  }
  expect(host.turns.length).toBeGreaterThan(200);
});

test('a chain of asynchronous jobs has one slice in each turn, too', async () => {
  const { host, loop } = rig({ sliceMs: 5, concurrency: 1 });
  for (let i = 0; i < 200; i++) {
    void loop.add(`tenant ${i % 3}`, async () => {
      await null;
      // Passes after the loop has looked at the clock last.
      host.ms += 1;
    });
  }
  await loop.idle();
  for (let i = 1; i < host.turns.length; i++) {
    expect(host.turns[i] - host.turns[i - 1]).toBeLessThanOrEqual(6);
  }
  expect(host.turns.length).toBeGreaterThan(30);
});

test('weights of 3:1 give CPU time of 3:1 within two percent, with unequal jobs', async () => {
  const { host, loop } = rig();
  const lengths = [0.05, 0.9, 0.3, 0.01];
  const ran = { heavy: 0, light: 0 };
  const job = (tenant: 'heavy' | 'light', i: number) => () => {
    // Jobs of the light tenant are four times as long.
    const ms = lengths[i % 4] * (tenant === 'light' ? 4 : 1);
    host.ms += ms;
    if (host.ms < 2000) ran[tenant] += ms;
  };
  for (let i = 0; i < 8000; i++) {
    void loop.add('heavy', job('heavy', i), { weight: 3072 });
    void loop.add('light', job('light', i), { weight: 1024 });
  }
  await loop.idle();
  expect(Math.abs(ran.heavy / ran.light / 3 - 1)).toBeLessThan(0.02);
});

test('a tenant wins nothing by queueing more, and nice is a weight', async () => {
  const { host, loop } = rig();
  const ran: Record<string, number> = { many: 0, few: 0, nice: 0 };
  const add = (tenant: string, nice: number) =>
    void loop.add(
      tenant,
      () => {
        host.ms += 1;
        if (host.ms <= 600) ran[tenant]++;
      },
      { nice },
    );
  for (let i = 0; i < 5000; i++) add('many', 0);
  for (let i = 0; i < 400; i++) add('few', 0);
  for (let i = 0; i < 400; i++) add('nice', 5);
  await loop.idle();
  expect(Math.abs(ran['many'] / ran['few'] - 1)).toBeLessThan(0.02);
  expect(ran['many'] / ran['nice']).toBeGreaterThan(2.8);
});

test('a long job that yields shares with the others', async () => {
  const { host, loop } = rig({ sliceMs: 5 });
  const order: string[] = [];
  const long = loop.add('long', async (context) => {
    for (let i = 0; i < 40; i++) {
      host.ms += 1;
      if (context.shouldYield()) {
        order.push('yield');
        await context.yield();
      }
    }
    return 'long';
  });
  const short: Promise<void>[] = [];
  for (let i = 0; i < 10; i++) {
    short.push(
      loop.add('short', () => {
        host.ms += 1;
        order.push('short');
      }),
    );
  }
  expect(await long).toBe('long');
  await Promise.all(short);
  expect(order.indexOf('short')).toBeLessThanOrEqual(2);
  expect(order.filter((one) => one === 'yield').length).toBeGreaterThanOrEqual(7);
  const stats = loop.stats();
  // What ran between yields is charged, too.
  expect(stats['long'].cpuMs).toBeCloseTo(40, 5);
  expect(stats['short'].cpuMs).toBeCloseTo(10, 5);
});

test('no more jobs are in flight than allowed, in all and per tenant', async () => {
  const { loop } = rig({ concurrency: 4, tenantConcurrency: 2 });
  let running = 0;
  let most = 0;
  const mine: Record<string, number> = { a: 0, b: 0, c: 0 };
  const jobs: Promise<void>[] = [];
  for (let i = 0; i < 60; i++) {
    const tenant = 'abc'[i % 3];
    jobs.push(
      loop.add(tenant, async () => {
        running++;
        mine[tenant]++;
        most = Math.max(most, running);
        expect(mine[tenant]).toBeLessThanOrEqual(2);
        await new Promise((done) => setTimeout(done, 1));
        mine[tenant]--;
        running--;
      }),
    );
  }
  await Promise.all(jobs);
  expect(most).toBe(4);
  await loop.idle();
  expect(loop.pending).toBe(0);
});

test('jobs that yield go on although the loop is full', async () => {
  const { host, loop } = rig({ concurrency: 2, sliceMs: 1 });
  const work = async (context: { yield(): Promise<void> }) => {
    for (let i = 0; i < 5; i++) {
      host.ms += 1;
      await context.yield();
    }
  };
  await Promise.all(['a', 'b', 'c', 'd', 'a', 'b'].map((tenant) => loop.add(tenant, work)));
  await loop.idle();
  expect(host.ms).toBeCloseTo(30, 5);
});

test('a foreign thenable that calls back twice ends its own job once, and no other', async () => {
  const { loop } = rig({ concurrency: 1 });
  const backs: ((value: string) => void)[] = [];
  // biome-ignore lint/suspicious/noThenProperty: a thenable that breaks the rules is the point.
  const foreign = { then: (good: (value: string) => void) => void backs.push(good) };
  const first = loop.add('a', () => foreign as unknown as PromiseLike<string>);
  while (backs.length === 0) await new Promise((done) => setImmediate(done));
  backs[0]('one');
  expect(await first).toBe('one');
  let finish = (_value: string): void => {};
  const second = loop.add('b', () => new Promise<string>((done) => (finish = done)));
  while (loop.pending === 0) await new Promise((done) => setImmediate(done));
  backs[0]('one again');
  await new Promise((done) => setImmediate(done));
  expect(loop.pending).toBe(1);
  finish('two');
  expect(await second).toBe('two');
  await loop.idle();
  expect(loop.stats()).toMatchObject({ a: { done: 1, running: 0 }, b: { done: 1, running: 0 } });
});

test('a queue that grew while its head had moved keeps the order', async () => {
  const { loop } = rig();
  const order: number[] = [];
  const wanted: number[] = [];
  let next = 0;
  const add = (): void => {
    const id = next++;
    wanted.push(id);
    void loop.add('a', () => {
      order.push(id);
      // Two for one, so that the ring turns and grows.
      if (next < 3000) {
        add();
        add();
      }
    });
  };
  for (let i = 0; i < 5; i++) add();
  await loop.idle();
  expect(order).toEqual(wanted);
});

test('an aborted job is not run, and one that runs is told', async () => {
  const { loop } = rig();
  const early = new AbortController();
  early.abort(new Error('early'));
  let ran = 0;
  await expect(loop.add('a', () => ran++, { signal: early.signal })).rejects.toThrow('early');
  const late = new AbortController();
  const queued = loop.add('a', () => ran++, { signal: late.signal });
  late.abort(new Error('late'));
  await expect(queued).rejects.toThrow('late');
  const during = new AbortController();
  let seen = false;
  const running = loop.add(
    'a',
    async (context) => {
      during.abort(new Error('during'));
      seen = context.cancelled;
      await context.yield();
    },
    { signal: during.signal },
  );
  await expect(running).rejects.toThrow('during');
  await loop.idle();
  expect(seen).toBe(true);
  expect(ran).toBe(0);
});

test('a timeout rejects with a code', async () => {
  const { loop } = rig();
  const never = loop.add('a', () => new Promise(() => {}), { timeoutMs: 5 });
  await expect(never).rejects.toMatchObject({ name: 'LoopError', code: 'ERR_TIMEOUT' });
});

test('a full queue pushes back, and room() tells when there is space', async () => {
  const { loop } = rig({ maxQueued: 3 });
  const jobs = [1, 2, 3].map((value) => loop.add('a', () => value));
  const refused = loop.add('a', () => 4);
  await expect(refused).rejects.toBeInstanceOf(LoopError);
  await expect(refused).rejects.toMatchObject({ code: 'ERR_FULL' });
  // Another tenant is not concerned.
  expect(await loop.add('b', () => 5)).toBe(5);
  await loop.room(3);
  expect(await loop.add('a', () => 6)).toBe(6);
  expect(await Promise.all(jobs)).toEqual([1, 2, 3]);
});

test('jobs with a deadline go first within their tenant, the earliest first', async () => {
  const { loop } = rig();
  const order: number[] = [];
  const add = (id: number, deadlineMs?: number) =>
    loop.add('a', () => void order.push(id), deadlineMs === undefined ? {} : { deadlineMs });
  await Promise.all([add(1), add(2, 50), add(3, 10), add(4), add(5, 50)]);
  expect(order).toEqual([3, 2, 5, 1, 4]);
});

test('a job that holds the event loop is reported with its tenant', async () => {
  const stalls: { tenant: string; ms: number }[] = [];
  const { host, loop } = rig({ stallMs: 20, onStall: (stall) => stalls.push(stall) });
  await loop.add('greedy', () => {
    host.ms += 100;
  });
  await loop.add('modest', () => {
    host.ms += 10;
  });
  expect(stalls).toEqual([{ tenant: 'greedy', ms: 100 }]);
});

test('idle tenants make room for others', async () => {
  const { loop } = rig({ maxTenants: 4 });
  for (let i = 0; i < 50; i++) expect(await loop.add(`tenant ${i}`, () => i)).toBe(i);
  const busy = [0, 1, 2, 3].map((i) => loop.add(`busy ${i}`, () => i));
  expect(() => loop.add('one more', () => 0)).toThrow(
    expect.objectContaining({ code: 'ERR_TENANTS' }),
  );
  await Promise.all(busy);
});

test.each([
  [{ weight: 0 }, 'ERR_WEIGHT'],
  [{ nice: 20 }, 'ERR_NICE'],
  [{ deadlineMs: -1 }, 'ERR_DEADLINE'],
  [{ sliceMs: Number.NaN }, 'ERR_SLICE'],
  [{ timeoutMs: 0 }, 'ERR_TIMEOUT'],
])('bad job options %j are refused and queue nothing', (options, code) => {
  const { loop } = rig();
  expect(() => loop.add('a', () => 1, options)).toThrow(expect.objectContaining({ code }));
  expect(loop.size).toBe(0);
});

test.each([0, -1, 1.5, 262_145, Number.NaN])('setWeight refuses %d by either order', (weight) => {
  for (const options of [{}, { policy: cfs() }]) {
    const { loop } = rig(options);
    expect(() => loop.setWeight('a', weight)).toThrow(
      expect.objectContaining({ code: 'ERR_WEIGHT' }),
    );
    expect(loop.stats()).toEqual({});
  }
});

test('a policy that is none is refused', () => {
  for (const policy of [7, 'cfs', null]) {
    expect(() => rig({ policy: policy as unknown as PolicyFactory })).toThrow(
      expect.objectContaining({ code: 'ERR_POLICY' }),
    );
  }
});

test('timers run while ten thousand jobs are drained on the real event loop', async () => {
  const loop = new FairLoop();
  const spin = () => {
    const end = performance.now() + 0.02;
    while (performance.now() < end);
  };
  for (let i = 0; i < 5000; i++) void loop.add(`tenant ${i % 7}`, spin);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await loop.idle();
  clearInterval(timer);
  expect(ticks).toBeGreaterThanOrEqual(5);
});
