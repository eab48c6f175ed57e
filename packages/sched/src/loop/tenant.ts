import type { Job, JobHost, JobOwner } from './job.js';
import { JobList } from './job-list.js';

/** Figures of a tenant since it has state. */
export interface TenantStats {
  /** Jobs not started. */
  queued: number;
  /** Jobs started and not ended. */
  running: number;
  done: number;
  /** Jobs that threw or rejected. */
  failed: number;
  /** CPU time of its jobs, as far as it is measured, ms. */
  cpuMs: number;
  /** Wait from add to start: average and longest, ms. */
  waitAverageMs: number;
  waitMaxMs: number;
  /** Jobs that started after their deadline. */
  misses: number;
}

/** The queues of one tenant: jobs that yielded, jobs with a deadline, the others in order. */
export class Tenant implements JobOwner {
  readonly name: string;
  readonly host: JobHost;
  /** Its place in the order of tenants. */
  readonly slot: number;
  /** It is ready there. */
  awake = false;
  inFlight = 0;
  done = 0;
  failed = 0;
  misses = 0;
  cpuMs = 0;
  /** When the job that runs got the CPU. */
  startedMs = 0;
  private waits = 0;
  private waitMs = 0;
  private waitMaxMs = 0;
  private readonly jobs = new JobList();
  private readonly urgent = new JobList();
  private readonly resumed = new JobList();

  constructor(name: string, host: JobHost, slot: number) {
    this.name = name;
    this.host = host;
    this.slot = slot;
  }

  push(job: Job): void {
    if (job.limits.deadlineMs === Infinity) this.jobs.push(job);
    else this.urgent.insertByDeadline(job);
  }

  pushResume(job: Job): void {
    this.resumed.push(job);
  }

  /** The next job to run, or null; `onlyResumed` while no new one may start. */
  next(onlyResumed: boolean): Job | null {
    if (this.resumed.size > 0) return this.resumed.shift();
    if (onlyResumed) return null;
    return this.urgent.size > 0 ? this.urgent.shift() : this.jobs.shift();
  }

  /** Ticket of the job that {@link next} would give; there must be one. */
  get ticket(): number {
    const job = this.resumed.first() ?? this.urgent.first() ?? this.jobs.first();
    return job!.ticket;
  }

  get queued(): number {
    return this.jobs.size + this.urgent.size;
  }
  get resumable(): number {
    return this.resumed.size;
  }
  get ready(): number {
    return this.jobs.size + this.urgent.size + this.resumed.size;
  }

  waited(ms: number): void {
    this.waits++;
    this.waitMs += ms;
    if (ms > this.waitMaxMs) this.waitMaxMs = ms;
  }

  stats(): TenantStats {
    return {
      queued: this.queued,
      running: this.inFlight,
      done: this.done,
      failed: this.failed,
      cpuMs: this.cpuMs,
      waitAverageMs: this.waits === 0 ? 0 : this.waitMs / this.waits,
      waitMaxMs: this.waitMaxMs,
      misses: this.misses,
    };
  }
}
