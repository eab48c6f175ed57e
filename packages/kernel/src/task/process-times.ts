import { NIL } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';
import {
  TIME_FAULT,
  TIME_INTERRUPT,
  TIME_SWITCH,
  TIME_SYSCALL,
  TIME_USER,
  TIME_WALK,
} from './cycle-accounts.js';
import { TASK_FREE, type Tasks } from './tasks.js';

/** CPU time in cycles. */
export interface CpuTimes {
  user: number;
  system: number;
}

/**
 * CPU time of processes by ring, as times(2) and getrusage(2) tell it: of all threads, those that have
 * ended too, and of the children that were waited for, with theirs.
 */
export class ProcessTimes {
  readonly #tasks: Tasks;
  /** Of a leader: threads that have ended. */
  readonly #user = new Float64Array(TASK_LIMIT);
  readonly #system = new Float64Array(TASK_LIMIT);
  /** Of a leader: children that were waited for. */
  readonly #childUser = new Float64Array(TASK_LIMIT);
  readonly #childSystem = new Float64Array(TASK_LIMIT);

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  /** A new process. */
  reset(leader: number): void {
    this.#user[leader] = 0;
    this.#system[leader] = 0;
    this.#childUser[leader] = 0;
    this.#childSystem[leader] = 0;
  }

  /** A thread that is not the first has ended; its row is about to be free. */
  threadEnded(task: number): void {
    const { leader, time } = this.#tasks;
    this.#user[leader[task]] += userOf(time[task]);
    this.#system[leader[task]] += systemOf(time[task]);
  }

  /** A process was waited for: what it used is its parent's children's from now on. */
  reaped(leader: number): void {
    const parent = this.#tasks.family.parent[leader];
    if (parent === NIL) return;
    const { user, system } = this.own(leader);
    this.#childUser[parent] += user + this.#childUser[leader];
    this.#childSystem[parent] += system + this.#childSystem[leader];
  }

  /** Of the process itself, up to the last change of mode of each thread. */
  own(leader: number): CpuTimes {
    const { leader: leaders, state, time } = this.#tasks;
    const times = { user: this.#user[leader], system: this.#system[leader] };
    for (let task = 1; task < TASK_LIMIT; task++) {
      if (state[task] === TASK_FREE || leaders[task] !== leader) continue;
      times.user += userOf(time[task]);
      times.system += systemOf(time[task]);
    }
    return times;
  }

  /** Of its children. */
  children(leader: number): CpuTimes {
    return { user: this.#childUser[leader], system: this.#childSystem[leader] };
  }
}

/** Page walks are counted to the program: nearly all are of its own accesses. */
function userOf(time: Float64Array): number {
  return time[TIME_USER] + time[TIME_WALK];
}

function systemOf(time: Float64Array): number {
  return time[TIME_SYSCALL] + time[TIME_FAULT] + time[TIME_SWITCH] + time[TIME_INTERRUPT];
}
