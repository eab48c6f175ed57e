/**
 * What the counters of the processors say about one command and whatever it starts (Linux: perf stat).
 * The counters run on every CPU; at each change of task they are read, and what they have counted
 * since the last one belongs to the task that leaves. Programming and reading them costs what WRMSR
 * and RDPMC cost.
 */
import { ArgumentError, type Cpu, NIL, TSC } from '@hotpath/hw-x86';
import { type CounterName, CounterSet, type CpuModel } from '@hotpath/pmc-trace';
import type { Current } from '../current.js';
import { TASK_LIMIT } from '../params.js';
import type { Tasks } from '../task/tasks.js';
import { TRACE_PAGE_FAULT, TRACE_SWITCH, TRACE_TASK_START } from '../trace-events.js';
import type { EventListener, EventTap } from './event-tap.js';
import { Members } from './members.js';

/** What is counted unless told otherwise: ten of the eleven counters. */
export const DEFAULT_COUNTERS: readonly CounterName[] = [
  'cycles',
  'instructions',
  'branches',
  'branch-misses',
  'llc-references',
  'llc-misses',
  'l1-misses',
  'dtlb-misses',
  'itlb-walks',
];

/** What was counted of a command. */
export interface TaskCounts {
  /** Events by name, in the order asked for. */
  readonly events: readonly { readonly name: CounterName; readonly count: number }[];
  /** Cycles on any CPU, of all its tasks. */
  readonly taskClock: number;
  /** Cycles from the begin to the end of counting. */
  readonly elapsed: number;
  /** Times that one of its tasks left a CPU. */
  readonly switches: number;
  /** Times that one of its tasks came to another CPU than before. */
  readonly migrations: number;
  readonly faults: number;
  /** Tasks that were counted. */
  readonly tasks: number;
}

/** One CPU's share of a session. */
interface Share {
  readonly set: CounterSet;
  readonly last: Float64Array;
  readonly now: Float64Array;
  /** TSC at the last change of task. */
  since: number;
}

interface Session {
  readonly names: readonly CounterName[];
  readonly owner: number;
  readonly started: number;
  readonly members: Members;
  readonly cpuOf: Int32Array;
  readonly sums: Float64Array;
  readonly shares: (Share | null)[];
  taskClock: number;
  switches: number;
  migrations: number;
  faults: number;
}

/** What it works on. */
export interface TaskCountersPorts {
  readonly tap: EventTap;
  readonly cpus: readonly Cpu[];
  readonly model: CpuModel;
  readonly tasks: Tasks;
  /** The CPU that runs now, and its task. */
  readonly current: Current;
}

/** One session at a time: there is one set of counters. */
export class TaskCounters implements EventListener {
  readonly #ports: TaskCountersPorts;
  #session: Session | null = null;
  /** Of each CPU: counters of a session that is over, to be switched off when the CPU is there. */
  readonly #stale: (CounterSet | null)[];

  constructor(ports: TaskCountersPorts) {
    this.#ports = ports;
    this.#stale = new Array<CounterSet | null>(ports.cpus.length).fill(null);
  }

  /** True while a command is counted. */
  get isRunning(): boolean {
    return this.#session !== null;
  }

  /** The task that has begun counting, or NIL: the host, or nobody. */
  get owner(): number {
    return this.#session?.owner ?? NIL;
  }

