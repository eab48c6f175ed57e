import {
  ArgumentError,
  assert,
  checkInteger,
  MSR_A_PMC0,
  MSR_FIXED_CTR_CTRL,
  MSR_FIXED_CTR0,
  MSR_PERF_GLOBAL_CTRL,
  MSR_PERF_GLOBAL_OVF_CTRL,
  MSR_PERF_GLOBAL_STATUS,
  MSR_PERFEVTSEL0,
  MSR_PMC0,
  NIL,
  PERFEVTSEL_EDGE,
  PERFEVTSEL_EN,
  PERFEVTSEL_INT,
  PERFEVTSEL_INV,
  PERFEVTSEL_OS,
  PERFEVTSEL_USR,
  type PerformanceCounters,
  RDPMC_FIXED,
  UnsupportedError,
} from '@hotpath/hw-x86';
import { type CpuModel, counterEncoding } from './event-table.js';
import { type CounterName, eventsOf, FIVE_COUNTERS } from './metric.js';

/** Options of a set of counters. */
export interface CounterSetOptions {
  /** Whose event encodings are used. */
  readonly model: CpuModel;
  /** What to count, in the order of a reading; default the five. */
  readonly events?: readonly CounterName[];
  /** Count at CPL 3; default true. */
  readonly user?: boolean;
  /** Count at CPL 0; default true. */
  readonly kernel?: boolean;
  /** Never use fixed counters; default false. */
  readonly generalOnly?: boolean;
  /**
   * Interrupt every `samplePeriod` counts of the first event (which must be a single one), 1..2**31.
   * Default: none. The handler calls {@link CounterSet.overflowed}.
   */
  readonly samplePeriod?: number;
  /** Count cycles in which at least this many events happened, 0..255; general counters only. */
  readonly atLeast?: number;
  /** With `atLeast`: cycles in which fewer happened. */
  readonly below?: boolean;
  /** Count rising edges of the condition. */
  readonly edge?: boolean;
}

/** One physical counter in use. */
interface Slot {
  /** Index of the reading it adds to. */
  readonly reading: number;
  /** RDPMC index. */
  readonly index: number;
  /** Bit of the global registers. */
  readonly bit: number;
  /** Value of PERFEVTSEL; 0 for a fixed counter. */
  readonly select: number;
  last: number;
}

// Two's complement of 32 bits: what WRMSR to PMC0 sign-extends to the counter's width.
const LOW_WORD = 2 ** 32;
const FIXED_BIT = 32;

/**
 * Hardware counters of one CPU, programmed by event name through its MSRs and read with RDPMC.
 * Fixed counters are used for what they count, so that cycles, instructions, LLC misses, branch
 * misses and dTLB misses (two events) fit at once.
 *
 * Invariant: `totals[r]` is the sum of all counts since `start`, of every slot with `reading === r`,
 * as of the last `read`; deltas are taken modulo the counter's width.
 */
export class CounterSet {
  /** What is counted, in the order of a reading. */
  readonly names: readonly CounterName[];
  private readonly pmu: PerformanceCounters;
  private readonly slots: readonly Slot[];
  private readonly totals: Float64Array;
  private readonly modulus: number;
  private readonly period: number;
  private running = false;

