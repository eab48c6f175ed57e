import {
  type BlockDevice,
  type BlockRequest,
  DISCARD,
  FLUSH,
  type InterruptLine,
  READ,
  WRITE,
} from '../../block-device.js';
import type { Clock } from '../../clock.js';
import { checkRequest, gather } from '../../dma.js';
import { assert } from '../../errors.js';
import type { EventQueue, EventSink } from '../../machine.js';
import { ETIMEDOUT, NIL, OK, PENDING } from '../../status.js';
import type { Cycles } from '../../units.js';
import type { DiskContents } from './contents.js';
import { type FaultPlan, faultStatus } from './fault-plan.js';
import { ACTIVE, DONE, Flight, FREE, WAITING } from './flight.js';
import type { Mechanism } from './mechanism.js';
import type { WriteLog } from './write-log.js';

/** Flights a disk can have, the base by which the epoch is folded into event tags. */
const FLIGHT_LIMIT = 2 ** 20;

/** What a disk is made of; the factories of create.ts put it together. */
export interface DiskParts {
  readonly name: string;
  readonly contents: DiskContents;
  readonly mechanism: Mechanism;
  readonly events: EventQueue;
  readonly clock: Clock;
  readonly lines: readonly InterruptLine[];
  readonly timeoutCycles: Cycles;
  readonly cyclesPerNs: number;
  readonly faults: FaultPlan | null;
  readonly log: WriteLog | null;
  readonly powerCutAt: number;
  readonly onPowerCut: (() => void) | null;
}

/** Totals since the disk was made; they only grow. */
export interface DiskTotals {
  readonly reads: number;
  readonly writes: number;
  readonly flushes: number;
  readonly discards: number;
  readonly blocksRead: number;
  readonly blocksWritten: number;
  /** Requests that ended with an errno. */
  readonly errors: number;
  /** Cycles from submit to completion, summed over requests. */
  readonly waitCycles: Cycles;
}

/**
 * A modelled disk: queues, completion events, DMA, faults and power. Data lies in
 * {@link DiskContents}, time in a {@link Mechanism}.
 *
 * A WRITE's data is fetched at submit and a READ's delivered at completion: both are legal for a
 * real controller and both are the harder choice for a program that touches a buffer in flight.
 */
export class ModelDisk implements BlockDevice, EventSink {
  readonly name: string;
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly volatileCache: boolean;
  readonly readOnly: boolean;
  /** One device per submission queue, each with its own interrupt line. The disk itself is `queues[0]`. */
  readonly queues: readonly BlockDevice[];
  /** Requests submitted plus requests finished: the operations at which the power can be cut. */
  operations = 0;
  /** False after a power cut: requests are swallowed until {@link ModelDisk.powerOn}. */
  powered = true;
  readonly #parts: DiskParts;
  readonly #target: number;
  readonly #flights: Flight[] = [];
  readonly #free: Flight[] = [];
  readonly #waiting: Flight[][];
  readonly #done: Flight[][];
  /** Medium accesses that wait for the head. */
  readonly #armQueue: Flight[] = [];
  #armBusy: Flight | null = null;
  #active = 0;
  #nextQueue = 0;
  #number = 0;
  #epoch = 0;
  readonly #totals = new Float64Array(8);

  constructor(parts: DiskParts) {
    const { contents } = parts;
    this.#parts = parts;
    this.name = parts.name;
    this.blockBytes = contents.blockBytes;
    this.blockCount = contents.blockCount;
    this.volatileCache = contents.volatileCache;
    this.readOnly = contents.readOnly;
    this.#target = parts.events.register(this);
    this.#waiting = parts.lines.map(() => []);
    this.#done = parts.lines.map(() => []);
    this.queues = parts.lines.map((_, queue) => (queue === 0 ? this : this.#queueDevice(queue)));
  }

  #queueDevice(queue: number): BlockDevice {
    const { blockBytes, blockCount, volatileCache, readOnly } = this;
    const submit = (request: BlockRequest): number => this.#submitTo(queue, request);
    const reap = (): number => this.#reapFrom(queue);
    return { blockBytes, blockCount, volatileCache, readOnly, submit, reap };
  }

  submit(request: BlockRequest): number {
    return this.#submitTo(0, request);
  }

  reap(): number {
    return this.#reapFrom(0);
  }

  #submitTo(queue: number, request: BlockRequest): number {
    const status = checkRequest(this, request);
    if (status !== OK) return status;
    if (!this.#operate()) return PENDING;
    const flight = this.#take(queue, request);
    this.#waiting[queue].push(flight);
    this.#admit(this.#parts.clock.now());
    return PENDING;
  }

  #take(queue: number, request: BlockRequest): Flight {
    const flight = this.#free.pop() ?? this.#newFlight();
    const { op, block, blockCount, fua } = request;
    const { log, faults, contents } = this.#parts;
    assert(flight.state === FREE, 'a flight of the pool is free');
    flight.state = WAITING;
    flight.request = request;
    flight.op = op;
    flight.fua = fua;
    flight.block = block;
    flight.blockCount = blockCount;
    flight.queue = queue;
    flight.number = this.#number++;
    flight.target = contents.flushTarget();
    flight.passedOver = 0;
    flight.status = OK;
    if (op === WRITE) {
      const byteCount = blockCount * this.blockBytes;
      gather(request, 0, flight.room(byteCount), 0, byteCount);
    }
    flight.logged =
      log === null || op === READ ? NIL : log.submitted(op, block, blockCount, fua, flight.data);
    flight.fault = faults === null ? NIL : faults.decide(op, block, blockCount);
    flight.submitTime = this.#parts.clock.now();
    return flight;
  }

