import { assert, checkInteger } from '../errors.js';
import type { EventQueue, EventSink } from '../machine.js';
import type { Cycles } from '../units.js';

/** Told when an event earlier than all others was scheduled, so that a running CPU stops for it. */
export interface HorizonSink {
  horizon(time: Cycles): void;
}

/**
 * Binary heap over columns, ordered by (time, sequence). Nothing is allocated but when the columns
 * double.
 *
 * For every i > 0: (time[i], sequence[i]) > (time[(i-1)>>1], sequence[(i-1)>>1]).
 */
export class ModelEventQueue implements EventQueue {
  #time = new Float64Array(64);
  #sequence = new Float64Array(64);
  #target = new Int32Array(64);
  #tag = new Float64Array(64);
  #count = 0;
  #scheduled = 0;
  readonly #targets: EventSink[] = [];
  readonly #horizon: HorizonSink;

  constructor(horizon: HorizonSink) {
    this.#horizon = horizon;
  }

  get nextTime(): Cycles {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : this.#time[0];
  }

  /** Events waiting. */
  get size(): number {
    return this.#count;
  }

  register(target: EventSink): number {
    this.#targets.push(target);
    return this.#targets.length - 1;
  }

  /** O(log n). The tag is a safe integer. */
  schedule(time: Cycles, target: number, tag: number): void {
    if (!(time >= 0) || !Number.isSafeInteger(tag)) {
      checkInteger('ERR_EVENT', 'event tag', tag, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      checkInteger('ERR_EVENT', 'event time', time, 0, Number.MAX_SAFE_INTEGER);
    }
    if (this.#targets[target] === undefined) {
      checkInteger('ERR_EVENT', 'event target', target, 0, this.#targets.length - 1);
    }
    if (this.#count === this.#time.length) this.#grow();
    const sequence = ++this.#scheduled;
    let at = this.#count++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#time[parent] <= time) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, time, sequence, target, tag);
    if (at === 0) this.#horizon.horizon(time);
  }

  /** Takes the earliest event out and calls its target; answers its time. */
  dispatch(): Cycles {
    assert(this.#count > 0, 'event queue: nothing to dispatch');
    const time = this.#time[0];
    const target = this.#target[0];
    const tag = this.#tag[0];
    this.#removeFirst();
    this.#targets[target].event(time, tag);
    return time;
  }

  /** Everything that waits, for snapshots and hashes. */
  save(): EventQueueState {
    return {
      time: this.#time.slice(0, this.#count),
      sequence: this.#sequence.slice(0, this.#count),
      target: this.#target.slice(0, this.#count),
      tag: this.#tag.slice(0, this.#count),
      scheduled: this.#scheduled,
    };
  }

  /** Puts a saved queue back; the targets must have been registered in the same order. */
  load(state: EventQueueState): void {
    const count = state.time.length;
    while (this.#time.length < count) this.#grow();
    for (let i = 0; i < count; i++) {
      assert(state.target[i] < this.#targets.length, 'event queue: unregistered target');
      this.#put(i, state.time[i], state.sequence[i], state.target[i], state.tag[i]);
    }
    this.#count = count;
    this.#scheduled = state.scheduled;
    this.#horizon.horizon(this.nextTime);
  }

  /** Checks the heap order; for tests. */
  checkInvariants(): void {
    for (let i = 1; i < this.#count; i++) {
      const parent = (i - 1) >> 1;
      assert(!this.#before(i, parent), 'event queue: heap order');
      assert(this.#sequence[i] <= this.#scheduled, 'event queue: sequence from the future');
    }
  }

  #before(a: number, b: number): boolean {
    if (this.#time[a] !== this.#time[b]) return this.#time[a] < this.#time[b];
    return this.#sequence[a] < this.#sequence[b];
  }

  #removeFirst(): void {
    const last = --this.#count;
    if (last === 0) return;
    const time = this.#time[last];
    const sequence = this.#sequence[last];
    const target = this.#target[last];
    const tag = this.#tag[last];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#before(child + 1, child)) child += 1;
      const childTime = this.#time[child];
      if (time < childTime || (time === childTime && sequence < this.#sequence[child])) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, time, sequence, target, tag);
  }

  #move(from: number, to: number): void {
    this.#time[to] = this.#time[from];
    this.#sequence[to] = this.#sequence[from];
    this.#target[to] = this.#target[from];
    this.#tag[to] = this.#tag[from];
  }

  #put(at: number, time: number, sequence: number, target: number, tag: number): void {
    this.#time[at] = time;
    this.#sequence[at] = sequence;
    this.#target[at] = target;
    this.#tag[at] = tag;
  }

  #grow(): void {
    const time = new Float64Array(this.#time.length * 2);
    time.set(this.#time);
    this.#time = time;
    const sequence = new Float64Array(time.length);
    sequence.set(this.#sequence);
    this.#sequence = sequence;
    const target = new Int32Array(time.length);
    target.set(this.#target);
    this.#target = target;
    const tag = new Float64Array(time.length);
    tag.set(this.#tag);
    this.#tag = tag;
  }
}

/** What {@link ModelEventQueue.save} answers. */
export interface EventQueueState {
  readonly time: Float64Array;
  readonly sequence: Float64Array;
  readonly target: Int32Array;
  readonly tag: Float64Array;
  readonly scheduled: number;
}
