/**
 * A sampling profiler over kernel functions. It is like one that uses the NMI: whenever the stack of
 * functions, the mode or the task is about to change, the samples that have come due since the last
 * change are taken of what was there, so that code with interrupts off is seen, too. What taking them
 * costs, an interrupt each, is charged at the next event of the kernel on that CPU.
 *
 * A sample's stack: the program, then kernel functions, outermost first. With `waits` tasks that sleep
 * are sampled, too: their last frame says what they wait for.
 */
import { ArgumentError, type Cpu, checkInteger, HALTED, NIL, TSC } from '@hotpath/hw-x86';
import { type Profile, CallStack as SampledStack, SamplingProfiler } from '@hotpath/pmc-trace';
import type { Current } from '../current.js';
import { CALL_WAITING, OPERATION_SYSCALL } from '../syscall/call.js';
import { type CallStack, frameName } from '../task/call-stack.js';
import {
  type CycleAccounts,
  TIME_DISK,
  TIME_FAULT,
  TIME_KINDS,
  TIME_SLEEP,
  TIME_SYSCALL,
  TIME_USER,
  TIME_WAIT,
} from '../task/cycle-accounts.js';
import type { Tasks } from '../task/tasks.js';
import { TRACE_IRQ_ENTER, TRACE_SWITCH, TRACE_SYSCALL_ENTER, TRACE_WAKE } from '../trace-events.js';
import type { CpuHook, EventTap } from './event-tap.js';
import { Members } from './members.js';

/** Cycles between samples unless told otherwise: 40,000 samples a second at 4 GHz. */
export const DEFAULT_PERIOD = 100_003;

/** Options of {@link KernelProfiler.begin}. */
export interface ProfileOptions {
  /** Unhalted cycles between samples, 100..2**40; default 100,003 (a prime: no program keeps step). */
  readonly period?: number;
  /** Only this task and whatever it starts; default: every task, and the idle CPUs' interrupts. */
  readonly task?: number;
  /** Who ends the profile with its own end; default: nobody. */
  readonly owner?: number;
  /** Sample tasks that sleep, too; default false. */
  readonly waits?: boolean;
  /** Take samples without charging for them; default false. */
  readonly free?: boolean;
}

/** What it reads. */
export interface KernelProfilerPorts {
  readonly tap: EventTap;
  readonly cpus: readonly Cpu[];
  readonly current: Current;
  readonly tasks: Tasks;
  readonly stack: CallStack;
  readonly accounts: CycleAccounts;
  readonly frequencyHz: number;
  /** What a sample costs. */
  readonly interruptCycles: number;
  /** Functions that a task's operation sleeps in, outermost first; null if it has none. */
  parkedOf(task: number): Uint16Array | null;
  /** Kind of wait of a task that is being woken: TIME_DISK, TIME_SLEEP, TIME_WAIT. */
  waitKind(task: number): number;
}

interface Session {
  readonly profiler: SamplingProfiler;
  readonly members: Members;
  readonly owner: number;
  readonly waits: boolean;
  readonly cost: number;
  /** Of each CPU: unhalted cycles at which the next sample is due. */
  readonly due: Float64Array;
  /** Of each CPU: cycles to be charged for samples taken. */
  readonly owed: Float64Array;
  /** Of each CPU: the task that has it. */
  readonly taskOn: Int32Array;
  /** Of each task: cycles asleep that made no whole sample yet. */
  readonly rest: Map<number, number>;
  readonly started: number;
}

/** One profile at a time. */
export class KernelProfiler implements CpuHook {
  readonly #ports: KernelProfilerPorts;
  readonly #scratch = new SampledStack();
  #session: Session | null = null;
  #cpu: Cpu;

  constructor(ports: KernelProfilerPorts) {
    this.#ports = ports;
    this.#cpu = ports.cpus[0];
  }

  /** True while samples are taken. */
  get isRunning(): boolean {
    return this.#session !== null;
  }

  /** The task that has begun the profile, or NIL: the host, or nobody. */
  get owner(): number {
    return this.#session?.owner ?? NIL;
  }

