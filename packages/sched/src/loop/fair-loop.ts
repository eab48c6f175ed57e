import { ArgumentError, assert, checkInteger, NIL } from '@hotpath/hw-x86';
import { cfs } from '../policies/cfs.js';
import { Scheduler } from '../scheduler.js';
import { weightOf } from '../weights.js';
import { Flights } from './flight.js';
import { eventLoopHost, type LoopHost } from './host.js';
import { Job, type JobFunction, type JobHost, LoopError } from './job.js';
import { limitJob } from './limit-job.js';
import { checkCount, checkJob, checkMs, type FairLoopOptions, type JobOptions } from './options.js';
import { Tenant, type TenantStats } from './tenant.js';
import { Waiters } from './waiters.js';

const NS = 1_000_000;
/** Charged for a job at least: a browser's clock may stand still during it. */
const JOB_MIN_NS = 1000;

type Settle = (value: unknown) => void;

/**
 * Runs jobs of many tenants on one event loop, fairly by CPU time: the tenant that had the least for
 * its weight is next, whoever queued how many jobs (the CFS of this package over tenants). Jobs run
 * in slices, each in a turn of its own, so that timers and I/O wait for one slice and one job at most.
 *
 * What is measured is the synchronous part of a job and its parts between `await context.yield()`;
 * what runs after another `await` is not. A job that never returns cannot be stopped from here.
 */
export class FairLoop implements JobHost {
  private readonly host: LoopHost;
  private readonly scheduler: Scheduler;
  private readonly tenants = new Map<string, Tenant>();
  private readonly byTask: (Tenant | null)[];
  private readonly sliceMs: number;
  private readonly stallMs: number;
  private readonly concurrency: number;
  private readonly tenantConcurrency: number;
  private readonly maxQueued: number;
  private readonly onStall: ((stall: { tenant: string; ms: number }) => void) | null;
  private nowMs: number;
  private sliceEndMs = 0;
  /** A macrotask is on its way. */
  private scheduled = false;
  private draining = false;
  /** A microtask is on its way that goes on with the slice. */
  private continuing = false;
  private inFlight = 0;
  private readonly flights = new Flights((job, good, value) => this.ended(job, good, value));
  private resolve: Settle = unset;
  private reject: Settle = unset;
  private queued = 0;
  private resumes = 0;
  private gated: Tenant[] = [];
  private readonly waiters = new Waiters();

  /** @throws ArgumentError ERR_SLICE, ERR_CONCURRENCY, ERR_QUEUE, ERR_TENANTS, ERR_STALL */
  constructor(options: FairLoopOptions = {}) {
    this.host = options.host ?? eventLoopHost();
    this.sliceMs = checkMs('ERR_SLICE', 'sliceMs', options.sliceMs ?? 5);
    this.stallMs = checkMs('ERR_STALL', 'stallMs', options.stallMs ?? 50);
    this.concurrency = checkCount('ERR_CONCURRENCY', 'concurrency', options.concurrency);
    this.tenantConcurrency = checkCount(
      'ERR_CONCURRENCY',
      'tenantConcurrency',
      options.tenantConcurrency,
    );
    this.maxQueued = checkCount('ERR_QUEUE', 'maxQueued', options.maxQueued);
    this.onStall = options.onStall ?? null;
    const tenants = checkInteger(
      'ERR_TENANTS',
      'maxTenants',
      options.maxTenants ?? 1024,
      1,
      65_536,
    );
    // A period of two slices: who was away comes back at most a slice ahead of the others.
    const latencyNs = Math.max(2000, Math.round(2 * this.sliceMs * NS));
    const policy = cfs({
      latencyNs,
      minGranularityNs: 1000,
      wakeupGranularityNs: 0,
      startDebit: false,
    });
    this.scheduler = new Scheduler({ policy, tasks: tenants });
    this.byTask = new Array(tenants).fill(null);
    this.nowMs = this.host.now();
  }

  /**
   * Queues a job for a tenant; resolves or rejects as the job does. Rejects with {@link LoopError}
   * ERR_FULL (back-pressure) or ERR_TIMEOUT, or with the signal's reason. About 2 us.
   * @throws ArgumentError ERR_TENANT, ERR_WEIGHT, ERR_NICE, ERR_DEADLINE, ERR_SLICE, ERR_TIMEOUT,
   * ERR_TENANTS; nothing is queued then
   */
  add<T>(name: string, fn: JobFunction<T>, options?: JobOptions): Promise<T> {
    if (typeof fn !== 'function') {
      throw new ArgumentError('ERR_JOB', `job is a ${typeof fn}; allowed: a function`);
    }
    if (options !== undefined) checkJob(options);
    if (!this.scheduled && !this.draining) this.nowMs = this.host.now();
    const tenant = this.tenant(name);
    if (options !== undefined) this.setShare(tenant, options);
    if (tenant.queued >= this.maxQueued) {
      return Promise.reject(
        new LoopError(
          'ERR_FULL',
          `${name} has ${tenant.queued} jobs queued; allowed: ${this.maxQueued}`,
        ),
      );
    }
    const promise = new Promise<T>(this.capture);
    const job = new Job(fn, tenant, this.nowMs, this.resolve, this.reject);
    this.resolve = unset;
    this.reject = unset;
    if (options !== undefined && !limitJob(job, options, this.host, this.nowMs)) return promise;
    tenant.push(job);
    this.queued++;
    if (!tenant.awake) this.rouse(tenant);
    this.schedule();
    return promise;
  }

