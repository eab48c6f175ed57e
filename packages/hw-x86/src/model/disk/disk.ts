import {
  type BlockDevice,
  type BlockRequest,
  DISCARD,
  FLUSH,
  READ,
  WRITE,
} from '../../block-device.js';
import { checkRequest, gather } from '../../dma.js';
import { assert } from '../../errors.js';
import type { EventSink } from '../../machine.js';
import { ETIMEDOUT, NIL, OK, PENDING } from '../../status.js';
import type { Cycles } from '../../units.js';
import type { DiskContents } from './contents.js';
import type { DiskParts, DiskSnapshot, DiskTotals } from './disk-parts.js';
import { faultStatus } from './fault-plan.js';
import { ACTIVE, DONE, type Flight } from './flight.js';
import { FLIGHT_LIMIT, FlightTable } from './flight-table.js';
import {
  TRACE_DISK_DONE,
  TRACE_DISK_POWER_CUT,
  TRACE_DISK_READ,
  TRACE_DISK_START,
} from './trace-events.js';

/**
 * A modelled disk: queues, completion events, DMA, faults and power. Data lies in
 * `DiskContents`, time in a `Mechanism`.
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
  readonly #table: FlightTable;
  /** Medium accesses that wait for the head. */
  readonly #armQueue: Flight[] = [];
  #armBusy: Flight | null = null;
  /** Operation before which the power goes; NIL once it has. */
  #cutAt: number;
  #active = 0;
  #nextQueue = 0;
  #epoch = 0;
  readonly #totals = new Float64Array(8);

  constructor(parts: DiskParts) {
    const { contents } = parts;
    this.#parts = parts;
    this.#cutAt = parts.powerCutAt;
    this.name = parts.name;
    this.blockBytes = contents.blockBytes;
    this.blockCount = contents.blockCount;
    this.volatileCache = contents.volatileCache;
    this.readOnly = contents.readOnly;
    this.#target = parts.events.register(this);
    this.#table = new FlightTable(parts.lines.length);
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
    const now = this.#parts.clock.now();
    const flight = this.#take(queue, request, now);
    const { trace } = this.#parts;
    if (trace !== null) trace.emit(TRACE_DISK_READ + flight.op, flight.number, flight.block);
    this.#table.waiting[queue].push(flight);
    this.#admit(now);
    return PENDING;
  }

  #take(queue: number, request: BlockRequest, now: Cycles): Flight {
    const flight = this.#table.take(queue, request);
    const { op, block, blockCount, fua } = request;
    const { log, faults, contents } = this.#parts;
    flight.target = contents.flushTarget();
    flight.status = OK;
    flight.submitTime = now;
    if (op === WRITE) {
      const byteCount = blockCount * this.blockBytes;
      gather(request, 0, flight.room(byteCount), 0, byteCount);
    }
    flight.logged =
      log === null || op === READ ? NIL : log.submitted(op, block, blockCount, fua, flight.data);
    flight.fault = faults === null ? NIL : faults.decide(op, block, blockCount);
    return flight;
  }

  /** Counts an operation; false when the power is off, or goes off before this one. */
  #operate(): boolean {
    if (!this.powered) return false;
    if (this.operations === this.#cutAt) {
      this.#cutAt = NIL;
      this.cutPower();
      return false;
    }
    this.operations++;
    return true;
  }

  /** Takes requests from the queues in turn while the device has room. */
  #admit(now: Cycles): void {
    const { waiting } = this.#table;
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
   * Shortest positioning time first, as NCQ drives choose; a request passed over eight times the
   * depth of the queue goes next, so that none starves.
   */
  #moveArm(now: Cycles): void {
    const queue = this.#armQueue;
    if (queue.length === 0) return;
    const { mechanism } = this.#parts;
    let best = 0;
    let bestCycles = Infinity;
    for (let i = 0; i < queue.length; i++) {
      const flight = queue[i];
      if (flight.passedOver >= 8 * mechanism.depth) {
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
    assert(this.#armBusy === null, 'one head serves one request');
    this.#armBusy = flight;
    this.#schedule(flight, this.#accessMedium(flight, now));
  }

  #schedule(flight: Flight, end: Cycles): void {
    const { faults, events, cyclesPerNs, trace } = this.#parts;
    if (trace !== null) trace.emit(TRACE_DISK_START, flight.number, flight.op);
    assert(end >= 0 && (Number.isInteger(end) || end === Infinity), 'times are whole cycles');
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
    const flight = this.#table.all[tag % FLIGHT_LIMIT];
    assert(flight.state === ACTIVE, 'an event finishes an active request');
    this.#finish(flight);
    this.#count(flight, time);
    this.#parts.trace?.emit(TRACE_DISK_DONE, flight.number, flight.status);
    flight.state = DONE;
    this.#active--;
    this.#table.done[flight.queue].push(flight);
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
    const done = this.#table.done[queue];
    let count = 0;
    // Popped before its sink hears of it: the sink may submit again, or run the machine and reap.
    for (let flight = done.shift(); flight !== undefined; flight = done.shift()) {
      const request = flight.request!;
      const status = flight.status;
      this.#table.release(flight);
      count++;
      request.sink.completed(request.tag, status);
    }
    return count;
  }

  /** Requests that are not yet reaped. */
  get inFlight(): number {
    return this.#table.inUse;
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
    this.#parts.contents.cutPower(this.#table.unfinished(), manner);
    this.#table.clear();
    this.#armQueue.length = 0;
    this.#armBusy = null;
    this.#active = 0;
    this.#epoch++;
    this.#parts.trace?.emit(TRACE_DISK_POWER_CUT, this.operations, 0);
    this.#parts.onPowerCut?.();
  }

  /** Called by the machine when its power goes. */
  powerLost(): void {
    this.cutPower();
  }

  /** Switches the disk on again after a cut, with what the cut left. */
  powerOn(): void {
    this.powered = true;
  }

  /** What lies on it, for inspection, images and snapshots. */
  get contents(): DiskContents {
    return this.#parts.contents;
  }

  /**
   * Everything: medium (shared until written), cache, queues, head, dice, counters. Structured
   * cloneable while nothing is in flight; requests in flight are kept by reference, with their
   * fields, and then it serves the process that made it.
   */
  save(): DiskSnapshot {
    const { contents, mechanism, faults } = this.#parts;
    return {
      contents: contents.save(),
      mechanism: mechanism.save(),
      faults: faults === null ? null : faults.save(),
      flights: this.#table.save(),
      arm: this.#armQueue.map((flight) => flight.index),
      numbers: Float64Array.of(
        this.operations,
        this.powered ? 1 : 0,
        this.#armBusy === null ? NIL : this.#armBusy.index,
        this.#active,
        this.#nextQueue,
        this.#epoch,
        this.#cutAt,
        ...this.#totals,
      ),
    };
  }

  /**
   * Goes back to a snapshot of this disk, or of one made with the same options. The event queue must
   * be restored with it. The write log is not: it goes on.
   */
  load(snapshot: DiskSnapshot): void {
    const { contents, mechanism, faults } = this.#parts;
    contents.load(snapshot.contents);
    mechanism.load(snapshot.mechanism);
    if (snapshot.faults !== null) faults?.load(snapshot.faults);
    this.#table.load(snapshot.flights);
    const { numbers } = snapshot;
    const { all } = this.#table;
    this.#armQueue.splice(0, Infinity, ...snapshot.arm.map((index) => all[index]));
    this.operations = numbers[0];
    this.powered = numbers[1] === 1;
    this.#armBusy = numbers[2] === NIL ? null : all[numbers[2]];
    this.#active = numbers[3];
    this.#nextQueue = numbers[4];
    this.#epoch = numbers[5];
    this.#cutAt = numbers[6];
    this.#totals.set(numbers.subarray(7));
  }

  /** 32 bits over all that a READ could deliver: equal contents have equal hashes. */
  hash(): number {
    return this.#parts.contents.hash();
  }

  /** Throws InvariantError unless flights, head and contents agree. */
  checkInvariants(): void {
    this.#table.checkInvariants(this.#active);
    assert(this.#active <= this.#parts.mechanism.depth, 'no more active than the device is deep');
    assert(this.#armQueue.length <= this.#active, 'who waits for the head is active');
    assert(
      this.#armQueue.every((f) => f.state === ACTIVE),
      'the head serves active flights',
    );
    this.#parts.contents.checkInvariants();
  }
}
