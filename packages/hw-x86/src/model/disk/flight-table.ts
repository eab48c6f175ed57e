import type { BlockRequest } from '../../block-device.js';
import { assert } from '../../errors.js';
import { ACTIVE, DONE, Flight, FREE, WAITING } from './flight.js';

/** Flights a disk can have; a power of two, the base by which the epoch is folded into event tags. */
export const FLIGHT_LIMIT = 2 ** 20;

/** A flight as a snapshot holds it: its fields, and the request with what the owner had put in. */
interface SavedFlight {
  readonly fields: Flight;
  readonly data: Uint8Array;
  readonly request: BlockRequest | null;
  readonly requestFields: BlockRequest | null;
}

/** What {@link FlightTable.save} answers. */
export interface SavedFlights {
  readonly flights: readonly SavedFlight[];
  readonly free: readonly number[];
  readonly waiting: readonly (readonly number[])[];
  readonly done: readonly (readonly number[])[];
  readonly number: number;
}

/**
 * All requests that a disk knows, each in exactly one place: the pool (FREE), a queue (WAITING), the
 * device (ACTIVE) or a completion list (DONE).
 */
export class FlightTable {
  readonly all: Flight[] = [];
  /** One list a submission queue, oldest first. */
  readonly waiting: Flight[][];
  /** One list a submission queue: finished and not yet reaped. */
  readonly done: Flight[][];
  readonly #free: Flight[] = [];
  #number = 0;

  constructor(queueCount: number) {
    this.waiting = Array.from({ length: queueCount }, () => []);
    this.done = Array.from({ length: queueCount }, () => []);
  }

  /** Takes a flight of the pool for a request. */
  take(queue: number, request: BlockRequest): Flight {
    const flight = this.#free.pop() ?? this.#add();
    assert(flight.state === FREE, 'a flight of the pool is free');
    flight.state = WAITING;
    flight.request = request;
    flight.op = request.op;
    flight.fua = request.fua;
    flight.block = request.block;
    flight.blockCount = request.blockCount;
    flight.queue = queue;
    flight.number = this.#number++;
    flight.passedOver = 0;
    return flight;
  }

  #add(): Flight {
    assert(this.all.length < FLIGHT_LIMIT, 'fewer than 2**20 requests in flight');
    const flight = new Flight(this.all.length);
    this.all.push(flight);
    return flight;
  }

  /** Puts a flight back into the pool. */
  release(flight: Flight): void {
    flight.state = FREE;
    flight.request = null;
    this.#free.push(flight);
  }

  /** Flights in use. */
  get inUse(): number {
    return this.all.length - this.#free.length;
  }

  /** What is submitted and not finished, in order of submission. */
  unfinished(): Flight[] {
    const open = this.all.filter((f) => f.state === WAITING || f.state === ACTIVE);
    return open.sort((a, b) => a.number - b.number);
  }

  /** Forgets every request: the power is gone, and no sink will be called. */
  clear(): void {
    for (const flight of this.all) if (flight.state !== FREE) this.release(flight);
    for (const queue of this.waiting) queue.length = 0;
    for (const queue of this.done) queue.length = 0;
  }

  /** A copy of everything, for snapshots. Requests are kept by reference, with their fields. */
  save(): SavedFlights {
    const indices = (list: readonly Flight[]): number[] => list.map((flight) => flight.index);
    return {
      flights: this.all.map((flight) => ({
        fields: { ...flight } as Flight,
        data: flight.data.slice(),
        request: flight.request,
        requestFields: flight.request === null ? null : copyFields(flight.request),
      })),
      free: indices(this.#free),
      waiting: this.waiting.map(indices),
      done: this.done.map(indices),
      number: this.#number,
    };
  }

  /** Puts a saved table back; requests get the fields again that they had. */
  load(saved: SavedFlights): void {
    assert(saved.waiting.length === this.waiting.length, 'a snapshot of as many queues');
    while (this.all.length < saved.flights.length) this.#add();
    this.all.length = saved.flights.length;
    saved.flights.forEach(({ fields, data, request, requestFields }, i) => {
      const { index, ...state } = fields;
      assert(index === i, 'flights are saved in order');
      Object.assign(this.all[i], state, { data: data.slice(), request });
      if (request !== null) Object.assign(request, copyFields(requestFields!));
    });
    const flights = (list: readonly number[]): Flight[] => list.map((index) => this.all[index]);
    this.#free.splice(0, Infinity, ...flights(saved.free));
    saved.waiting.forEach((list, queue) => void (this.waiting[queue] = flights(list)));
    saved.done.forEach((list, queue) => void (this.done[queue] = flights(list)));
    this.#number = saved.number;
  }

  /** Throws InvariantError unless every flight is in exactly the list that its state names. */
  checkInvariants(active: number): void {
    const count = (state: number): number => this.all.filter((f) => f.state === state).length;
    const sum = (lists: readonly Flight[][]): number => lists.reduce((n, l) => n + l.length, 0);
    assert(count(FREE) === this.#free.length, 'free flights are in the pool');
    assert(count(WAITING) === sum(this.waiting), 'waiting flights are in a queue');
    assert(count(DONE) === sum(this.done), 'done flights wait for reap');
    assert(count(ACTIVE) === active, 'active flights are counted');
    assert(
      this.#free.every((f) => f.request === null),
      'a free flight holds no request',
    );
  }
}

function copyFields(request: BlockRequest): BlockRequest {
  return { ...request, segmentAddress: request.segmentAddress.slice() };
}