  /**
   * Counts a task, and whatever it starts, from now on.
   * @param owner - the task that will call {@link end}: with its end counting ends, too; NIL: the host
   * @throws ArgumentError `ERR_COUNTERS_BUSY`, and what CounterSet refuses: `ERR_COUNTER_COUNT` for
   *   more events than there are counters, `ERR_COUNTER_EVENT`
   */
  begin(task: number, owner: number = NIL, names: readonly CounterName[] = DEFAULT_COUNTERS): void {
    if (this.#session !== null) {
      throw new ArgumentError(
        'ERR_COUNTERS_BUSY',
        'the counters are in use; allowed: one command at a time',
      );
    }
    const { current, cpus, tap } = this.#ports;
    // Refuses what does not fit before anything has changed.
    const shares = cpus.map(() => null);
    this.#share(current.cpu.id, names);
    this.#session = {
      names,
      owner,
      started: current.cpu.cells[TSC],
      members: new Members(tap, this.#ports.tasks, task, owner, () => this.end()),
      cpuOf: new Int32Array(TASK_LIMIT).fill(NIL),
      sums: new Float64Array(names.length),
      shares,
      taskClock: 0,
      switches: 0,
      migrations: 0,
      faults: 0,
    };
    this.#session.cpuOf[task] = current.task === task ? current.cpu.id : NIL;
    tap.listen(this, [TRACE_SWITCH, TRACE_TASK_START, TRACE_PAGE_FAULT]);
    if (current.task === task) this.#start(this.#session, current.cpu.id);
  }

  /** Ends counting: what was counted; null if nothing was begun, or its owner had ended. */
  end(): TaskCounts | null {
    const session = this.#session;
    if (session === null) return null;
    const { current, tap } = this.#ports;
    const { id } = current.cpu;
    if (session.shares[id] !== null) this.#take(session, id, current.task);
    tap.ignore(this);
    session.members.close();
    this.#session = null;
    for (const [cpu, share] of session.shares.entries()) this.#stale[cpu] = share?.set ?? null;
    this.#stopStale(id);
    if (this.#stale.some((set) => set !== null)) tap.listen(this, [TRACE_SWITCH]);
    const { faults, members, migrations, names, sums, switches, taskClock } = session;
    const events = names.map((name, index) => ({ name, count: sums[index] }));
    const elapsed = current.cpu.cells[TSC] - session.started;
    return { events, taskClock, elapsed, switches, migrations, faults, tasks: members.count };
  }

  event(kind: number, a: number, b: number, cpu: Cpu): void {
    const session = this.#session;
    this.#stopStale(cpu.id);
    if (session === null) {
      if (this.#stale.every((set) => set === null)) this.#ports.tap.ignore(this);
      return;
    }
    if (kind === TRACE_SWITCH) this.#switched(session, cpu.id, a, b);
    else if (kind === TRACE_TASK_START) session.cpuOf[a] = NIL;
    else if (session.members.has(this.#ports.current.task)) session.faults += 1;
  }

  #switched(session: Session, cpu: number, from: number, to: number): void {
    if (session.shares[cpu] === null) this.#start(session, cpu);
    else this.#take(session, cpu, from);
    if (session.members.has(from)) session.switches += 1;
    if (!session.members.has(to)) return;
    if (session.cpuOf[to] !== NIL && session.cpuOf[to] !== cpu) session.migrations += 1;
    session.cpuOf[to] = cpu;
  }

  #share(cpu: number, names: readonly CounterName[]): Share {
    const { cpus, model } = this.#ports;
    return {
      set: new CounterSet(cpus[cpu], { model, events: names }),
      last: new Float64Array(names.length),
      now: new Float64Array(names.length),
      since: cpus[cpu].cells[TSC],
    };
  }

  #start(session: Session, cpu: number): void {
    const share = this.#share(cpu, session.names);
    share.set.start();
    share.since = this.#ports.cpus[cpu].cells[TSC];
    session.shares[cpu] = share;
  }

  /** What has been counted on a CPU since the last change belongs to the task that had it. */
  #take(session: Session, cpu: number, task: number): void {
    const share = session.shares[cpu];
    if (share === null) return;
    const { cells } = this.#ports.cpus[cpu];
    const { last, now, set } = share;
    set.read(now);
    if (session.members.has(task)) {
      session.taskClock += cells[TSC] - share.since;
      for (let i = 0; i < now.length; i++) session.sums[i] += now[i] - last[i];
    }
    last.set(now);
    share.since = cells[TSC];
  }

  #stopStale(cpu: number): void {
    this.#stale[cpu]?.stop();
    this.#stale[cpu] = null;
  }
}
