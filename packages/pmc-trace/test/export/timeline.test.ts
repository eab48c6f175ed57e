import { setFlagsFromString } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { Timeline, type TimelineEvent } from '../../src/export/timeline.js';
import { Tracer } from '../../src/index.js';

/** True where V8 gives two objects one hidden class. */
function haveSameMap(): (a: object, b: object) => boolean {
  setFlagsFromString('--allow-natives-syntax');
  const answer = new Function('a', 'b', 'return %HaveSameMap(a, b)');
  setFlagsFromString('--no-allow-natives-syntax');
  return answer as (a: object, b: object) => boolean;
}

/** Events of `cpus` rings, all at the times that `times` says. */
function recorded(times: readonly (readonly number[])[]) {
  const tracer = new Tracer({ cpuCount: times.length, capacity: 64 });
  const kind = tracer.registry.register({ name: 'span' });
  times.forEach((list, cpu) => {
    let next = 0;
    const emitter = tracer.emitter({ now: () => list[next++] }, cpu);
    for (let event = 0; event < list.length; event += 1) {
      if (event % 2 === 0) emitter.begin(kind, event);
      else emitter.end(kind, event);
    }
  });
  return tracer.snapshot();
}

describe('Timeline', () => {
  test('the events of all timelines of a process have one hidden class', () => {
    const sameMap = haveSameMap();
    const snapshot = recorded([[1.5, 2, 3, 4]]);
    const seen: TimelineEvent[] = [];
    // V8 settles the shape of a literal's copies after some eight of them.
    for (let round = 0; round < 32; round += 1) {
      const timeline = new Timeline({ event: (event) => seen.push(event), lost: () => {} });
      timeline.write(snapshot);
      timeline.end();
    }
    expect(seen).toHaveLength(128);
    for (const event of seen) expect(sameMap(seen[0], event)).toBe(true);
  });

  test('at equal times the lower CPU goes first and each keeps its order, so that nesting holds', () => {
    const order: string[] = [];
    const timeline = new Timeline({
      event: ({ cpu, phase, a }) => order.push(`${cpu}:${phase}:${a}`),
      lost: () => {},
    });
    timeline.write(
      recorded([
        [5, 5, 5, 5],
        [5, 5],
        [4, 5],
      ]),
    );
    expect(order).toEqual(['2:1:0', '0:1:0', '0:2:1', '0:1:2', '0:2:3', '1:1:0', '1:2:1', '2:2:1']);
  });
});
