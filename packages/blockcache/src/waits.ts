/**
 * Waits as two words, (sink, tag), pooled; and the queue of wake-ups that `reap()` delivers. Nothing
 * is allocated once the pools have reached their size.
 */
import { assert, type Completion, NIL } from '@hotpath/hw-x86';

const FIRST_POOL = 64;
const BUCKETS = 64;

/** Who waits for which slot. Several may wait for one. */
export class Waits {
  #sinks: (Completion | null)[] = [];
  #tags = new Float64Array(FIRST_POOL);
  #slots = new Int32Array(FIRST_POOL);
  #next = new Int32Array(FIRST_POOL);
  #free = NIL;
  #used = 0;
  /** Oldest and youngest wait of each bucket; a wait for slot s is in bucket `s % BUCKETS`. */
  readonly #first = new Int32Array(BUCKETS).fill(NIL);
  readonly #last = new Int32Array(BUCKETS).fill(NIL);
  /** Waits outstanding. */
  count = 0;

  /** Adds a wait for `slot`, behind the earlier ones. */
  add(slot: number, sink: Completion, tag: number): void {
    let wait = this.#free;
    if (wait === NIL) {
      if (this.#used === this.#tags.length) this.#grow();
      wait = this.#used;
      this.#used += 1;
    } else {
      this.#free = this.#next[wait];
    }
    this.#sinks[wait] = sink;
    this.#tags[wait] = tag;
    this.#slots[wait] = slot;
    this.#next[wait] = NIL;
    const bucket = slot % BUCKETS;
    const last = this.#last[bucket];
    if (last === NIL) this.#first[bucket] = wait;
    else this.#next[last] = wait;
    this.#last[bucket] = wait;
    this.count += 1;
  }

  /** Whether somebody waits for `slot`. */
  has(slot: number): boolean {
    for (let w = this.#first[slot % BUCKETS]; w !== NIL; w = this.#next[w]) {
      if (this.#slots[w] === slot) return true;
    }
    return false;
  }

  /** Moves all waits for `slot`, oldest first, into `ready` with this result; how many. */
  wake(slot: number, result: number, ready: ReadyQueue): number {
    const bucket = slot % BUCKETS;
    let woken = 0;
    let before = NIL;
    let wait = this.#first[bucket];
    while (wait !== NIL) {
      const next = this.#next[wait];
      if (this.#slots[wait] === slot) {
        if (before === NIL) this.#first[bucket] = next;
        else this.#next[before] = next;
        if (next === NIL) this.#last[bucket] = before;
        ready.push(this.#sinks[wait] as Completion, this.#tags[wait], result);
        this.#sinks[wait] = null;
        this.#next[wait] = this.#free;
        this.#free = wait;
        woken += 1;
      } else {
        before = wait;
      }
      wait = next;
    }
    this.count -= woken;
    return woken;
  }

  #grow(): void {
    const room = this.#tags.length * 2;
    const tags = new Float64Array(room);
    tags.set(this.#tags);
    this.#tags = tags;
    const slots = new Int32Array(room);
    slots.set(this.#slots);
    this.#slots = slots;
    const next = new Int32Array(room);
    next.set(this.#next);
    this.#next = next;
  }

  /** Throws InvariantError unless the buckets hold exactly `count` waits. */
  checkInvariants(): void {
    let found = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      let last = NIL;
      for (let w = this.#first[bucket]; w !== NIL; w = this.#next[w]) {
        assert(this.#slots[w] % BUCKETS === bucket, 'waits: a wait is in a wrong bucket');
        assert(this.#sinks[w] !== null, 'waits: a wait has no sink');
        last = w;
        found += 1;
      }
      assert(this.#last[bucket] === last, 'waits: the last of a bucket is not its end');
    }
    assert(found === this.count, 'waits: the count is wrong');
  }
}

/** First in, first out queue of wake-ups; delivered by the owner's `reap()` and nowhere else. */
export class ReadyQueue {
  #sinks: (Completion | null)[] = new Array<Completion | null>(FIRST_POOL).fill(null);
  #tags = new Float64Array(FIRST_POOL);
  #results = new Float64Array(FIRST_POOL);
  #head = 0;
  /** Wake-ups not delivered yet. */
  count = 0;

  /** Appends a wake-up. */
  push(sink: Completion, tag: number, result: number): void {
    if (this.count === this.#tags.length) this.#grow();
    const at = (this.#head + this.count) % this.#tags.length;
    this.#sinks[at] = sink;
    this.#tags[at] = tag;
    this.#results[at] = result;
    this.count += 1;
  }

  /** Delivers the oldest wake-up; there must be one. The sink may push further ones. */
  deliver(): void {
    assert(this.count > 0, 'ready queue: nothing to deliver');
    const at = this.#head;
    const sink = this.#sinks[at] as Completion;
    this.#sinks[at] = null;
    this.#head = (at + 1) % this.#tags.length;
    this.count -= 1;
    sink.completed(this.#tags[at], this.#results[at]);
  }

  #grow(): void {
    const room = this.#tags.length;
    const tags = new Float64Array(room * 2);
    const results = new Float64Array(room * 2);
    const sinks = new Array<Completion | null>(room * 2).fill(null);
    for (let i = 0; i < this.count; i++) {
      const from = (this.#head + i) % room;
      tags[i] = this.#tags[from];
      results[i] = this.#results[from];
      sinks[i] = this.#sinks[from];
    }
    this.#tags = tags;
    this.#results = results;
    this.#sinks = sinks;
    this.#head = 0;
  }
}
