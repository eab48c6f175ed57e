import { Worker } from 'node:worker_threads';
import { MIB } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { SharedArena, struct } from '../src/index.js';
import { codeOf } from './plain-memory.js';

const CACHES = [
  { name: 'small', objectBytes: 64 },
  { name: 'large', objectBytes: 1000 },
];

interface Outcome {
  readonly errors: number;
  readonly live: readonly number[];
  readonly received: number;
  readonly sent: number;
  readonly mine: readonly (readonly number[])[];
  readonly worker: number;
}

function run(data: object): Promise<Outcome> {
  const worker = new Worker(new URL('./worker-bootstrap.mjs', import.meta.url), {
    workerData: { module: new URL('./shared-worker.ts', import.meta.url).href, ...data },
    execArgv: ['--conditions=@hotpath/source'],
  });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

describe('shared arena', () => {
  test('a second worker sees the caches, and objects pass between the two', () => {
    const buffer = new SharedArrayBuffer(1 * MIB);
    const one = SharedArena.format(buffer, { caches: CACHES });
    const two = SharedArena.attach(buffer);
    expect([one.worker, two.worker]).toEqual([0, 1]);
    const p = one.cache('small').allocate();
    expect(two.cache('small').isLive(p)).toBe(true);
    two.cache('small').free(p);
    expect(codeOf(() => one.cache('small').free(p))).toBe('ERR_DOUBLE_FREE');
    expect(codeOf(() => two.cache('small').free(p))).toBe('ERR_DOUBLE_FREE');
    one.checkInvariants();
    two.detach();
    expect(SharedArena.attach(buffer).worker).toBe(1);
  });

  test('wrong frees are refused by name and change nothing', () => {
    const arena = SharedArena.format(new SharedArrayBuffer(1 * MIB), { caches: CACHES });
    const small = arena.cache('small');
    const p = small.allocate();
    const q = arena.cache('large').allocate();
    expect(codeOf(() => small.free(p + 16))).toBe('ERR_INTERIOR_POINTER');
    expect(codeOf(() => small.free(p + 1))).toBe('ERR_INTERIOR_POINTER');
    expect(codeOf(() => small.free(q))).toBe('ERR_FOREIGN_POINTER');
    for (const wrong of [0, -1, 16, Number.NaN, 2 ** 32 + p, 2 ** 40, p + 0.5]) {
      expect(codeOf(() => small.free(wrong))).not.toBe('nothing');
    }
    expect([small.liveObjects, arena.cache('large').liveObjects]).toEqual([1, 1]);
    arena.checkInvariants();
  });

  test('memory runs out with 0, and everything freed and shrunk serves another cache', () => {
    const arena = SharedArena.format(new SharedArrayBuffer(256 * 1024), { caches: CACHES });
    const fillUp = (name: string) => {
      const all: number[] = [];
      for (let p = arena.cache(name).allocate(); p !== 0; p = arena.cache(name).allocate())
        all.push(p);
      expect(new Set(all).size).toBe(all.length);
      return all;
    };
    const first = fillUp('small');
    arena.checkInvariants();
    for (const p of first) arena.cache('small').free(p);
    arena.shrink();
    arena.checkInvariants();
    expect(arena.cache('small').footprintBytes).toBe(0);
    const second = fillUp('large');
    expect(second.length * 1024).toBeGreaterThan(first.length * 64 * 0.9);
    for (const p of second) arena.cache('large').free(p);
    arena.shrink();
    expect(fillUp('small').length).toBe(first.length);
  });

  test('structs lie in shared memory', () => {
    const buffer = new SharedArrayBuffer(1 * MIB);
    const one = SharedArena.format(buffer, { caches: [{ name: 'entity', objectBytes: 16 }] });
    const type = struct({ x: 'f64', hits: 'u32' });
    const entities = one.pool(type, 'entity');
    const e = entities.create();
    entities.set.x(e, 2.5);
    expect(SharedArena.attach(buffer).pool(type, 'entity').get.x(e)).toBe(2.5);
    expect(codeOf(() => one.pool(struct({ a: 'f64', b: 'f64', c: 'u8' }), 'entity'))).toBe(
      'ERR_OBJECT_BYTES',
    );
  });

  test('bad options and unformatted buffers are refused', () => {
    const make = (options: object, bytes = 1 * MIB) =>
      codeOf(() =>
        SharedArena.format(new SharedArrayBuffer(bytes), { caches: CACHES, ...options }),
      );
    expect(make({}, 4096)).toBe('ERR_SHARED_BYTES');
    expect(make({ caches: [] })).toBe('ERR_CACHE_COUNT');
    expect(make({ caches: [CACHES[0], CACHES[0]] })).toBe('ERR_CACHE_NAME');
    expect(make({ caches: [{ name: '', objectBytes: 8 }] })).toBe('ERR_CACHE_NAME');
    expect(make({ caches: [{ name: 'x', objectBytes: 20_000 }] })).toBe('ERR_OBJECT_BYTES');
    expect(make({ caches: [{ name: 'x', objectBytes: 20, align: 3 }] })).toBe('ERR_ALIGN');
    expect(make({ workers: 0 })).toBe('ERR_WORKERS');
    expect(make({ magazineObjects: 1 })).toBe('ERR_MAGAZINE');
    expect(codeOf(() => SharedArena.attach(new SharedArrayBuffer(1 * MIB)))).toBe(
      'ERR_SHARED_FORMAT',
    );
    const buffer = new SharedArrayBuffer(1 * MIB);
    const arena = SharedArena.format(buffer, { caches: CACHES, workers: 1 });
    expect(codeOf(() => SharedArena.attach(buffer))).toBe('ERR_WORKERS');
    expect(codeOf(() => arena.cache('none'))).toBe('ERR_CACHE_NAME');
  });

  test('two workers allocate, pass objects to each other and free them: no object is ever two', async () => {
    const buffer = new SharedArrayBuffer(8 * MIB);
    const exchange = new SharedArrayBuffer(2 * 256 * 4 + 8);
    const arena = SharedArena.format(buffer, { caches: CACHES, magazineObjects: 2 });
    const [a, b] = await Promise.all(
      [0, 1].map((self) =>
        run({
          buffer,
          exchange,
          self,
          rounds: 200_000,
          exchanged: 1000,
          together: 2,
          end: 'detach',
        }),
      ),
    );
    expect([a.errors, b.errors]).toEqual([0, 0]);
    expect(a.received + b.received).toBeGreaterThanOrEqual(1000);
    arena.checkInvariants();
    const inFlight = a.sent + b.sent - a.received - b.received;
    const live = arena.cache('small').liveObjects + arena.cache('large').liveObjects;
    expect(live).toBe(a.live[0] + a.live[1] + b.live[0] + b.live[1] + inFlight);
    const contention = arena.cache('small').contention;
    expect(contention.acquired).toBe(contention.refills + contention.flushes);
    expect(contention.refills).toBeGreaterThan(100);
  });

  test('objects in the magazines of a worker that vanished come back by recover', async () => {
    const buffer = new SharedArrayBuffer(2 * MIB);
    const exchange = new SharedArrayBuffer(2 * 256 * 4 + 8);
    const arena = SharedArena.format(buffer, { caches: CACHES, workers: 2 });
    const gone = await run({ buffer, exchange, self: 0, rounds: 5000, together: 1, end: 'vanish' });
    expect(codeOf(() => SharedArena.attach(buffer))).toBe('ERR_WORKERS');
    expect(codeOf(() => arena.recover(arena.worker))).toBe('ERR_WORKERS');
    arena.recover(gone.worker);
    arena.checkInvariants();
    for (const offset of gone.mine[0]) arena.cache('small').free(offset);
    for (const offset of gone.mine[1]) arena.cache('large').free(offset);
    const boxes = new Int32Array(exchange);
    for (let i = 0; i < boxes[256]; i += 1) {
      const letter = boxes[256 + 2 + i];
      arena.cache(letter > 0 ? 'small' : 'large').free(Math.abs(letter));
    }
    arena.shrink();
    expect(arena.cache('small').footprintBytes + arena.cache('large').footprintBytes).toBe(0);
  });
});