  /**
   * Chooses counters; nothing is programmed until `start`.
   * @throws UnsupportedError on a machine without counters
   * @throws ArgumentError ERR_CPU_MODEL, ERR_COUNTER_EVENT, ERR_COUNTER_COUNT (too many at once: use
   * MultiplexedCounters), ERR_SAMPLE_PERIOD, ERR_COUNTER_MASK
   */
  constructor(pmu: PerformanceCounters, options: CounterSetOptions) {
    if (!pmu.supported) throw new UnsupportedError('performance counters on this machine');
    this.pmu = pmu;
    this.names = options.events ?? FIVE_COUNTERS;
    this.modulus = 2 ** pmu.counterBits;
    this.totals = new Float64Array(this.names.length);
    this.period = 0;
    if (options.samplePeriod !== undefined) {
      const limit = 2 ** 31;
      this.period = checkInteger(
        'ERR_SAMPLE_PERIOD',
        'samplePeriod',
        options.samplePeriod,
        1,
        limit,
      );
      if (this.names.length === 0 || eventsOf(this.names[0]).length !== 1) {
        throw new ArgumentError(
          'ERR_SAMPLE_PERIOD',
          `first event is ${this.names[0]}; needed: a single event`,
        );
      }
    }
    checkInteger('ERR_COUNTER_MASK', 'atLeast', options.atLeast ?? 0, 0, 255);
    this.slots = assign(pmu, this.names, options, this.period > 0);
  }

  /** Programs the counters, zeroes the totals and counts from now on. */
  start(): void {
    const { pmu, slots } = this;
    pmu.writeMsr(MSR_PERF_GLOBAL_CTRL, 0n);
    this.totals.fill(0);
    let enable = 0n;
    let fixedControl = 0n;
    for (const slot of slots) {
      const first = slot === slots[0] && this.period > 0;
      const start = first ? this.modulus - this.period : 0;
      this.load(slot, start);
      enable |= 1n << BigInt(slot.bit);
      if (slot.bit < FIXED_BIT) {
        pmu.writeMsr(MSR_PERFEVTSEL0 + slot.bit, BigInt(slot.select));
      } else {
        fixedControl |= BigInt(slot.select) << BigInt((slot.bit - FIXED_BIT) * 4);
      }
    }
    pmu.writeMsr(MSR_FIXED_CTR_CTRL, fixedControl);
    pmu.writeMsr(MSR_PERF_GLOBAL_OVF_CTRL, enable);
    pmu.writeMsr(MSR_PERF_GLOBAL_CTRL, enable);
    this.running = true;
  }

  /** Adds what has been counted, stops and unprograms the counters. Totals stay readable. */
  stop(): void {
    if (!this.running) return;
    this.pmu.writeMsr(MSR_PERF_GLOBAL_CTRL, 0n);
    this.update();
    for (const slot of this.slots) {
      if (slot.bit < FIXED_BIT) this.pmu.writeMsr(MSR_PERFEVTSEL0 + slot.bit, 0n);
    }
    this.pmu.writeMsr(MSR_FIXED_CTR_CTRL, 0n);
    this.running = false;
  }

  /**
   * Counts since `start`, in the order of `names`, into `out[at ...]`. One RDPMC per physical
   * counter (12 ns each on the model), nothing allocated.
   */
  read(out: Float64Array, at = 0): void {
    if (this.running) this.update();
    for (let reading = 0; reading < this.totals.length; reading += 1) {
      out[at + reading] = this.totals[reading];
    }
  }

  /** Counts since `start` by name; for inspection, allocates. */
  readAll(): Record<string, number> {
    const out = new Float64Array(this.names.length);
    this.read(out);
    return Object.fromEntries(this.names.map((name, index) => [name, out[index]]));
  }

  /**
   * For the handler of the counter interrupt: how many sample periods have passed since the last
   * call (0 if the interrupt was another's). Reloads the counter so that the next sample comes at the
   * next multiple of the period, and clears the overflow status. Counting goes on exactly.
   */
  overflowed(): number {
    if (this.period === 0 || !this.running) return 0;
    const slot = this.slots[0];
    const flag = 1n << BigInt(slot.bit);
    if ((this.pmu.readMsr(MSR_PERF_GLOBAL_STATUS) & flag) === 0n) return 0;
    this.update();
    // The counter has passed zero and gone on: its value is how far.
    const beyond = slot.last;
    const periods = 1 + Math.floor(beyond / this.period);
    this.load(slot, this.modulus - (this.period - (beyond % this.period)));
    this.pmu.writeMsr(MSR_PERF_GLOBAL_OVF_CTRL, flag);
    return periods;
  }

