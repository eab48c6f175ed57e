/** Pipelines in the background, and how a wait status reads. */
import {
  SIGABRT,
  SIGALRM,
  SIGBUS,
  SIGHUP,
  SIGILL,
  SIGKILL,
  SIGQUIT,
  SIGSEGV,
  SIGTERM,
  SIGUSR1,
  SIGUSR2,
} from '../../task/signal-numbers.js';
import { STATUS_SIGNAL } from '../../task/tasks.js';

/** One pipeline in the background. */
export interface Job {
  readonly number: number;
  readonly text: string;
  /** Its process group, and the last process: the one whose status counts. */
  readonly group: number;
  readonly last: number;
  /** Processes that have not ended. */
  readonly running: Set<number>;
  status: number;
}

/** The jobs of one shell. */
export class Jobs {
  readonly #jobs: Job[] = [];

  /** In order of their numbers. */
  get all(): readonly Job[] {
    return this.#jobs;
  }

  add(pids: readonly number[], text: string): Job {
    const number = 1 + Math.max(0, ...this.#jobs.map((job) => job.number));
    const [group] = pids;
    const last = pids[pids.length - 1];
    const job = { number, text, group, last, running: new Set(pids), status: 0 };
    this.#jobs.push(job);
    return job;
  }

  /** A child has ended: its job if that has now ended as well, else null. */
  ended(pid: number, status: number): Job | null {
    const job = this.#jobs.find((each) => each.running.has(pid));
    if (job === undefined) return null;
    job.running.delete(pid);
    if (pid === job.last) job.status = status;
    if (job.running.size > 0) return null;
    this.#jobs.splice(this.#jobs.indexOf(job), 1);
    return job;
  }

  /** The job of `%1` or of a process number, or null. */
  find(name: string): Job | null {
    const number = Number(name.replace(/^%/, ''));
    const byNumber = name.startsWith('%');
    return (
      this.#jobs.find((job) => (byNumber ? job.number === number : job.running.has(number))) ?? null
    );
  }

  /** A child of a shell has none of its parent's jobs. */
  clear(): void {
    this.#jobs.length = 0;
  }
}

/** Exit status as `$?` shows it: 128 + n for signal n. */
export function shellStatus(waitStatus: number): number {
  const signal = waitStatus & 127;
  return signal === 0 ? (waitStatus >> 8) & 255 : STATUS_SIGNAL + signal;
}

const SIGNAL_TEXTS: ReadonlyMap<number, string> = new Map([
  [SIGHUP, 'Hangup'],
  [SIGQUIT, 'Quit'],
  [SIGILL, 'Illegal instruction'],
  [SIGABRT, 'Aborted'],
  [SIGBUS, 'Bus error'],
  [SIGKILL, 'Killed'],
  [SIGUSR1, 'User defined signal 1'],
  [SIGSEGV, 'Segmentation fault'],
  [SIGUSR2, 'User defined signal 2'],
  [SIGALRM, 'Alarm clock'],
  [SIGTERM, 'Terminated'],
]);

/** What is said of a program that a signal ended, or '' where nothing is (SIGINT, SIGPIPE). */
export function signalText(status: number): string {
  return SIGNAL_TEXTS.get(status - STATUS_SIGNAL) ?? '';
}
