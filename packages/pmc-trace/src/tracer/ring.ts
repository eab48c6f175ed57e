import { assert, checkPowerOfTwo } from '@hotpath/hw-x86';

/**
 * What a ring does when it is full: `overwrite` its oldest events (flight recorder), `discard` the
 * new ones, or `stream`: call its drain to make room, and discard only if that made none.
 */
export type RingMode = 'overwrite' | 'discard' | 'stream';

/** Doubles per event: time, code and sequence, a, b. 32 bytes. */
export const RECORD_DOUBLES = 4;
/** `word[1] = (index mod 2**32) * CODE_UNIT + code`; exact, since it stays below 2**52. */
export const CODE_UNIT = 1_048_576;
/** `word[1] & CODE_MASK` is the code: `&` works on the number modulo 2**32. */
export const CODE_MASK = CODE_UNIT - 1;

// Cells of `state`.
const HEAD = 0;
const STOP = 1;
const TAIL = 2;
const LOST = 3;
const STATE_CELLS = 4;

/** Called by a ring in stream mode when it is full; takes events with `consume`. */
export interface RingDrain {
  drain(ring: TraceRing): void;
}

/** A consistent copy of a ring's events, oldest first. */
export interface RingEvents {
  readonly cpu: number;
  /** Number of events. */
  readonly count: number;
  /** RECORD_DOUBLES doubles per event: time, code (see `eventCode`), a, b. */
  readonly records: Float64Array;
  /** Index of the first event since the ring was made; `firstIndex + count` is the head. */
  readonly firstIndex: number;
  /** Events emitted since the ring was made that are not here and were not consumed before. */
  readonly lost: number;
  /** Where loss that was not reported before lies: before the first event, or after the last. */
  readonly lossAtEnd: boolean;
}

/** Code of an event of a record: `kind + phase * 65,536`. */
export function eventCode(records: Float64Array, event: number): number {
  return records[event * RECORD_DOUBLES + 1] & CODE_MASK;
}

/**
 * Ring of one CPU: 32 bytes an event, 2.5 ns to write, nothing allocated. Only its own CPU writes.
 *
 * Invariants: `tail <= head`; outside overwrite mode `head - tail <= capacity`;
 * `emitted === head + lost` outside overwrite mode; the slot of index i holds sequence i mod 2**32.
 */
export class TraceRing {
  /** Number of events that fit. */
  readonly capacity: number;
  /** CPU or worker that writes it. */
  readonly cpu: number;
  readonly mode: RingMode;
  private readonly data: Float64Array;
  private readonly state = new Float64Array(STATE_CELLS);
  private readonly mask: number;
  private readonly drain: RingDrain | null;
  private draining = false;

  /**
   * @param capacity - events, a power of two, 16..2**24
   * @param drain - who takes the events in stream mode
   * @throws ArgumentError ERR_RING_CAPACITY
   */
  constructor(cpu: number, capacity: number, mode: RingMode, drain: RingDrain | null = null) {
    checkPowerOfTwo('ERR_RING_CAPACITY', 'ring capacity in events', capacity, 16, 2 ** 24);
    this.cpu = cpu;
    this.capacity = capacity;
    this.mode = mode;
    this.drain = drain;
    this.mask = capacity - 1;
    this.data = new Float64Array(capacity * RECORD_DOUBLES);
    this.state[STOP] = mode === 'overwrite' ? Number.POSITIVE_INFINITY : capacity;
  }

  /** Appends an event. `code` is `kind + phase * 65,536`; times must not go backwards. */
  write(time: number, code: number, a: number, b: number): void {
    const state = this.state;
    let head = state[HEAD];
    if (head >= state[STOP]) {
      if (!this.makeRoom()) return;
      head = state[HEAD];
    }
    const data = this.data;
    const at = (head & this.mask) * RECORD_DOUBLES;
    data[at] = time;
    data[at + 1] = (head >>> 0) * CODE_UNIT + code;
    data[at + 2] = a;
    data[at + 3] = b;
    state[HEAD] = head + 1;
  }

  /** Events written since the ring was made; only grows. */
  get head(): number {
    return this.state[HEAD];
  }

  /** Index of the oldest event still here. */
  get oldest(): number {
    const tail = this.state[TAIL];
    return this.mode === 'overwrite' ? Math.max(tail, this.state[HEAD] - this.capacity) : tail;
  }

  /** Events that no reader will ever see: overwritten before they were consumed, or discarded. */
  get lost(): number {
    return this.state[LOST] + (this.oldest - this.state[TAIL]);
  }

  /** Copies what is here, oldest first; the ring keeps it. One or two block copies. */
  snapshot(): RingEvents {
    return this.copy();
  }

  /** Copies what is here and frees it. Loss up to now stays counted. */
  consume(): RingEvents {
    const events = this.copy();
    const state = this.state;
    state[LOST] = events.lost;
    state[TAIL] = state[HEAD];
    if (this.mode !== 'overwrite') state[STOP] = state[HEAD] + this.capacity;
    return events;
  }

  private copy(): RingEvents {
    const firstIndex = this.oldest;
    const count = this.state[HEAD] - firstIndex;
    assert(count >= 0 && count <= this.capacity, 'a ring holds at most its capacity');
    const records = new Float64Array(count * RECORD_DOUBLES);
    const start = firstIndex % this.capacity;
    const before = Math.min(count, this.capacity - start);
    const data = this.data;
    records.set(data.subarray(start * RECORD_DOUBLES, (start + before) * RECORD_DOUBLES));
    records.set(data.subarray(0, (count - before) * RECORD_DOUBLES), before * RECORD_DOUBLES);
    const lossAtEnd = this.mode !== 'overwrite';
    return { cpu: this.cpu, count, records, firstIndex, lost: this.lost, lossAtEnd };
  }

  /** True if there is room now. Counts the event as lost if not. */
  private makeRoom(): boolean {
    const state = this.state;
    if (this.drain !== null && !this.draining) {
      // A drain that emits into its own ring must not drain again from inside.
      this.draining = true;
      try {
        this.drain.drain(this);
      } finally {
        this.draining = false;
      }
      if (state[HEAD] < state[STOP]) return true;
    }
    state[LOST] += 1;
    return false;
  }

  /** Throws InvariantError where the ring's cells or sequences are inconsistent. */
  checkInvariants(): void {
    const head = this.state[HEAD];
    assert(this.state[TAIL] <= head, 'tail is not past head');
    assert(head <= this.state[STOP], 'head is not past the stop');
    assert(this.oldest >= head - this.capacity, 'at most capacity events are here');
    for (let index = this.oldest; index < head; index += 1) {
      const word = this.data[(index & this.mask) * RECORD_DOUBLES + 1];
      assert(Math.floor(word / CODE_UNIT) === index % 2 ** 32, 'a slot holds its sequence');
    }
  }
}