  #newFlight(): Flight {
    assert(this.#flights.length < FLIGHT_LIMIT, 'fewer than 2**20 requests in flight');
    const flight = new Flight(this.#flights.length);
    this.#flights.push(flight);
    return flight;
  }

  /** Counts an operation; false when the power is off, or goes off before this one. */
  #operate(): boolean {
    if (!this.powered) return false;
    if (this.operations === this.#parts.powerCutAt) {
      this.cutPower();
      return false;
    }
    this.operations++;
    return true;
  }

  /** Takes requests from the queues in turn while the device has room. */
  #admit(now: Cycles): void {
    const waiting = this.#waiting;
    let empty = 0;
    while (this.#active < this.#parts.mechanism.depth && empty < waiting.length) {
      const queue = waiting[this.#nextQueue];
      this.#nextQueue = (this.#nextQueue + 1) % waiting.length;
      const flight = queue.shift();
      if (flight === undefined) {
        empty++;
        continue;
      }
      empty = 0;
      this.#active++;
      flight.state = ACTIVE;
      this.#start(flight, now);
    }
  }

  #start(flight: Flight, now: Cycles): void {
    const { mechanism, contents, faults, timeoutCycles } = this.#parts;
    if (faults !== null && flight.fault !== NIL && faults.rules[flight.fault].kind === 'hang') {
      this.#schedule(flight, now + timeoutCycles);
      return;
    }
    if (contents.cacheServes(flight)) {
      const byteCount = flight.op === READ || flight.op === WRITE ? flight.blockCount : 0;
      this.#schedule(flight, mechanism.transfer(now, byteCount * this.blockBytes));
    } else if (mechanism.serial) {
      this.#armQueue.push(flight);
      if (this.#armBusy === null) this.#moveArm(now);
    } else {
      this.#schedule(flight, this.#accessMedium(flight, now));
    }
  }

