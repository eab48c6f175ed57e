import { assert, checkPowerOfTwo } from '@hotpath/hw-x86';

/**
 * What a ring does when it is full: `overwrite` its oldest events (flight recorder), `discard` the
 * new ones, or `stream`: call its drain to make room, and discard only if that made none.
 */
export type RingMode = 'overwrite' | 'discard' | 'stream';

/** Doubles per event: time, code, a, b. 32 bytes. */
export const RECORD_DOUBLES = 4;
/**
 * `word[1] & CODE_MASK` is the code: `&` works on the number modulo 2**32. Above it a ring in shared
 * memory keeps the event's index; this one needs none, since its only thread is also its reader.
 */
export const CODE_MASK = 1_048_575;

// Cells of `totals`.
const BASE = 0;
const TAIL = 1;
const LOST = 2;
const TOTALS_CELLS = 3;
/** In overwrite mode the writer looks up from its counter this often, to carry it into `base`. */
const CARRY = 2 ** 30;

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
 * Ring of one CPU: 32 bytes an event, about 3 ns to write, nothing allocated. Only its own CPU writes.
 *
 * Indices are counted modulo 2**32 in `next` and in full by `head`: `base` is the full index at which
 * the writer last left its fast path, less than 2**32 events ago.
 *
 * Invariants: `tail <= head`; outside overwrite mode `head - tail <= capacity`;
 * `emitted === head + lost` outside overwrite mode; every event that is here has a code below 2**20.
 */
export class TraceRing {
  /** Number of events that fit. */
  readonly capacity: number;
  /** CPU or worker that writes it. */
  readonly cpu: number;
  readonly mode: RingMode;
  private readonly data: Float64Array;
  // Small integers in the object: the next event waits for this one's index, and in a typed array it
  // would wait 4 ns longer.
  private next = 0;
  private stop = 0;
  private readonly totals = new Float64Array(TOTALS_CELLS);
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
    this.advance();
  }

  /** Appends an event. `code` is `kind + phase * 65,536`; times must not go backwards. */
  write(time: number, code: number, a: number, b: number): void {
    if (this.next === this.stop && !this.makeRoom()) return;
    const head = this.next;
    const data = this.data;
    // `|`, not `+`: for all that V8 knows a sum could leave 32 bits, which costs a fifteenth more.
    const at = (head & this.mask) << 2;
    data[at] = time;
    data[at | 1] = code;
    data[at | 2] = a;
    data[at | 3] = b;
    this.next = (head + 1) | 0;
  }

  /** Events written since the ring was made; only grows. */
  get head(): number {
    const base = this.totals[BASE];
    // What was written since `base`, modulo 2**32 and so exactly.
    return base + ((this.next - base) >>> 0);
  }

  /** Index of the oldest event still here. */
  get oldest(): number {
    const tail = this.totals[TAIL];
    return this.mode === 'overwrite' ? Math.max(tail, this.head - this.capacity) : tail;
  }

  /** Events that no reader will ever see: overwritten before they were consumed, or discarded. */
  get lost(): number {
    return this.totals[LOST] + (this.oldest - this.totals[TAIL]);
  }

  /** Copies what is here, oldest first; the ring keeps it. One or two block copies. */
  snapshot(): RingEvents {
    return this.copy();
  }

  /** Copies what is here and frees it. Loss up to now stays counted. */
  consume(): RingEvents {
    const events = this.copy();
    this.totals[LOST] = events.lost;
    this.totals[TAIL] = events.firstIndex + events.count;
    this.advance();
    return events;
  }

  /** Carries the counter into `base` and sets how far the writer may go without looking up. */
  private advance(): void {
    const head = this.head;
    this.totals[BASE] = head;
    const limit = this.mode === 'overwrite' ? head + CARRY : this.totals[TAIL] + this.capacity;
    this.stop = (limit % 2 ** 32) | 0;
  }

  private copy(): RingEvents {
    const firstIndex = this.oldest;
    const count = this.head - firstIndex;
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
    if (this.drain !== null && !this.draining) {
      // A drain that emits into its own ring must not drain again from inside.
      this.draining = true;
      try {
        this.drain.drain(this);
      } finally {
        this.draining = false;
      }
    }
    this.advance();
    if (this.next !== this.stop) return true;
    this.totals[LOST] += 1;
    return false;
  }

  /** Throws InvariantError where the ring's cells are inconsistent or an event is none. */
  checkInvariants(): void {
    const head = this.head;
    assert(this.totals[TAIL] <= head, 'tail is not past head');
    assert(this.totals[BASE] <= head, 'base is not past head');
    const room = (this.stop - this.next) >>> 0;
    assert(room <= Math.max(CARRY, this.capacity), 'head is not past the stop');
    assert(this.oldest >= head - this.capacity, 'at most capacity events are here');
    for (let index = this.oldest; index < head; index += 1) {
      const code = this.data[(index & this.mask) * RECORD_DOUBLES + 1];
      assert(code === (code & CODE_MASK), 'an event has a code of 20 bits');
    }
  }
}
