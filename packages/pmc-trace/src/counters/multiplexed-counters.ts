import { ArgumentError, assert, type Clock, type PerformanceCounters } from '@hotpath/hw-x86';
import { CounterSet, type CounterSetOptions } from './counter-set.js';
import type { CounterName } from './metric.js';

/** What is known about one event after multiplexing. */
export interface ScaledCount {
  readonly name: CounterName;
  /** Counted while its group was on the counters; exact. */
  readonly counted: number;
  /** `counted * enabledTicks / runningTicks`: an estimate where these two differ; 0 if it never ran. */
  readonly estimate: number;
  /** Ticks since start. */
  readonly enabledTicks: number;
  /** Ticks during which its group was on the counters. */
  readonly runningTicks: number;
}

/** Options of multiplexed counters. */
export interface MultiplexOptions extends Omit<CounterSetOptions, 'events' | 'samplePeriod'> {
  /**
   * Events that are counted at the same time, so that their ratios mean something. Groups that fit
   * together onto the counters are joined.
   */
  readonly groups: readonly (readonly CounterName[])[];
}

/**
 * More events than counters: groups of events take turns, and what one counted while it was on is
 * scaled to the whole time, as `perf stat` does. The caller's timer calls {@link rotate}.
 *
 * Invariant: the sum of `runningTicks` over the turns is the enabled time; `counted` is exact.
 */
export class MultiplexedCounters {
  /** Names in the order of `read`. */
  readonly names: readonly CounterName[];
  private readonly sets: CounterSet[] = [];
  private readonly counted: Float64Array[] = [];
  private readonly runningTicks: Float64Array;
  private readonly clock: Clock;
  private turn = 0;
  private since = 0;
  private started = 0;
  private stopped = 0;
  private running = false;

  /**
   * @throws UnsupportedError on a machine without counters
   * @throws ArgumentError ERR_COUNTER_GROUP for no group or one that does not fit by itself, and what
   * CounterSet refuses
   */
  constructor(pmu: PerformanceCounters, clock: Clock, options: MultiplexOptions) {
    this.clock = clock;
    const { groups, ...rest } = options;
    const make = (events: readonly CounterName[]): CounterSet =>
      new CounterSet(pmu, { ...rest, events });
    if (groups.length === 0) {
      throw new ArgumentError('ERR_COUNTER_GROUP', 'groups is empty; needed: at least one group');
    }
    for (const group of groups) {
      const last = this.sets.pop();
      const joined = last === undefined ? null : fitting(make, [...last.names, ...group]);
      if (joined !== null) this.sets.push(joined);
      else {
        if (last !== undefined) this.sets.push(last);
        this.sets.push(make(group));
      }
    }
    this.names = this.sets.flatMap((set) => [...set.names]);
    for (const set of this.sets) this.counted.push(new Float64Array(set.names.length));
    this.runningTicks = new Float64Array(this.sets.length);
  }

  /** Number of turns: 1 means that everything fits and nothing is estimated. */
  get turnCount(): number {
    return this.sets.length;
  }

  /** Zeroes everything and starts with the first group. */
  start(): void {
    this.stop();
    this.runningTicks.fill(0);
    for (const counted of this.counted) counted.fill(0);
    this.turn = 0;
    this.started = this.clock.now();
    this.since = this.started;
    this.sets[0].start();
    this.running = true;
  }

  /** The next group takes the counters. */
  rotate(): void {
    if (!this.running || this.sets.length === 1) return;
    this.collect();
    this.turn = (this.turn + 1) % this.sets.length;
    this.sets[this.turn].start();
  }

  /** Stops counting; figures stay readable. */
  stop(): void {
    if (!this.running) return;
    this.collect();
    this.stopped = this.since;
    this.running = false;
  }

  /** Figures of every event. Allocates. */
  read(): ScaledCount[] {
    const now = this.running ? this.clock.now() : this.stopped;
    const enabledTicks = now - this.started;
    const result: ScaledCount[] = [];
    this.sets.forEach((set, index) => {
      const current = new Float64Array(set.names.length);
      const isOn = this.running && index === this.turn;
      if (isOn) set.read(current);
      const runningTicks = this.runningTicks[index] + (isOn ? now - this.since : 0);
      set.names.forEach((name, at) => {
        const counted = this.counted[index][at] + current[at];
        let estimate = counted;
        if (runningTicks === 0) estimate = 0;
        else if (runningTicks < enabledTicks) estimate = (counted * enabledTicks) / runningTicks;
        result.push({ name, counted, estimate, enabledTicks, runningTicks });
      });
    });
    return result;
  }

  /** Throws InvariantError where turns do not add up to the enabled time. */
  checkInvariants(): void {
    let sum = 0;
    for (const ticks of this.runningTicks) sum += ticks;
    assert(sum === this.since - this.started, 'turns add up to the time until the last rotation');
    for (const set of this.sets) set.checkInvariants();
  }

  /** Takes the current group off the counters and adds up what it counted. */
  private collect(): void {
    const { turn } = this;
    const set = this.sets[turn];
    const now = this.clock.now();
    set.stop();
    const counts = new Float64Array(set.names.length);
    set.read(counts);
    counts.forEach((count, index) => {
      this.counted[turn][index] += count;
    });
    this.runningTicks[turn] += now - this.since;
    this.since = now;
  }
}

/** The set, or null where these events do not fit onto the counters at once. */
function fitting(
  make: (events: readonly CounterName[]) => CounterSet,
  events: readonly CounterName[],
): CounterSet | null {
  try {
    return make(events);
  } catch (error) {
    if (error instanceof ArgumentError && error.code === 'ERR_COUNTER_COUNT') return null;
    throw error;
  }
}