  #accessMedium(flight: Flight, now: Cycles): Cycles {
    const { mechanism, contents } = this.#parts;
    const { op, block, blockCount } = flight;
    if (op === FLUSH) return mechanism.destage(now, contents.dirtyBelow(flight.target));
    const overflow = op === WRITE && !flight.fua ? contents.overflow(blockCount) : null;
    if (overflow !== null) {
      const room = mechanism.destage(now, overflow);
      return mechanism.transfer(room, blockCount * this.blockBytes);
    }
    return mechanism.access(now, block, blockCount, op === WRITE);
  }

  /**
   * Shortest positioning time first, as NCQ drives choose; a request passed over twice the depth
   * of the queue goes next, so that none starves.
   */
  #moveArm(now: Cycles): void {
    const queue = this.#armQueue;
    if (queue.length === 0) return;
    const { mechanism } = this.#parts;
    let best = 0;
    let bestCycles = Infinity;
    for (let i = 0; i < queue.length; i++) {
      const flight = queue[i];
      if (flight.passedOver >= 2 * mechanism.depth) {
        best = i;
        break;
      }
      const cycles = flight.op === FLUSH ? 0 : mechanism.positioning(now, flight.block);
      if (cycles < bestCycles) {
        bestCycles = cycles;
        best = i;
      }
    }
    const flight = queue[best];
    queue.splice(best, 1);
    for (const other of queue) other.passedOver++;
    this.#armBusy = flight;
    this.#schedule(flight, this.#accessMedium(flight, now));
  }

  #schedule(flight: Flight, end: Cycles): void {
    const { faults, events, cyclesPerNs } = this.#parts;
    let time = end;
    if (faults !== null && flight.fault !== NIL) {
      time += Math.ceil((faults.rules[flight.fault].delayNs ?? 0) * cyclesPerNs);
    }
    events.schedule(time, this.#target, this.#epoch * FLIGHT_LIMIT + flight.index);
  }

  /** Called by the event queue: a request is finished, or timed out. */
  event(time: Cycles, tag: number): void {
    // Events of the time before a power cut are void.
    if (Math.floor(tag / FLIGHT_LIMIT) !== this.#epoch) return;
    if (!this.#operate()) return;
    const flight = this.#flights[tag % FLIGHT_LIMIT];
    assert(flight.state === ACTIVE, 'an event finishes an active request');
    this.#finish(flight);
    this.#count(flight, time);
    flight.state = DONE;
    this.#active--;
    this.#done[flight.queue].push(flight);
    if (this.#armBusy === flight) {
      this.#armBusy = null;
      this.#moveArm(time);
    }
    this.#admit(time);
    this.#parts.lines[flight.queue].raise();
  }

  #finish(flight: Flight): void {
    const { contents, faults, log } = this.#parts;
    if (faults === null || flight.fault === NIL) {
      contents.perform(flight);
      if (flight.op === WRITE) faults?.written(flight.block, flight.blockCount);
    } else {
      const rule = faults.rules[flight.fault];
      contents.performFaulty(flight, rule, faults.dice);
      const told = rule.kind === 'error' || (rule.kind === 'torn' && rule.silent !== true);
      if (told) flight.status = faultStatus(rule);
      else if (rule.kind === 'hang') flight.status = ETIMEDOUT;
    }
    if (log !== null && flight.logged !== NIL) log.done(flight.logged, flight.status);
  }

  #count(flight: Flight, time: Cycles): void {
    const totals = this.#totals;
    totals[flight.op]++;
    if (flight.status !== OK) totals[6]++;
    else if (flight.op === READ) totals[4] += flight.blockCount;
    else if (flight.op === WRITE) totals[5] += flight.blockCount;
    // With several CPUs a submit may lie up to the skew after the event that finishes it.
    totals[7] += Math.max(0, time - flight.submitTime);
  }

  #reapFrom(queue: number): number {
    const done = this.#done[queue];
    let count = 0;
    // Popped before its sink hears of it: the sink may submit again, or run the machine and reap.
    for (let flight = done.shift(); flight !== undefined; flight = done.shift()) {
      const request = flight.request!;
      const status = flight.status;
      this.#release(flight);
      count++;
      request.sink.completed(request.tag, status);
    }
    return count;
  }

  #release(flight: Flight): void {
    flight.state = FREE;
    flight.request = null;
    this.#free.push(flight);
  }

  /** Requests that are not yet reaped. */
  get inFlight(): number {
    return this.#flights.length - this.#free.length;
  }

  /** Totals since the disk was made. */
  totals(): DiskTotals {
    const t = this.#totals;
    return {
      reads: t[READ],
      writes: t[WRITE],
      flushes: t[FLUSH],
      discards: t[DISCARD],
      blocksRead: t[4],
      blocksWritten: t[5],
      errors: t[6],
      waitCycles: t[7],
    };
  }

  /**
   * The power fails now. No sink of a request in flight is ever called. What is left of the writes
   * that nothing made durable, in the cache or in flight, is decided by the seed among all that the
   * rules allow; see survival.ts.
   * @param manner - one of the KEEP_ constants; absent: drawn from the seed
   */
  cutPower(manner?: number): void {
    if (!this.powered) return;
    this.powered = false;
    const open = this.#flights.filter((f) => f.state === WAITING || f.state === ACTIVE);
    open.sort((a, b) => a.number - b.number);
    this.#parts.contents.cutPower(open, manner);
    for (const flight of this.#flights) if (flight.state !== FREE) this.#release(flight);
    for (const queue of this.#waiting) queue.length = 0;
    for (const queue of this.#done) queue.length = 0;
    this.#armQueue.length = 0;
    this.#armBusy = null;
    this.#active = 0;
    this.#epoch++;
    this.#parts.onPowerCut?.();
  }

  /** Switches the disk on again after a cut, with what the cut left. */
  powerOn(): void {
    this.powered = true;
  }

  /** What lies on it, for inspection, images and snapshots. */
  get contents(): DiskContents {
    return this.#parts.contents;
  }

  /** Throws InvariantError unless every flight is in exactly the list that its state names. */
  checkInvariants(): void {
    const count = (state: number): number => this.#flights.filter((f) => f.state === state).length;
    const sum = (lists: readonly Flight[][]): number => lists.reduce((n, l) => n + l.length, 0);
    assert(count(FREE) === this.#free.length, 'free flights are in the pool');
    assert(count(WAITING) === sum(this.#waiting), 'waiting flights are in a queue');
    assert(count(DONE) === sum(this.#done), 'done flights wait for reap');
    assert(count(ACTIVE) === this.#active, 'active flights are counted');
    assert(this.#active <= this.#parts.mechanism.depth, 'no more active than the device is deep');
    assert(this.#armQueue.length <= this.#active, 'who waits for the head is active');
    assert(
      this.#armQueue.every((f) => f.state === ACTIVE),
      'the head serves active flights',
    );
    this.#parts.contents.checkInvariants();
  }
}
