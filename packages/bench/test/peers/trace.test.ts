import { describe, expect, test } from 'vitest';
import { contestant as hotpath } from '../../src/peers/trace/hotpath.js';
import { contestant as json } from '../../src/peers/trace/json-stringify.js';
import { contestant as plainHead } from '../../src/peers/trace/plain-head.js';
import { contestant as protobufjs } from '../../src/peers/trace/protobufjs.js';
import { contestant as sharedCounter } from '../../src/peers/trace/shared-counter.js';

describe('contestants of the area trace', () => {
  test('two workers with a ring each lose nothing, as one atomic head does; a plain head may', async () => {
    const work = { task: 'workers', count: 2 ** 14 } as const;
    const ours = await hotpath.prepare(work, 1);
    const atomic = await sharedCounter.prepare(work, 1);
    const plain = await plainHead.prepare(work, 1);
    for (let round = 0; round < 5; round += 1) {
      expect(await ours.run()).toBe(2 ** 14);
      expect(await atomic.run()).toBe(2 ** 14);
      expect(await plain.run()).toBeLessThanOrEqual(2 ** 14);
    }
    expect(ours.facts!()).toEqual({ lostPercent: 0 });
  });

  test('every exporter’s file, read by its own reader, comes to the same events', async () => {
    for (const [task, rival] of [
      ['json', json],
      ['perfetto', protobufjs],
    ] as const) {
      const work = { task, count: 2000 };
      const [ours, theirs] = [await hotpath.prepare(work, 7), await rival.prepare(work, 7)];
      const sum = await ours.run();
      expect(sum).not.toBe(0);
      expect(await theirs.run()).toBe(sum);
    }
  });

  test('a Perfetto file takes at most a quarter of the JSON', async () => {
    const bytes = async (task: 'json' | 'perfetto') =>
      (await hotpath.prepare({ task, count: 2 ** 14 }, 1)).facts!()['bytesPerEvent']!;
    expect((await bytes('perfetto')) / (await bytes('json'))).toBeLessThan(0.25);
  });
});
