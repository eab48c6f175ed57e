import { ArgumentError, checkInteger } from '@hotpath/hw-x86';
import type { TaskOptions } from '../task-options.js';

/** A task of a simulation: when it arrives and its bursts, all in whole nanoseconds. */
export interface SimulationTask extends Omit<TaskOptions, 'cpu'> {
  name?: string;
  /** Default 0. */
  arriveNs?: number;
  /** Run, sleep, run, sleep, ..., run. Ends after the last run (or sleep). */
  bursts: ArrayLike<number>;
  /**
   * Jobs are released at multiples of this after arrival, however late the one before ended: the
   * sleeps in `bursts` do not count. {@link TaskResult.misses} counts jobs not done by then.
   */
  releaseEveryNs?: number;
  /** Index of the parent in the task list: a new task starts near it. */
  parent?: number;
}

/** Checks times and bursts. @throws ArgumentError ERR_BURST, ERR_ARRIVAL naming task and value. */
export function checkWorkload(tasks: readonly SimulationTask[]): void {
  for (const [index, task] of tasks.entries()) {
    const what = task.name ?? `task ${index}`;
    checkInteger('ERR_ARRIVAL', `arriveNs of ${what}`, task.arriveNs ?? 0, 0, 2 ** 52);
    if (task.releaseEveryNs !== undefined) {
      checkInteger('ERR_PERIOD', `releaseEveryNs of ${what}`, task.releaseEveryNs, 1, 2 ** 40);
    }
    if (task.bursts.length === 0) {
      throw new ArgumentError('ERR_BURST', `${what} has no bursts; allowed: at least one run`);
    }
    for (let i = 0; i < task.bursts.length; i++) {
      checkInteger('ERR_BURST', `burst ${i} of ${what}`, task.bursts[i], 0, 2 ** 52);
    }
  }
}

/** A task that only computes. */
export function hog(runNs: number, options: Partial<SimulationTask> = {}): SimulationTask {
  return { name: 'hog', ...options, bursts: [runNs] };
}

/**
 * `count` jobs of `runNs`, then asleep for the rest of `periodNs` (a video player). Open loop: a late
 * job makes the next one later, as a program with a fixed sleep is.
 */
export function periodic(
  periodNs: number,
  runNs: number,
  count: number,
  options: Partial<SimulationTask> = {},
): SimulationTask {
  checkInteger('ERR_PERIOD', 'periodNs', periodNs, 1, 2 ** 40);
  checkInteger('ERR_BURST', 'runNs', runNs, 0, periodNs);
  checkInteger('ERR_COUNT', 'count', count, 1, 2 ** 24);
  const bursts: number[] = [];
  for (let i = 0; i < count; i++) {
    if (i > 0) bursts.push(periodNs - runNs);
    bursts.push(runNs);
  }
  return { name: 'periodic', ...options, bursts };
}

/**
 * A typist: short runs between thinking times drawn evenly from half to one and a half `thinkNs` by a
 * seeded generator (Park and Miller's minimal standard).
 */
export function interactive(
  thinkNs: number,
  runNs: number,
  count: number,
  seed: number,
  options: Partial<SimulationTask> = {},
): SimulationTask {
  checkInteger('ERR_SEED', 'seed', seed, 1, 2_147_483_646);
  checkInteger('ERR_COUNT', 'count', count, 1, 2 ** 24);
  const bursts: number[] = [];
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (state * 48_271) % 2_147_483_647;
    if (i > 0) bursts.push(Math.floor(thinkNs / 2) + (state % (thinkNs + 1)));
    bursts.push(runNs);
  }
  return { name: 'interactive', ...options, bursts };
}

/**
 * Reads a recording: one task a line, tab-separated: id, parent (-1: none), spawn in us, nice, name,
 * end (exit, blocked or runnable), bursts `run,sleep,run,...` in us. Lines with `#` are comments.
 * @throws ArgumentError ERR_RECORDING naming the line
 */
export function parseRecording(text: string): SimulationTask[] {
  const tasks: SimulationTask[] = [];
  const indexOf = new Map<string, number>();
  for (const [number, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const fields = line.split('\t');
    if (fields.length !== 7) {
      throw recordingError(number, `${fields.length} fields`, '7 separated by tabs');
    }
    const [id, parent, spawn, nice, name, , list] = fields;
    if (indexOf.has(id)) throw recordingError(number, `id ${id} twice`, 'each id once');
    if (list === '') continue;
    const parentIndex = indexOf.get(parent);
    indexOf.set(id, tasks.length);
    tasks.push({
      name,
      nice: wholeField(number, 'nice', nice, -20, 19),
      arriveNs: 1000 * wholeField(number, 'spawn', spawn, 0, 2 ** 42),
      bursts: Float64Array.from(list.split(','), (burst) => {
        return 1000 * wholeField(number, 'burst', burst, 0, 2 ** 42);
      }),
      ...(parentIndex === undefined ? {} : { parent: parentIndex }),
    });
  }
  if (tasks.length === 0) {
    throw new ArgumentError('ERR_RECORDING', 'the recording holds no task; allowed: at least one');
  }
  return tasks;
}

function wholeField(line: number, what: string, text: string, low: number, high: number): number {
  const value = text === '' ? Number.NaN : Number(text);
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw recordingError(line, `${what} "${text}"`, `a whole number ${low}..${high}`);
}

function recordingError(line: number, found: string, allowed: string): ArgumentError {
  return new ArgumentError('ERR_RECORDING', `line ${line + 1}: ${found}; allowed: ${allowed}`);
}
