import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  eventCode,
  type RingEvents,
  type RingMode,
  sharedRingBytes,
  TraceRing,
} from '../../src/index.js';

/** What the ring is compared with: an array that forgets nothing. */
function check(mode: RingMode, capacity: number, steps: readonly number[]): void {
  const ring = new TraceRing(0, capacity, mode);
  const seen: number[] = [];
  const accepted: number[] = [];
  let emitted = 0;
  let waiting = 0;
  const take = (events: RingEvents): void => {
    for (let index = 0; index < events.count; index += 1) {
      const number = events.records[index * 4];
      expect(eventCode(events.records, index)).toBe(number % 1_048_576);
      expect(events.records[index * 4 + 2]).toBe(-number);
      expect(events.records[index * 4 + 3]).toBe(number / 2);
      seen.push(number);
    }
  };
  for (const step of steps) {
    if (step === 0) {
      take(ring.consume());
      waiting = 0;
      continue;
    }
    for (let count = 0; count < step; count += 1) {
      ring.write(emitted, emitted % 1_048_576, -emitted, emitted / 2);
      const room = mode === 'overwrite' || waiting < capacity;
      if (room) {
        accepted.push(emitted);
        waiting += 1;
        if (mode === 'overwrite' && waiting > capacity) {
          accepted.splice(accepted.length - waiting, 1);
          waiting -= 1;
        }
      }
      emitted += 1;
    }
    const { count, lost } = ring.snapshot();
    expect(count).toBe(waiting);
    expect(lost).toBe(emitted - accepted.length);
    ring.checkInvariants();
  }
  take(ring.consume());
  expect(seen).toEqual(accepted);
  expect(ring.lost).toBe(emitted - seen.length);
}

describe('TraceRing', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 12 });
  const capacity = fc.constantFrom(16, 32, 64);

  test('an overwriting ring keeps the last events in order and counts the others exactly', () => {
    fc.assert(fc.property(steps, capacity, (list, size) => check('overwrite', size, list)));
  });

  test('a discarding ring keeps the first events in order and counts the others exactly', () => {
    fc.assert(fc.property(steps, capacity, (list, size) => check('discard', size, list)));
  });

  test('a streaming ring loses nothing while its drain takes the events', () => {
    const batches: RingEvents[] = [];
    const drain = { drain: (ring: TraceRing) => batches.push(ring.consume()) };
    const ring = new TraceRing(0, 16, 'stream', drain);
    for (let time = 0; time < 1000; time += 1) ring.write(time, 1, time, 0);
    batches.push(ring.consume());
    const times = batches.flatMap((batch) =>
      Array.from({ length: batch.count }, (_, index) => batch.records[index * 4]),
    );
    expect(times).toEqual(Array.from({ length: 1000 }, (_, time) => time));
    expect(ring.lost).toBe(0);
  });

  test('a drain that emits into its own full ring loses those events, counted, and does not recurse', () => {
    let calls = 0;
    const ring = new TraceRing(0, 16, 'stream', {
      drain: (full) => {
        calls += 1;
        full.write(0, 1, 0, 0);
        full.consume();
        full.write(0, 2, 0, 0);
      },
    });
    for (let time = 0; time < 17; time += 1) ring.write(time, 1, 0, 0);
    expect([calls, ring.lost, ring.head]).toEqual([1, 1, 18]);
    ring.checkInvariants();
  });

  test('a snapshot stays as it was while the ring goes on', () => {
    const ring = new TraceRing(3, 16, 'overwrite');
    for (let time = 0; time < 20; time += 1) ring.write(time, 7, time, 0);
    const before = ring.snapshot();
    for (let time = 20; time < 40; time += 1) ring.write(time, 7, time, 0);
    expect([before.cpu, before.count, before.firstIndex, before.lost]).toEqual([3, 16, 4, 4]);
    expect(before.records[0]).toBe(4);
    expect(ring.snapshot().firstIndex).toBe(24);
  });

  test('indices stay right when the count of events passes 2**32', () => {
    const ring = new TraceRing(0, 16, 'overwrite');
    // As after 2**32 - 8 events.
    const inside = ring as unknown as { next: number; stop: number; totals: Float64Array };
    inside.next = -8;
    inside.totals[0] = 2 ** 32 - 8;
    inside.stop = -8 + 2 ** 30;
    for (let time = 0; time < 24; time += 1) ring.write(time, 1_048_575, time, 0);
    expect(ring.head).toBe(2 ** 32 + 16);
    expect(eventCode(ring.snapshot().records, 15)).toBe(1_048_575);
    expect(ring.snapshot().records[0]).toBe(8);
    ring.checkInvariants();
  });

  test('an event takes 32 bytes', () => {
    const ring = new TraceRing(0, 1024, 'overwrite');
    const { data } = ring as unknown as { data: Float64Array };
    expect(data.byteLength / ring.capacity).toBe(32);
    for (let time = 0; time < 1024; time += 1) ring.write(time, 7, time, 0);
    expect(ring.snapshot().records.byteLength / 1024).toBe(32);
    expect(sharedRingBytes(2048) - sharedRingBytes(1024)).toBe(1024 * 32);
  });

  test('a capacity that is no power of two in range is refused', () => {
    for (const capacity of [0, 8, 100, 2 ** 25, Number.NaN]) {
      expect(() => new TraceRing(0, capacity, 'discard')).toThrow(/power of two 16..16777216/);
    }
  });
});