  /** Number of physical counters in use. */
  get slotCount(): number {
    return this.slots.length;
  }

  /** Throws InvariantError where two slots share a counter or a total is not a count. */
  checkInvariants(): void {
    assert(new Set(this.slots.map((slot) => slot.bit)).size === this.slots.length, 'own counters');
    for (const slot of this.slots) {
      assert(slot.reading >= 0 && slot.reading < this.names.length, 'a slot has a reading');
      assert(slot.last >= 0 && slot.last < this.modulus, 'a raw value fits its counter');
    }
    for (const total of this.totals) assert(Number.isSafeInteger(total), 'a total is a count');
  }

  private update(): void {
    const { pmu, slots, totals, modulus } = this;
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots[index];
      const raw = pmu.readCounter(slot.index);
      const delta = raw - slot.last;
      totals[slot.reading] += delta < 0 ? delta + modulus : delta;
      slot.last = raw;
    }
  }

  private load(slot: Slot, value: number): void {
    if (slot.bit >= FIXED_BIT) {
      this.pmu.writeMsr(MSR_FIXED_CTR0 + slot.bit - FIXED_BIT, BigInt(value));
    } else if (value < LOW_WORD / 2 || value >= this.modulus - LOW_WORD / 2) {
      this.pmu.writeMsr(MSR_PMC0 + slot.bit, BigInt(value % LOW_WORD));
    } else {
      this.pmu.writeMsr(MSR_A_PMC0 + slot.bit, BigInt(value));
    }
    slot.last = value;
  }
}

/** Gives each event a counter: the fixed one that counts it, where it is free, else a general one. */
function assign(
  pmu: PerformanceCounters,
  names: readonly CounterName[],
  options: CounterSetOptions,
  sampling: boolean,
): Slot[] {
  const user = options.user ?? true;
  const kernel = options.kernel ?? true;
  const atLeast = options.atLeast ?? 0;
  const conditional = atLeast > 0 || options.edge === true;
  let common = PERFEVTSEL_EN;
  if (user) common += PERFEVTSEL_USR;
  if (kernel) common += PERFEVTSEL_OS;
  if (options.edge === true) common += PERFEVTSEL_EDGE;
  if (options.below === true) common += PERFEVTSEL_INV;
  common += atLeast * 2 ** 24;
  const fixedSelect = (kernel ? 1 : 0) + (user ? 2 : 0);
  const slots: Slot[] = [];
  const fixedTaken = new Set<number>();
  let general = 0;
  names.forEach((name, reading) => {
    for (const event of eventsOf(name)) {
      const encoding = counterEncoding(options.model, event);
      if (encoding === null) {
        throw new ArgumentError('ERR_COUNTER_EVENT', `${options.model} has no event "${event}"`);
      }
      const interrupt = sampling && slots.length === 0;
      const { fixed } = encoding;
      const mayFix = options.generalOnly !== true && !conditional && fixed < pmu.fixedCount;
      if (mayFix && fixed !== NIL && !fixedTaken.has(fixed)) {
        fixedTaken.add(fixed);
        const select = fixedSelect + (interrupt ? 8 : 0);
        slots.push({
          reading,
          index: RDPMC_FIXED + fixed,
          bit: FIXED_BIT + fixed,
          select,
          last: 0,
        });
        continue;
      }
      if (general === pmu.generalCount) {
        throw new ArgumentError(
          'ERR_COUNTER_COUNT',
          `${names.join(', ')} need more than ${pmu.generalCount} general counters`,
        );
      }
      const flags = common + (interrupt ? PERFEVTSEL_INT : 0);
      const select = encoding.event + encoding.umask * 256 + flags;
      slots.push({ reading, index: general, bit: general, select, last: 0 });
      general += 1;
    }
  });
  return slots;
}
