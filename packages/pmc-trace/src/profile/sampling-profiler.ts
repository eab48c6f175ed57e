import { ArgumentError, assert, checkInteger } from '@hotpath/hw-x86';
import { type CallStack, STACK_DEPTH } from './call-stack.js';
import { CallTree, ROOT } from './call-tree.js';
import { type Profile, TRUNCATED_NAME } from './profile.js';

/** Options of a sampling profiler. */
export interface SamplingProfilerOptions {
  /** Ticks between samples, 1..2**40. */
  readonly period: number;
  /** Number of CPUs, each with its own deadline; default 1. */
  readonly cpuCount?: number;
  /** Ticks a second; default 1e9. */
  readonly ticksPerSecond?: number;
  /** Time of the first tick; the first sample is due one period later. Default 0. */
  readonly start?: number;
}

/**
 * Sampling profiler like one that uses the NMI: whoever charges time calls {@link tick}, and the stack
 * is recorded there and then, also where interrupts are off. A charge that crosses several deadlines
 * weighs as many samples. For sampling by counter overflow the interrupt's handler calls
 * {@link sample} with what `CounterSet.overflowed` answered.
 *
 * Invariant: `sampleCount === tree.total`; `deadlines[cpu]` is later than the last `tick` of that CPU.
 */
export class SamplingProfiler implements Profile {
  readonly kind = 'samples';
  readonly tree = new CallTree();
  readonly period: number;
  readonly ticksPerSecond: number;
  readonly start: number;
  /** Samples that could not be taken, as told by {@link lose}. */
  lost = 0;
  private readonly deadlines: Float64Array;
  private readonly truncated: number;

  /** @throws ArgumentError ERR_SAMPLE_PERIOD, ERR_CPU_COUNT, ERR_TICKS */
  constructor(options: SamplingProfilerOptions) {
    this.period = checkInteger('ERR_SAMPLE_PERIOD', 'period', options.period, 1, 2 ** 40);
    const cpuCount = checkInteger('ERR_CPU_COUNT', 'cpuCount', options.cpuCount ?? 1, 1, 1024);
    this.ticksPerSecond = options.ticksPerSecond ?? 1e9;
    if (!(this.ticksPerSecond > 0)) {
      throw new ArgumentError(
        'ERR_TICKS',
        `ticksPerSecond is ${options.ticksPerSecond}; allowed: above 0`,
      );
    }
    this.start = options.start ?? 0;
    this.deadlines = new Float64Array(cpuCount).fill(this.start + this.period);
    this.truncated = this.tree.register(TRUNCATED_NAME);
  }

  /** A number for a function, for `CallStack.enter`. */
  register(name: string, file = '', line = 0): number {
    return this.tree.register(name, file, line);
  }

  /** Time of the next sample on a CPU. */
  deadline(cpu: number): number {
    return this.deadlines[cpu];
  }

  /**
   * Time has come to `now` on `cpu`: takes the samples that are due. How many, so that the caller can
   * charge the handler's cost at its next safe point. One comparison while none is due.
   */
  tick(cpu: number, now: number, stack: CallStack): number {
    const due = this.deadlines[cpu];
    if (now < due) return 0;
    const samples = 1 + Math.floor((now - due) / this.period);
    this.deadlines[cpu] = due + samples * this.period;
    this.sample(stack, samples);
    return samples;
  }

  /** Records a stack with a weight in samples. Costs a walk of the stack. */
  sample(stack: CallStack, samples = 1): void {
    assert(samples >= 0, 'a weight is not negative');
    if (samples === 0) return;
    const { tree } = this;
    const { frames, depth } = stack;
    let node = ROOT;
    const known = Math.min(depth, STACK_DEPTH);
    for (let index = 0; index < known; index += 1) node = tree.child(node, frames[index]);
    if (depth > STACK_DEPTH) node = tree.child(node, this.truncated);
    tree.add(node, samples);
  }

  /** Samples that were due could not be taken. */
  lose(samples: number): void {
    this.lost += checkInteger('ERR_SAMPLE_COUNT', 'lost samples', samples, 0, 2 ** 40);
  }

  /** Samples taken. */
  get sampleCount(): number {
    return this.tree.total;
  }

  /** Throws InvariantError where the tree is inconsistent. */
  checkInvariants(): void {
    this.tree.checkInvariants();
    assert(this.lost >= 0, 'loss is a count');
  }
}