  /**
   * Takes samples from now on.
   * @throws ArgumentError `ERR_PROFILE_BUSY` while a profile runs, `ERR_SAMPLE_PERIOD`
   */
  begin(options: ProfileOptions = {}): void {
    if (this.#session !== null) {
      throw new ArgumentError('ERR_PROFILE_BUSY', 'a profile runs; allowed: one at a time');
    }
    const period = checkInteger(
      'ERR_SAMPLE_PERIOD',
      'period',
      options.period ?? DEFAULT_PERIOD,
      100,
      2 ** 40,
    );
    const { accounts, cpus, current, frequencyHz, interruptCycles, stack, tap, tasks } =
      this.#ports;
    const owner = options.owner ?? NIL;
    const start = current.cpu.cells[TSC];
    this.#session = {
      profiler: new SamplingProfiler({
        period,
        cpuCount: cpus.length,
        ticksPerSecond: frequencyHz,
        start,
      }),
      members: new Members(tap, tasks, options.task ?? NIL, owner, () => this.end()),
      owner,
      waits: options.waits ?? false,
      cost: options.free === true ? 0 : interruptCycles,
      due: Float64Array.from(cpus, ({ cells }) => unhalted(cells) + period),
      owed: new Float64Array(cpus.length),
      taskOn: Int32Array.from(cpus, (cpu) => (cpu === current.cpu ? current.task : NIL)),
      rest: new Map(),
      started: start,
    };
    this.#cpu = current.cpu;
    stack.probe = () => this.#probe();
    accounts.probe = stack.probe;
    tap.addTracer(this);
  }

  /** Ends the profile: what was sampled; null if there is none. */
  end(): Profile | null {
    const session = this.#session;
    if (session === null) return null;
    this.#probe();
    const { accounts, stack, tap } = this.#ports;
    stack.probe = null;
    accounts.probe = null;
    tap.removeTracer(this);
    session.members.close();
    this.#session = null;
    return session.profiler;
  }

  /** Another CPU runs from now on. */
  run(cpu: number): void {
    this.#probe();
    this.#cpu = this.#ports.cpus[cpu];
  }

  emit(kind: number, a: number, b: number): void {
    const session = this.#session;
    if (session === null) return;
    if (kind === TRACE_SWITCH) {
      this.#probe();
      session.taskOn[this.#cpu.id] = b;
    } else if (kind === TRACE_WAKE) {
      if (session.waits) this.#slept(session, a);
      return;
    } else if (kind !== TRACE_IRQ_ENTER && kind !== TRACE_SYSCALL_ENTER) return;
    const { id } = this.#cpu;
    if (session.owed[id] === 0) return;
    this.#cpu.cells[TSC] += session.owed[id];
    // The handler does not sample itself.
    session.due[id] += session.owed[id];
    session.owed[id] = 0;
  }

  /** Takes what has come due on the running CPU. */
  #probe(): void {
    const session = this.#session;
    if (session === null) return;
    const { cells, id } = this.#cpu;
    const now = unhalted(cells);
    const due = session.due[id];
    if (now < due) return;
    const { period } = session.profiler;
    const samples = 1 + Math.floor((now - due) / period);
    session.due[id] = due + samples * period;
    const task = session.taskOn[id];
    const isWanted = session.members.has(task) || (task === NIL && session.members.has(0));
    if (!isWanted) return;
    session.owed[id] += samples * session.cost;
    this.#take(session, task, samples);
  }

  #take(session: Session, task: number, samples: number): void {
    const { accounts, stack } = this.#ports;
    const scratch = this.#scratch;
    scratch.unwind(0);
    this.#enter(session, task === NIL ? '[idle]' : this.#programOf(task));
    const { mode } = accounts;
    if (stack.depth === 0 && (task === NIL || mode !== TIME_USER)) {
      this.#enter(session, mode === TIME_SYSCALL || mode === TIME_FAULT ? 'entry' : 'dispatch');
    }
    for (let i = 0; i < stack.depth; i++) this.#enter(session, frameName(stack.frames[i]));
    session.profiler.sample(scratch, samples);
  }

  /** A task is woken: its sleep as samples of where it slept. */
  #slept(session: Session, task: number): void {
    if (!session.members.has(task)) return;
    const { tasks } = this.#ports;
    const since = Math.max(tasks.sleptAt[task], session.started);
    const { period } = session.profiler;
    const cycles = this.#cpu.cells[TSC] - since + (session.rest.get(task) ?? 0);
    if (cycles <= 0) return;
    session.rest.set(task, cycles % period);
    const samples = Math.floor(cycles / period);
    if (samples === 0) return;
    const scratch = this.#scratch;
    scratch.unwind(0);
    this.#enter(session, this.#programOf(task));
    const call = tasks.call[task];
    if (call.operation === OPERATION_SYSCALL && call.state === CALL_WAITING) {
      this.#enter(session, frameName(call.number));
    }
    for (const frame of this.#ports.parkedOf(task) ?? []) this.#enter(session, frameName(frame));
    this.#enter(session, waitName(this.#ports.waitKind(task)));
    session.profiler.sample(scratch, samples);
  }

  #programOf(task: number): string {
    return this.#ports.tasks.report[task]?.name ?? `task ${task}`;
  }

  #enter(session: Session, name: string): void {
    this.#scratch.enter(session.profiler.register(name));
  }
}

function unhalted(cells: Float64Array): number {
  return cells[TSC] - cells[HALTED];
}

/** `[wait: disk]` and the like. */
function waitName(kind: number): string {
  const known = kind === TIME_DISK || kind === TIME_SLEEP || kind === TIME_WAIT;
  return known ? `[wait: ${kind === TIME_WAIT ? 'task' : TIME_KINDS[kind]}]` : '[wait]';
}
