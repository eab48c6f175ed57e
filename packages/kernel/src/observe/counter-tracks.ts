import type { Cpu } from '@hotpath/hw-x86';
import { COUNTER_TRACKS, TRACE_COUNTER, TRACE_SWITCH } from '../trace-events.js';
import type { EventListener, EventTap } from './event-tap.js';

/** Writes the counters of a trace where they have changed, at each change of task. */
export class CounterTracks implements EventListener {
  readonly #tap: EventTap;
  readonly #read: (into: Float64Array) => void;
  readonly #now = new Float64Array(COUNTER_TRACKS.length);
  readonly #last = new Float64Array(COUNTER_TRACKS.length);

  /** @param read - fills in the values, in the order of COUNTER_TRACKS */
  constructor(tap: EventTap, read: (into: Float64Array) => void) {
    this.#tap = tap;
    this.#read = read;
  }

  /** From now on; each counter is written at the next change of task. */
  start(): void {
    this.#last.fill(Number.NaN);
    this.#tap.listen(this, [TRACE_SWITCH]);
  }

  stop(): void {
    this.#tap.ignore(this);
  }

  event(_kind: number, _from: number, _to: number, _cpu: Cpu): void {
    const now = this.#now;
    this.#read(now);
    for (let i = 0; i < now.length; i++) {
      if (now[i] === this.#last[i]) continue;
      this.#last[i] = now[i];
      this.#tap.emit(TRACE_COUNTER + i, now[i], 0);
    }
  }
}
