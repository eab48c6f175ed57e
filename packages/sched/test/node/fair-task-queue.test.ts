import { Piscina, type PiscinaTask } from 'piscina';
import { expect, test } from 'vitest';
import { FairTaskQueue, type PoolTaskOptions } from '../../src/node/index.js';

const KEY = Symbol('options');
const task = (id: number, options: PoolTaskOptions) => ({ id, [KEY]: options });
type Task = ReturnType<typeof task>;

function order(queue: FairTaskQueue): number[] {
  const ids: number[] = [];
  for (let one = queue.shift(); one !== null; one = queue.shift()) ids.push((one as Task).id);
  return ids;
}

test('tenants take turns, whoever queued more', () => {
  const queue = new FairTaskQueue({ optionsKey: KEY });
  for (let i = 0; i < 1000; i++) queue.push(task(i, { tenant: 'many' }));
  queue.push(task(5000, { tenant: 'few' }));
  queue.push(task(5001, { tenant: 'few' }));
  expect(queue.size).toBe(1002);
  const ids = order(queue);
  expect(ids.slice(0, 4)).toEqual([0, 5000, 1, 5001]);
  expect(ids.length).toBe(1002);
  expect(queue.size).toBe(0);
});

test('weights and costs decide the shares', () => {
  const queue = new FairTaskQueue({ optionsKey: KEY });
  for (let i = 0; i < 400; i++) {
    queue.push(task(i, { tenant: 'a', weight: 3 }));
    queue.push(task(1000 + i, { tenant: 'b', cost: 2 }));
  }
  // Per unit of virtual time: three tasks of a, half a task of b.
  const first = order(queue).slice(0, 350);
  const a = first.filter((id) => id < 1000).length;
  expect(a).toBeGreaterThanOrEqual(298);
  expect(a).toBeLessThanOrEqual(302);
});

test('what tasks really cost is learnt', () => {
  const queue = new FairTaskQueue({ optionsKey: KEY });
  for (let i = 0; i < 400; i++) {
    queue.push(task(i, { tenant: 'slow' }));
    queue.push(task(1000 + i, { tenant: 'fast' }));
  }
  for (let i = 0; i < 100; i++) {
    queue.charge('slow', 9);
    queue.charge('fast', 1);
  }
  const slow = order(queue)
    .slice(0, 300)
    .filter((id) => id < 1000).length;
  expect(slow).toBeGreaterThanOrEqual(28);
  expect(slow).toBeLessThanOrEqual(33);
});

test('a removed task is not handed out', () => {
  const queue = new FairTaskQueue({ optionsKey: KEY });
  const tasks = [0, 1, 2].map((id) => task(id, { tenant: `tenant ${id % 2}` }));
  for (const one of tasks) queue.push(one);
  queue.remove(tasks[1]);
  expect(order(queue)).toEqual([0, 2]);
  expect(() => queue.remove(tasks[1])).toThrow(expect.objectContaining({ code: 'ERR_INVARIANT' }));
});

test('bad options are refused', () => {
  const queue = new FairTaskQueue({ optionsKey: KEY, maxTenants: 1 });
  expect(() => new FairTaskQueue({} as never)).toThrow(
    expect.objectContaining({ code: 'ERR_OPTIONS_KEY' }),
  );
  expect(() => queue.push(task(0, { weight: 0 }))).toThrow(
    expect.objectContaining({ code: 'ERR_WEIGHT' }),
  );
  expect(() => queue.push(task(0, { cost: -1 }))).toThrow(
    expect.objectContaining({ code: 'ERR_COST' }),
  );
  queue.push(task(0, { tenant: 'a' }));
  expect(() => queue.push(task(1, { tenant: 'b' }))).toThrow(
    expect.objectContaining({ code: 'ERR_TENANTS' }),
  );
});

/** Who was served, in order, by a real pool of one worker with 60 tasks of one tenant queued first. */
async function servedByPiscina(
  taskQueue: FairTaskQueue<PiscinaTask> | undefined,
): Promise<string[]> {
  const pool = new Piscina({
    filename: new URL('worker.mjs', import.meta.url).href,
    name: 'work',
    minThreads: 1,
    maxThreads: 1,
    ...(taskQueue === undefined ? {} : { taskQueue }),
  });
  const served: string[] = [];
  const run = async (tenant: string) => {
    const given = { tenant, ms: 1, [Piscina.queueOptionsSymbol]: { tenant } };
    served.push((await pool.run(given)) as string);
  };
  const all = Array.from({ length: 60 }, () => run('batch'));
  for (let i = 0; i < 3; i++) all.push(run('typing'));
  await Promise.all(all);
  await pool.close();
  return served;
}

test('a real Piscina pool becomes fair with this queue, and is not without it', async () => {
  const fair = await servedByPiscina(new FairTaskQueue({ optionsKey: Piscina.queueOptionsSymbol }));
  const plain = await servedByPiscina(undefined);
  // One batch task runs and one may be handed to the worker before the queue is asked.
  expect(fair.lastIndexOf('typing')).toBeLessThanOrEqual(8);
  // Without it they wait behind most of the batch, the last one behind all of it.
  expect(plain.indexOf('typing')).toBeGreaterThan(20);
  expect(plain.lastIndexOf('typing')).toBe(62);
  expect(fair.length).toBe(63);
}, 20_000);