  /** The executor of every promise of {@link add}: one for all instead of a closure for each. */
  private readonly capture = (resolve: (value: never) => void, reject: Settle): void => {
    this.resolve = resolve as Settle;
    this.reject = reject;
  };

  /** Jobs queued and not started, of all tenants. */
  get size(): number {
    return this.queued;
  }

  /** Jobs that have started and not ended. */
  get pending(): number {
    return this.inFlight;
  }

  /** Resolves when fewer than `below` jobs are queued: for producers that can wait. */
  room(below: number): Promise<void> {
    if (this.queued < below) return Promise.resolve();
    return this.waiters.forRoom(below);
  }

  /** Resolves when no job is queued or running. */
  idle(): Promise<void> {
    if (this.queued === 0 && this.inFlight === 0) return Promise.resolve();
    return this.waiters.forIdle();
  }

  /** Figures of one tenant, or of all that have state. */
  stats(): Record<string, TenantStats> {
    const all: Record<string, TenantStats> = {};
    for (const [name, tenant] of this.tenants) all[name] = tenant.stats();
    return all;
  }

  /** Changes a tenant's share. @throws ArgumentError ERR_WEIGHT */
  setWeight(name: string, weight: number): void {
    const tenant = this.tenant(name);
    this.scheduler.setWeight(tenant.task, weight);
  }

  private tenant(name: string): Tenant {
    const known = this.tenants.get(name);
    if (known !== undefined) return known;
    if (typeof name !== 'string' || name === '') {
      throw new ArgumentError('ERR_TENANT', `tenant is "${name}"; allowed: a string of 1 or more`);
    }
    let task = this.scheduler.create();
    if (task === NIL) {
      this.dropIdle();
      task = this.scheduler.create();
    }
    const tenant = new Tenant(name, this, task);
    this.tenants.set(name, tenant);
    this.byTask[task] = tenant;
    return tenant;
  }

  /** Gives the slots of tenants without jobs back, oldest first, but for a quarter. */
  private dropIdle(): void {
    let wanted = Math.ceil(this.tenants.size / 4);
    for (const [name, tenant] of this.tenants) {
      if (tenant.ready > 0 || tenant.inFlight > 0 || tenant.awake) continue;
      this.scheduler.exit(tenant.task);
      this.byTask[tenant.task] = null;
      this.tenants.delete(name);
      if (--wanted === 0) return;
    }
    if (wanted === Math.ceil(this.byTask.length / 4)) {
      throw new ArgumentError(
        'ERR_TENANTS',
        `${this.byTask.length} tenants have jobs; allowed: maxTenants at once`,
      );
    }
  }

  private setShare(tenant: Tenant, options: JobOptions): void {
    const weight =
      options.weight ?? (options.nice === undefined ? undefined : weightOf(options.nice));
    if (weight === undefined || weight === this.scheduler.tasks.weight[tenant.task]) return;
    this.scheduler.setWeight(tenant.task, weight);
  }

  /** The tenant has something to run: its task becomes ready. */
  private rouse(tenant: Tenant): void {
    if (tenant.awake || tenant.inFlight >= this.tenantConcurrency) return;
    tenant.awake = true;
    this.scheduler.wake(tenant.task, Math.round(this.nowMs * NS));
  }

  private schedule(): void {
    if (this.scheduled || this.draining) return;
    this.scheduled = true;
    this.host.macrotask(this.turn);
  }

  private readonly turn = (): void => {
    this.scheduled = false;
    if (this.draining) return;
    this.nowMs = this.host.now();
    this.sliceEndMs = this.nowMs + this.sliceMs;
    this.drain();
  };

  /** Runs jobs until the slice ends, none is ready, or a resumed one needs its microtask. */
  private drain(): void {
    assert(!this.draining, 'one drain at a time');
    this.draining = true;
    const scheduler = this.scheduler;
    while (this.nowMs < this.sliceEndMs) {
      const full = this.inFlight >= this.concurrency;
      // Full: only jobs that have begun may go on.
      if (full && this.resumes === 0) break;
      const task = scheduler.pickNext(0, Math.round(this.nowMs * NS));
      if (task === NIL) break;
      const tenant = this.byTask[task]!;
      const job = tenant.next(full);
      if (job === null) {
        this.park(tenant, full && tenant.ready > 0);
        continue;
      }
      if (job.resume !== null) {
        this.resumes--;
        this.goOn(tenant, job);
        return;
      }
      this.queued--;
      this.start(tenant, job);
      this.charge(tenant, job);
    }
    this.finishTurn();
  }

