import { ArgumentError, assert, type Clock } from '@hotpath/hw-x86';
import type { CounterSet } from '../counters/counter-set.js';
import { LogLinearHistogram } from './histogram.js';

/** What was measured about one name. */
export interface SpanReport {
  readonly name: string;
  readonly count: number;
  /** In clock ticks: cycles of the model, nanoseconds of the host. */
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Sums of counter deltas by counter name; empty without counters. */
  readonly counters: Readonly<Record<string, number>>;
}

const MAX_DEPTH = 256;

/**
 * Spans of code by name, with time and counter deltas, as `start`/`end` pairs that nest. A span's
 * figures include those inside it. Nothing is allocated after a name has been registered.
 *
 * Invariant: `0 <= depth <= 256`; open spans lie in columns, outermost first.
 */
export class ProfileSpans {
  private readonly clock: Clock;
  private readonly counters: CounterSet | null;
  private readonly width: number;
  private readonly names: string[] = [];
  private readonly histograms: LogLinearHistogram[] = [];
  private readonly sums: Float64Array[] = [];
  private readonly openName = new Int32Array(MAX_DEPTH);
  private readonly openTime = new Float64Array(MAX_DEPTH);
  private readonly openCounts: Float64Array;
  private readonly reading: Float64Array;
  private depth = 0;

  /** @param counters - a started set whose deltas are added up, or null: time only */
  constructor(clock: Clock, counters: CounterSet | null = null) {
    this.clock = clock;
    this.counters = counters;
    this.width = counters === null ? 0 : counters.names.length;
    this.openCounts = new Float64Array(MAX_DEPTH * this.width);
    this.reading = new Float64Array(this.width);
  }

  /** A number for a name; the same for the same name. */
  register(name: string): number {
    const known = this.names.indexOf(name);
    if (known >= 0) return known;
    this.names.push(name);
    this.histograms.push(new LogLinearHistogram());
    this.sums.push(new Float64Array(this.width));
    return this.names.length - 1;
  }

  /**
   * Opens a span. One clock read and one RDPMC per counter.
   * @throws ArgumentError ERR_SPAN_NAME for a number that `register` did not give, ERR_SPAN_DEPTH
   */
  start(span: number): void {
    if (!(span >= 0 && span < this.names.length)) {
      throw new ArgumentError('ERR_SPAN_NAME', `span is ${span}; allowed: what register answered`);
    }
    if (this.depth === MAX_DEPTH) {
      throw new ArgumentError('ERR_SPAN_DEPTH', `spans nest ${MAX_DEPTH} deep; one end is missing`);
    }
    this.openName[this.depth] = span;
    if (this.counters !== null) this.counters.read(this.openCounts, this.depth * this.width);
    this.openTime[this.depth] = this.clock.now();
    this.depth += 1;
  }

  /**
   * Closes the innermost span, which must be this one; its ticks.
   * @throws ArgumentError ERR_SPAN_ORDER when another span is the innermost
   */
  end(span: number): number {
    const now = this.clock.now();
    const depth = this.depth - 1;
    if (depth < 0 || this.openName[depth] !== span) {
      const open = depth < 0 ? 'none' : this.names[this.openName[depth]];
      throw new ArgumentError(
        'ERR_SPAN_ORDER',
        `end of ${this.names[span]}; innermost span: ${open}`,
      );
    }
    this.depth = depth;
    const ticks = now - this.openTime[depth];
    this.histograms[span].record(ticks);
    if (this.counters !== null) {
      this.counters.read(this.reading);
      const sums = this.sums[span];
      for (let index = 0; index < this.width; index += 1) {
        sums[index] += this.reading[index] - this.openCounts[depth * this.width + index];
      }
    }
    return ticks;
  }

  /** Figures of one name. */
  report(span: number): SpanReport {
    const histogram = this.histograms[span];
    assert(histogram !== undefined, 'the span is registered');
    const names = this.counters === null ? [] : this.counters.names;
    const empty = histogram.count === 0;
    return {
      name: this.names[span],
      count: histogram.count,
      min: empty ? 0 : histogram.low,
      mean: histogram.mean,
      p50: histogram.quantile(500_000),
      p99: histogram.quantile(990_000),
      max: empty ? 0 : histogram.high,
      counters: Object.fromEntries(names.map((name, index) => [name, this.sums[span][index]])),
    };
  }

  /** Figures of all names, in order of registration. */
  reports(): SpanReport[] {
    return this.names.map((_, span) => this.report(span));
  }

  /** The distribution of one name's ticks. */
  histogram(span: number): LogLinearHistogram {
    return this.histograms[span];
  }

  /** Throws InvariantError where a span or a histogram is inconsistent. */
  checkInvariants(): void {
    assert(this.depth >= 0 && this.depth <= MAX_DEPTH, 'depth in range');
    for (let index = 0; index < this.depth; index += 1) {
      assert(this.openName[index] < this.names.length, 'an open span is registered');
    }
    for (const histogram of this.histograms) histogram.checkInvariants();
  }
}
