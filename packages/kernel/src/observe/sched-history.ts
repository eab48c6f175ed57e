/**
 * Who had which CPU when: the last 65,536 changes of task of a kernel, from the events and the columns
 * that the dispatcher itself keeps its accounts by, so that both say the same.
 */
import { type Cpu, NIL, TSC } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';
import { TASK_BLOCKED, TASK_READY, TASK_RUNNING, type Tasks } from '../task/tasks.js';
import { TRACE_SWITCH, TRACE_TASK_START } from '../trace-events.js';
import type { EventListener, EventTap } from './event-tap.js';

/** Changes of task that are kept. */
const CAPACITY = 65_536;

/** One change of task on one CPU. Times are cycles. */
export interface SchedSwitch {
  readonly time: number;
  readonly cpu: number;
  /** The task that leaves the CPU, or NIL: it was idle. */
  readonly from: number;
  readonly fromName: string;
  /** `R` preempted or yielding, `S` asleep, `X` ended; empty for NIL. */
  readonly state: string;
  /** How long it had the CPU. */
  readonly ran: number;
  /** How long it was ready before it got it. */
  readonly delayed: number;
  /** How long it had slept before it was ready. */
  readonly slept: number;
  /** The task that gets the CPU, or NIL: it goes idle. */
  readonly to: number;
  readonly toName: string;
}

/** What it listens to and reads. */
export interface SchedHistoryPorts {
  readonly tap: EventTap;
  readonly tasks: Tasks;
  readonly cpuCount: number;
}

/** The ring of changes. */
export class SchedHistory implements EventListener {
  readonly #tasks: Tasks;
  readonly #rows: (SchedSwitch | undefined)[] = new Array<SchedSwitch | undefined>(CAPACITY);
  #count = 0;
  // Of each CPU: when its task came, and how long that one was ready and asleep before.
  readonly #since: Float64Array;
  readonly #delayed: Float64Array;
  readonly #slept: Float64Array;
  /** When each task last left a CPU, or began. */
  readonly #left = new Float64Array(TASK_LIMIT);

  constructor(ports: SchedHistoryPorts) {
    this.#tasks = ports.tasks;
    this.#since = new Float64Array(ports.cpuCount);
    this.#delayed = new Float64Array(ports.cpuCount);
    this.#slept = new Float64Array(ports.cpuCount);
    ports.tap.listen(this, [TRACE_SWITCH, TRACE_TASK_START]);
  }

  /** Changes that were too many to keep. */
  get lost(): number {
    return Math.max(0, this.#count - CAPACITY);
  }

  /** The changes that are kept, in order of their times (of several CPUs: merged). Allocates. */
  switches(): SchedSwitch[] {
    const rows: SchedSwitch[] = [];
    for (let i = Math.max(0, this.#count - CAPACITY); i < this.#count; i++) {
      const row = this.#rows[i % CAPACITY];
      if (row !== undefined) rows.push(row);
    }
    return rows.sort((a, b) => a.time - b.time || a.cpu - b.cpu);
  }

  event(kind: number, from: number, to: number, cpu: Cpu): void {
    const time = cpu.cells[TSC];
    if (kind === TRACE_TASK_START) {
      this.#left[from] = time;
      return;
    }
    const { id } = cpu;
    const tasks = this.#tasks;
    this.#rows[this.#count % CAPACITY] = {
      time,
      cpu: id,
      from,
      fromName: this.#nameOf(from),
      state: from === NIL ? '' : stateLetter(tasks, from),
      ran: time - this.#since[id],
      delayed: this.#delayed[id],
      slept: this.#slept[id],
      to,
      toName: this.#nameOf(to),
    };
    this.#count += 1;
    this.#since[id] = time;
    if (from !== NIL) this.#left[from] = time;
    this.#delayed[id] = to === NIL ? 0 : time - tasks.readyAt[to];
    this.#slept[id] = to === NIL ? 0 : Math.max(0, tasks.readyAt[to] - this.#left[to]);
  }

  #nameOf(task: number): string {
    return task === NIL ? '' : (this.#tasks.report[task]?.name ?? '');
  }
}

function stateLetter(tasks: Tasks, task: number): string {
  if (tasks.exitStatus[task] !== NIL) return 'X';
  const state = tasks.state[task];
  return state === TASK_READY || state === TASK_RUNNING ? 'R' : state === TASK_BLOCKED ? 'S' : 'X';
}