  private finishTurn(): void {
    this.draining = false;
    this.waiters.noteRoom(this.queued);
    if (this.mayGoOn()) this.schedule();
    this.noteIdle();
  }

  /** Somebody is ready, and not only to start jobs that there is no place for. */
  private mayGoOn(): boolean {
    if (this.inFlight >= this.concurrency && this.resumes === 0) return false;
    return this.scheduler.tasks.queuedCount[0] > 0 || this.scheduler.tasks.current[0] !== NIL;
  }

  private noteIdle(): void {
    if (this.queued === 0 && this.inFlight === 0) this.waiters.noteIdle();
  }

  /** The tenant has nothing that may run now. */
  private park(tenant: Tenant, gated: boolean): void {
    this.scheduler.blocked(tenant.task);
    tenant.awake = false;
    if (gated) this.gated.push(tenant);
  }

  private start(tenant: Tenant, job: Job): void {
    if (job.resolve === null) return;
    tenant.waited(this.nowMs - job.queuedMs);
    if (this.nowMs > job.limits.deadlineMs) tenant.misses++;
    tenant.startedMs = this.nowMs;
    let value: unknown;
    try {
      value = job.fn(job);
    } catch (error) {
      this.settle(tenant, job, false, error);
      return;
    }
    if (!isThenable(value)) {
      this.settle(tenant, job, true, value);
      return;
    }
    this.inFlight++;
    tenant.inFlight++;
    this.flights.follow(job, value);
  }

  /** An asynchronous job ended: its place is free for another, within this slice if it still runs. */
  private ended(job: Job, good: boolean, value: unknown): void {
    const tenant = job.owner as Tenant;
    this.inFlight--;
    tenant.inFlight--;
    this.settle(tenant, job, good, value);
    if (tenant.ready > 0) this.rouse(tenant);
    if (this.gated.length > 0) {
      for (const other of this.gated) this.rouse(other);
      this.gated.length = 0;
    }
    if (this.draining) return;
    if (!this.mayGoOn()) {
      this.noteIdle();
      return;
    }
    if (this.nowMs >= this.sliceEndMs) {
      this.schedule();
    } else if (!this.continuing) {
      // Jobs that ended together are followed by one microtask, not by a turn of the event loop.
      this.continuing = true;
      this.host.microtask(this.goOnWithSlice);
    }
  }

  private readonly goOnWithSlice = (): void => {
    this.continuing = false;
    if (this.draining) return;
    this.nowMs = this.host.now();
    if (this.nowMs < this.sliceEndMs) this.drain();
    else this.schedule();
  };

  private settle(tenant: Tenant, job: Job, good: boolean, value: unknown): void {
    if (good) tenant.done++;
    else tenant.failed++;
    job.settle(good, value);
  }

  /** Charges what ran since the tenant was picked. */
  private charge(tenant: Tenant, job: Job): void {
    const now = this.host.now();
    const ranMs = now - this.nowMs;
    this.nowMs = now;
    if (ranMs > this.stallMs && this.onStall !== null)
      this.onStall({ tenant: job.tenant, ms: ranMs });
    tenant.cpuMs += ranMs;
    this.scheduler.account(0, Math.max(JOB_MIN_NS, Math.round(ranMs * NS)));
    if (tenant.ready === 0 || tenant.inFlight >= this.tenantConcurrency) {
      if (tenant.resumable === 0) this.park(tenant, false);
    }
  }

  /** Lets a yielded job go on: its continuation is the next microtask, ours comes right behind it. */
  private goOn(tenant: Tenant, job: Job): void {
    const resume = job.resume!;
    job.resume = null;
    tenant.startedMs = this.nowMs;
    resume();
    this.host.microtask(() => {
      this.charge(tenant, job);
      this.draining = false;
      if (this.nowMs < this.sliceEndMs) this.drain();
      else this.finishTurn();
    });
  }

  /** For a job's context: whether its slice is used up. */
  usedUp(job: Job): boolean {
    const slice = job.limits.sliceMs ?? this.sliceMs;
    return this.host.now() - (job.owner as Tenant).startedMs >= slice;
  }

  /** For a job's context: puts the job behind its tenant's other yielded ones. */
  pause(job: Job): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const closed = () => new LoopError('ERR_CLOSED', `job of ${job.tenant} was cancelled`);
      if (job.resolve === null) {
        reject(closed());
        return;
      }
      job.resume = () => {
        if (job.resolve !== null) resolve();
        else reject(closed());
      };
      const tenant = job.owner as Tenant;
      tenant.pushResume(job);
      this.resumes++;
      if (!tenant.awake) {
        tenant.awake = true;
        this.scheduler.wake(tenant.task, Math.round(this.nowMs * NS));
      }
      this.schedule();
    });
  }
}

function unset(): void {
  assert(false, 'a promise gives its functions when it is made');
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
