import { ArgumentError, assert, checkPowerOfTwo } from '@hotpath/hw-x86';
import { RECORD_DOUBLES, type RingEvents } from './ring.js';

// Int32 cells of the header, each on a cache line of its own: writer and reader do not share one.
const PUBLISHED = 0;
const TAIL = 16;
const HEADER_BYTES = 192;
// Float64 cells of the header, written by the writer only.
const LOST = 16;
/** `word[1] = (index mod 2**32) * CODE_UNIT + code`; exact, since it stays below 2**52. */
const CODE_UNIT = 1_048_576;
/** An overwriting writer never has to look at the tail; its stop moves on. */
const LOOK_AGAIN = 2 ** 30;

/** What a shared ring does when it is full: keep the newest events, or keep those not yet read. */
export type SharedRingMode = 'overwrite' | 'discard';

/** Bytes of a shared ring for `capacity` events. */
export function sharedRingBytes(capacity: number): number {
  checkPowerOfTwo('ERR_RING_CAPACITY', 'ring capacity in events', capacity, 16, 2 ** 24);
  return HEADER_BYTES + capacity * RECORD_DOUBLES * 8;
}

function capacityOf(buffer: SharedArrayBuffer): number {
  const capacity = (buffer.byteLength - HEADER_BYTES) / (RECORD_DOUBLES * 8);
  if (!Number.isInteger(capacity) || capacity < 16) {
    throw new ArgumentError(
      'ERR_RING_BUFFER',
      `shared ring has ${buffer.byteLength} bytes; allowed: what sharedRingBytes answers`,
    );
  }
  return checkPowerOfTwo('ERR_RING_CAPACITY', 'ring capacity in events', capacity, 16, 2 ** 24);
}

/**
 * The writing side of a ring in shared memory: one worker writes, another thread reads. An event costs
 * an atomic store more than in a ring of one thread. No lock, nobody waits.
 *
 * Protocol: the record is written first, then its index + 1 is published with sequential consistency,
 * so a reader that sees the index sees the record. Indices are published modulo 2**32.
 *
 * Invariant: in discard mode `head - tail <= capacity`, `tail` being what the reader has freed.
 */
export class SharedRingWriter {
  readonly capacity: number;
  private readonly header: Int32Array;
  private readonly doubles: Float64Array;
  private readonly data: Float64Array;
  private readonly mask: number;
  private next: number;
  // Index, modulo 2**32, at which the writer must look at the tail again.
  private stop: number;
  private readonly overwrites: boolean;

  /** @throws ArgumentError ERR_RING_BUFFER, ERR_RING_CAPACITY */
  constructor(buffer: SharedArrayBuffer, mode: SharedRingMode) {
    this.capacity = capacityOf(buffer);
    this.header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.doubles = new Float64Array(buffer, 0, HEADER_BYTES / 8);
    this.data = new Float64Array(buffer, HEADER_BYTES);
    this.mask = this.capacity - 1;
    this.overwrites = mode === 'overwrite';
    this.next = Atomics.load(this.header, PUBLISHED);
    this.stop = this.next;
  }

  /** Appends an event; times must not go backwards. */
  write(time: number, code: number, a: number, b: number): void {
    const head = this.next;
    if (head === this.stop && !this.makeRoom()) return;
    const data = this.data;
    // `|` as in TraceRing.write; a literal, not CODE_UNIT, of which bundlers make a variable.
    const at = (head & this.mask) << 2;
    data[at] = time;
    data[at | 1] = (head >>> 0) * 1_048_576 + code;
    data[at | 2] = a;
    data[at | 3] = b;
    this.next = (head + 1) | 0;
    Atomics.store(this.header, PUBLISHED, this.next);
  }

  private makeRoom(): boolean {
    if (this.overwrites) {
      this.stop = (this.next + LOOK_AGAIN) | 0;
      return true;
    }
    const waiting = (this.next - Atomics.load(this.header, TAIL)) >>> 0;
    assert(waiting <= this.capacity, 'the reader is not ahead of the writer');
    this.stop = (this.next - waiting + this.capacity) | 0;
    if (this.next !== this.stop) return true;
    this.doubles[LOST] += 1;
    return false;
  }
}

/**
 * The reading side of a shared ring. Reads may run while the writer writes: what is overwritten during
 * the copy is dropped and counted, so that no torn event is ever seen.
 *
 * A reader looks at least once in 2**32 events.
 */
export class SharedRingReader {
  readonly capacity: number;
  readonly cpu: number;
  private readonly header: Int32Array;
  private readonly doubles: Float64Array;
  private readonly data: Float64Array;
  private readonly overwrites: boolean;
  private head = 0;
  private tail = 0;
  private lostBefore = 0;

  /** @throws ArgumentError ERR_RING_BUFFER, ERR_RING_CAPACITY */
  constructor(buffer: SharedArrayBuffer, mode: SharedRingMode, cpu: number) {
    this.capacity = capacityOf(buffer);
    this.cpu = cpu;
    this.header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.doubles = new Float64Array(buffer, 0, HEADER_BYTES / 8);
    this.data = new Float64Array(buffer, HEADER_BYTES);
    this.overwrites = mode === 'overwrite';
  }

  /** Copies what is here, oldest first; the ring keeps it. */
  snapshot(): RingEvents {
    return this.copy();
  }

  /** Copies what is here and frees it. */
  consume(): RingEvents {
    const events = this.copy();
    this.tail = events.firstIndex + events.count;
    if (this.overwrites) this.lostBefore = events.lost;
    else Atomics.store(this.header, TAIL, this.tail | 0);
    return events;
  }

  /** Events that nobody will see, as far as is known now. */
  get lost(): number {
    return this.copy().lost;
  }

  private advance(): number {
    const low = Atomics.load(this.header, PUBLISHED);
    this.head += (low - this.head) >>> 0;
    return this.head;
  }

  private copy(): RingEvents {
    const { capacity, data } = this;
    const end = this.advance();
    let first = Math.max(this.tail, end - capacity);
    const copied = new Float64Array((end - first) * RECORD_DOUBLES);
    const start = first % capacity;
    const before = Math.min(end - first, capacity - start);
    copied.set(data.subarray(start * RECORD_DOUBLES, (start + before) * RECORD_DOUBLES));
    const wrapped = end - first - before;
    copied.set(data.subarray(0, wrapped * RECORD_DOUBLES), before * RECORD_DOUBLES);
    let skipped = 0;
    if (this.overwrites) {
      // The writer may have gone on: it is writing index `now`, where `now - capacity` was.
      const safe = Math.min(end, this.advance() + 1 - capacity);
      if (safe > first) skipped = safe - first;
    }
    first += skipped;
    const count = end - first;
    const records = copied.subarray(skipped * RECORD_DOUBLES);
    for (let event = 0; event < count; event += 1) {
      const sequence = Math.floor(records[event * RECORD_DOUBLES + 1] / CODE_UNIT);
      assert(sequence === (first + event) % 2 ** 32, 'a shared slot holds its sequence');
    }
    const lost = this.overwrites ? this.lostBefore + first - this.tail : this.doubles[LOST];
    return { cpu: this.cpu, count, records, firstIndex: first, lost, lossAtEnd: !this.overwrites };
  }
}
