/**
 * Where the time of disk requests goes, stage by stage, of one disk:
 *
 *   cache   from the miss in the block cache until the disk is asked (reads)
 *   queue   until the device takes the request up: it is full, or its head is elsewhere
 *   device  until it is done
 *   wake    until the interrupt has told the cache
 *
 * It is the disk's trace hook and stands between the disk and the block cache; it charges nothing.
 */

import { TRACE_BLOCK_MISS } from '@hotpath/blockcache';
import type { BlockDevice, BlockRequest, Clock, Cpu, TraceHook } from '@hotpath/hw-x86';
import {
  TRACE_DISK_DISCARD,
  TRACE_DISK_DONE,
  TRACE_DISK_READ,
  TRACE_DISK_START,
} from '@hotpath/hw-x86/model';
import { LogLinearHistogram } from '@hotpath/pmc-trace';
import { TRACE_IO, TRACE_IO_DONE } from '../trace-events.js';
import type { EventListener, EventTap } from './event-tap.js';

/** Operations, in the order of their numbers. */
export const IO_OPERATIONS = ['read', 'write', 'flush', 'discard'] as const;
/** Stages of a request, in their order. */
export const IO_STAGES = ['cache', 'queue', 'device', 'wake', 'total'] as const;

const STAGE_CACHE = 0;
const STAGE_QUEUE = 1;
const STAGE_DEVICE = 2;
const STAGE_WAKE = 3;
const STAGE_TOTAL = 4;

/** Cycles that one stage of one operation took. */
export interface StageLatency {
  readonly operation: (typeof IO_OPERATIONS)[number];
  readonly stage: (typeof IO_STAGES)[number];
  readonly cycles: LogLinearHistogram;
}

/** Sums of a disk since boot. */
export interface BlockIoTotals {
  /** Requests that are done, by operation, and the blocks that they moved. */
  readonly requests: readonly number[];
  readonly blocks: readonly number[];
  readonly errors: number;
  /** Requests under way now. */
  readonly inFlight: number;
  /** Cycles in which at least one was under way. */
  readonly busyCycles: number;
  /** Sum over all requests of their cycles from submit to done. */
  readonly waitCycles: number;
}

interface Flight {
  readonly op: number;
  readonly blockCount: number;
  /** Time of the miss that caused it, or of the submit. */
  readonly missed: number;
  readonly submitted: number;
  started: number;
  done: number;
}

/** What it is made over. */
export interface BlockIoPorts {
  readonly tap: EventTap;
  readonly clock: Clock;
}

/** The stages of one disk's requests. */
export class BlockIo implements TraceHook, EventListener {
  readonly #clock: Clock;
  readonly #tap: EventTap;
  readonly #histograms = IO_OPERATIONS.map(() => IO_STAGES.map(() => new LogLinearHistogram()));
  readonly #flights = new Map<number, Flight>();
  /** Done, and nobody has been told. */
  #finished: Flight[] = [];
  /** Time of the miss, by block. */
  readonly #missed = new Map<number, number>();
  readonly #requests = IO_OPERATIONS.map(() => 0);
  readonly #blocks = IO_OPERATIONS.map(() => 0);
  #errors = 0;
  #busy = 0;
  #busySince = 0;
  #wait = 0;
  #blockCount = 0;

  constructor(ports: BlockIoPorts) {
    this.#clock = ports.clock;
    this.#tap = ports.tap;
    ports.tap.listen(this, [TRACE_BLOCK_MISS]);
  }

  /** The disk as the block cache is to see it. */
  over(device: BlockDevice): BlockDevice {
    const { blockBytes, blockCount, readOnly, volatileCache } = device;
    const submit = (request: BlockRequest): number => {
      // The disk tells its hook of the submit, but not of the length.
      this.#blockCount = request.blockCount;
      return device.submit(request);
    };
    const reap = (): number => {
      this.#deliver();
      return device.reap();
    };
    return { blockBytes, blockCount, readOnly, volatileCache, submit, reap };
  }

  /** Sums since boot. */
  totals(): BlockIoTotals {
    const isBusy = this.#flights.size > 0;
    return {
      requests: [...this.#requests],
      blocks: [...this.#blocks],
      errors: this.#errors,
      inFlight: this.#flights.size,
      busyCycles: this.#busy + (isBusy ? Math.max(0, this.#clock.now() - this.#busySince) : 0),
      waitCycles: this.#wait,
    };
  }

  /** Latency of each stage of each operation that there was. */
  latencies(): StageLatency[] {
    return IO_OPERATIONS.flatMap((operation, op) =>
      IO_STAGES.map((stage, index) => ({ operation, stage, cycles: this.#histograms[op][index] })),
    ).filter(({ cycles }) => cycles.count > 0);
  }

  event(_kind: number, _device: number, block: number, cpu: Cpu): void {
    if (!this.#missed.has(block)) this.#missed.set(block, cpu.cells[0]);
  }

  emit(kind: number, number: number, b: number): void {
    const now = this.#clock.now();
    if (kind >= TRACE_DISK_READ && kind <= TRACE_DISK_DISCARD) {
      this.#submitted(kind - TRACE_DISK_READ, number, b, now);
      return;
    }
    const flight = this.#flights.get(number);
    if (flight === undefined) return;
    if (kind === TRACE_DISK_START) flight.started = now;
    else if (kind === TRACE_DISK_DONE) this.#done(flight, number, b, now);
  }

  #submitted(op: number, number: number, block: number, now: number): void {
    const blockCount = op === 2 ? 0 : this.#blockCount;
    let missed = now;
    for (let i = 0; i < blockCount; i++) {
      // What is written was made anew: its miss was never to be read.
      if (op === 0) missed = Math.min(missed, this.#missed.get(block + i) ?? now);
      this.#missed.delete(block + i);
    }
    if (this.#flights.size === 0) this.#busySince = now;
    this.#flights.set(number, {
      op,
      blockCount,
      missed,
      submitted: now,
      started: now,
      done: now,
    });
    this.#tap.emit(TRACE_IO + op, number, block);
  }

  #done(flight: Flight, number: number, status: number, now: number): void {
    flight.done = now;
    this.#flights.delete(number);
    this.#finished.push(flight);
    this.#requests[flight.op] += 1;
    this.#blocks[flight.op] += flight.blockCount;
    if (status < 0) this.#errors += 1;
    this.#wait += Math.max(0, now - flight.submitted);
    if (this.#flights.size === 0) this.#busy += Math.max(0, now - this.#busySince);
    this.#tap.emit(TRACE_IO_DONE + flight.op, number, status);
  }

  /** The interrupt has come: what is done is told now. */
  #deliver(): void {
    if (this.#finished.length === 0) return;
    const now = this.#clock.now();
    for (const flight of this.#finished) {
      const stages = this.#histograms[flight.op];
      const { done, missed, started, submitted } = flight;
      if (flight.op === 0) stages[STAGE_CACHE].record(submitted - missed);
      stages[STAGE_QUEUE].record(started - submitted);
      stages[STAGE_DEVICE].record(done - started);
      stages[STAGE_WAKE].record(now - done);
      stages[STAGE_TOTAL].record(now - missed);
    }
    this.#finished = [];
  }
}
