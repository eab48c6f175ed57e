/** Where the time of system calls goes: by call, the same kinds of time that tasks are accounted by. */
import type { Cpu } from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import { TASK_LIMIT } from '../params.js';
import { SYS_LIMIT, systemCallName } from '../syscall/numbers.js';
import {
  type CycleAccounts,
  TIME_KINDS,
  type TimeTable,
  timeTable,
} from '../task/cycle-accounts.js';
import type { Tasks } from '../task/tasks.js';
import { TRACE_SYSCALL_ENTER, TRACE_SYSCALL_EXIT, TRACE_TASK_START } from '../trace-events.js';
import type { EventListener, EventTap } from './event-tap.js';

const KINDS = TIME_KINDS.length;
const NO_CALL = -1;

/** One kind of call. */
export interface CallTime {
  readonly name: string;
  /** Calls that have ended. */
  readonly count: number;
  /** Those of them that answered an errno. */
  readonly errors: number;
  /** Cycles of all of them, waits included, and of the longest. */
  readonly cycles: number;
  readonly longest: number;
  /** The cycles by kind. */
  readonly time: TimeTable;
}

/** What it reads. */
export interface CallTimesPorts {
  readonly tap: EventTap;
  readonly tasks: Tasks;
  readonly accounts: CycleAccounts;
  readonly current: Current;
}

/** Sums by call number. A call that does not come back (exit) is not counted. */
export class CallTimes implements EventListener {
  readonly #ports: CallTimesPorts;
  readonly #count = new Float64Array(SYS_LIMIT);
  readonly #errors = new Float64Array(SYS_LIMIT);
  readonly #longest = new Float64Array(SYS_LIMIT);
  /** By call and kind. */
  readonly #time = new Float64Array(SYS_LIMIT * KINDS);
  /** By task: the call that it is in, and its times as they were at the begin. */
  readonly #call = new Int32Array(TASK_LIMIT).fill(NO_CALL);
  readonly #before = new Float64Array(TASK_LIMIT * KINDS);

  constructor(ports: CallTimesPorts) {
    this.#ports = ports;
    ports.tap.listen(this, [TRACE_SYSCALL_ENTER, TRACE_SYSCALL_EXIT, TRACE_TASK_START]);
  }

  /** Every call that there was, the one with most time first. */
  table(): CallTime[] {
    const rows: CallTime[] = [];
    for (let number = 0; number < SYS_LIMIT; number++) {
      if (this.#count[number] === 0) continue;
      const column = this.#time.subarray(number * KINDS, (number + 1) * KINDS);
      rows.push({
        name: systemCallName(number),
        count: this.#count[number],
        errors: this.#errors[number],
        cycles: column.reduce((sum, cycles) => sum + cycles, 0),
        longest: this.#longest[number],
        time: timeTable(column),
      });
    }
    return rows.sort((a, b) => b.cycles - a.cycles);
  }

  event(kind: number, a: number, b: number, _cpu: Cpu): void {
    if (kind === TRACE_TASK_START) {
      this.#call[a] = NO_CALL;
      return;
    }
    const { accounts, current, tasks } = this.#ports;
    // Brings the account of the present mode up to now; the mode stays.
    accounts.enter(accounts.mode);
    const { task } = current;
    const time = tasks.time[task];
    const first = task * KINDS;
    if (kind === TRACE_SYSCALL_ENTER) {
      this.#call[task] = a;
      this.#before.set(time, first);
      return;
    }
    const number = this.#call[task];
    this.#call[task] = NO_CALL;
    if (number !== a || number < 0 || number >= SYS_LIMIT) return;
    this.#count[number] += 1;
    if (b < 0) this.#errors[number] += 1;
    let sum = 0;
    for (let i = 0; i < KINDS; i++) {
      const cycles = time[i] - this.#before[first + i];
      this.#time[number * KINDS + i] += cycles;
      sum += cycles;
    }
    if (sum > this.#longest[number]) this.#longest[number] = sum;
  }
}
