import { type Job, NO_JOB } from './job.js';

/** Told how an asynchronous job ended. */
export type Landed = (job: Job, good: boolean, value: unknown) => void;

/**
 * Places for jobs that wait for a promise, used again and again: a place has its two reactions from
 * the start, so that following a promise makes no closure.
 */
export class Flights {
  private readonly landed: Landed;
  private readonly free: Flight[] = [];

  constructor(landed: Landed) {
    this.landed = landed;
  }

  /**
   * Tells `landed` once when the promise is settled. Through a promise of the platform: a foreign
   * thenable may call back twice, when its place already has another job.
   */
  follow(job: Job, promise: PromiseLike<unknown>): void {
    const flight = this.free.pop() ?? new Flight(this.land);
    flight.job = job;
    void Promise.resolve(promise).then(flight.onGood, flight.onBad);
  }

  private readonly land = (flight: Flight, good: boolean, value: unknown): void => {
    const job = flight.job;
    flight.job = NO_JOB;
    this.free.push(flight);
    this.landed(job, good, value);
  };
}

class Flight {
  job: Job = NO_JOB;
  readonly onGood: (value: unknown) => void;
  readonly onBad: (error: unknown) => void;

  constructor(land: (flight: Flight, good: boolean, value: unknown) => void) {
    this.onGood = (value) => land(this, true, value);
    this.onBad = (error) => land(this, false, error);
  }
}
