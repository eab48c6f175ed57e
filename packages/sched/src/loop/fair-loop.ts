import { ArgumentError, assert, checkInteger, NIL } from '@hotpath/hw-x86';
import { checkWeight, weightOf } from '../weights.js';
import { FairOrder } from './fair-order.js';
import { Flights } from './flight.js';
import { eventLoopHost, type LoopHost } from './host.js';
import { Job, type JobFunction, type JobHost, LoopError } from './job.js';
import { limitJob } from './limit-job.js';
import { checkCount, checkJob, checkMs, type FairLoopOptions, type JobOptions } from './options.js';
import { PolicyOrder } from './policy-order.js';
import type { Tenant, TenantStats } from './tenant.js';
import type { TenantOrder } from './tenant-order.js';
import { TenantTable } from './tenant-table.js';
import { Waiters } from './waiters.js';

const NS = 1_000_000;
/** Charged for a job at least: a browser's clock may stand still during it. */
const JOB_MIN_NS = 1000;
/** Tenants within this part of a slice of each other go in the order of their jobs. */
const GRAINS = 100;

type Settle = (value: unknown) => void;

/**
 * Runs jobs of many tenants on one event loop, fairly by CPU time: the tenant that had the least for
 * its weight is next, whoever queued how many jobs; or whom a policy of this package picks. Jobs run
 * in slices, one in each turn of the loop, so that timers and I/O wait for a slice and a job at most.
 *
 * What is measured is the synchronous part of a job and its parts between `await context.yield()`;
 * what runs after another `await` is not. A job that never returns cannot be stopped from here.
 */
export class FairLoop implements JobHost {
  private readonly host: LoopHost;
  private readonly order: TenantOrder;
  private readonly tenants: TenantTable;
  private readonly sliceMs: number;
  private readonly stallMs: number;
  private readonly concurrency: number;
  private readonly tenantConcurrency: number;
  private readonly maxQueued: number;
  private readonly onStall: ((stall: { tenant: string; ms: number }) => void) | null;
  private nowMs: number;
  private sliceEndMs = 0;
  /** A microtask is on its way that goes on with the slice. */
  private scheduled = false;
  /** A macrotask is on its way: until then there is this slice and no other. */
  private turnAhead = false;
  private draining = false;
  /** Tenants that are ready in the order. */
  private awake = 0;
  private inFlight = 0;
  private readonly flights = new Flights((job, good, value) => this.ended(job, good, value));
  private resolve: Settle = unset;
  private reject: Settle = unset;
  private tickets = 0;
  private queued = 0;
  private resumes = 0;
  private gated: Tenant[] = [];
  private readonly waiters = new Waiters();

  /** @throws ArgumentError ERR_SLICE, ERR_CONCURRENCY, ERR_QUEUE, ERR_TENANTS, ERR_STALL, ERR_POLICY */
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
    const sliceNs = Math.max(1000, Math.round(this.sliceMs * NS));
    this.order =
      options.policy === undefined
        ? new FairOrder(tenants, sliceNs / GRAINS, sliceNs)
        : new PolicyOrder(tenants, options.policy);
    this.tenants = new TenantTable(tenants, this.order, this);
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
    const tenant = this.tenants.named(name);
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
    const job = new Job(fn, tenant, this.nowMs, this.tickets++, this.resolve, this.reject);
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
    return this.tenants.stats();
  }

  /** Changes a tenant's share. @throws ArgumentError ERR_WEIGHT, ERR_TENANT, ERR_TENANTS */
  setWeight(name: string, weight: number): void {
    checkWeight(weight);
    const tenant = this.tenants.named(name);
    this.order.setWeight(tenant.slot, weight);
  }

  private setShare(tenant: Tenant, options: JobOptions): void {
    const weight =
      options.weight ?? (options.nice === undefined ? undefined : weightOf(options.nice));
    if (weight === undefined || weight === this.order.weightOf(tenant.slot)) return;
    this.order.setWeight(tenant.slot, weight);
  }

  /** The tenant has something to run: its task becomes ready. */
  private rouse(tenant: Tenant): void {
    if (tenant.awake || tenant.inFlight >= this.tenantConcurrency) return;
    this.wake(tenant);
  }

  private wake(tenant: Tenant): void {
    tenant.awake = true;
    this.awake++;
    this.order.wake(tenant.slot, tenant.ticket, this.nowMs);
  }

  /**
   * Sees to it that ready jobs run. Each turn of the event loop has one slice: what is left of it is
   * used at the end of the running callback, what is not done then waits for the next turn.
   */
  private schedule(): void {
    if (this.scheduled || this.draining) return;
    if (this.turnAhead && this.nowMs >= this.sliceEndMs) return;
    this.scheduled = true;
    this.host.microtask(this.goOnWithSlice);
  }

  private readonly goOnWithSlice = (): void => {
    this.scheduled = false;
    if (this.draining) return;
    this.nowMs = this.host.now();
    if (!this.turnAhead) {
      this.turnAhead = true;
      this.sliceEndMs = this.nowMs + this.sliceMs;
      this.host.macrotask(this.nextTurn);
    }
    this.drain();
  };

  private readonly nextTurn = (): void => {
    this.turnAhead = false;
    if (!this.draining && this.mayGoOn()) this.goOnWithSlice();
  };

  /** Runs jobs until the slice ends, none is ready, or a resumed one needs its microtask. */
  private drain(): void {
    assert(!this.draining, 'one drain at a time');
    this.draining = true;
    const order = this.order;
    while (this.nowMs < this.sliceEndMs) {
      const full = this.inFlight >= this.concurrency;
      // Full: only jobs that have begun may go on.
      if (full && this.resumes === 0) break;
      const slot = order.pick(this.nowMs);
      if (slot === NIL) break;
      const tenant = this.tenants.at(slot);
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
    return this.awake > 0;
  }

  private noteIdle(): void {
    if (this.queued === 0 && this.inFlight === 0) this.waiters.noteIdle();
  }

  /** The tenant has nothing that may run now. */
  private park(tenant: Tenant, gated: boolean): void {
    this.order.block(tenant.slot);
    tenant.awake = false;
    this.awake--;
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
    // Jobs that ended together are followed by one microtask, not by a turn of the event loop.
    this.schedule();
  }

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
    this.order.charge(tenant.slot, Math.max(JOB_MIN_NS, Math.round(ranMs * NS)));
    const mayStart = tenant.queued > 0 && tenant.inFlight < this.tenantConcurrency;
    if (mayStart || tenant.resumable > 0) this.order.again(tenant.slot, tenant.ticket);
    else this.park(tenant, false);
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
      if (!tenant.awake) this.wake(tenant);
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
