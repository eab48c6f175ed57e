import { BLOCKED, EAGAIN, NIL, OK } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';
import { CALL_WAITING, type Call, type Interruptible, RESTART_UNHANDLED } from '../syscall/call.js';
import type { Launch } from '../syscall/program.js';
import type { Signals } from './signals.js';
import { TASK_ZOMBIE, type Tasks } from './tasks.js';
import type { TaskWaits } from './waits.js';

/** What exec by one of several threads works on. */
export interface ThreadExecPorts {
  readonly tasks: Tasks;
  readonly signals: Signals;
  readonly waits: TaskWaits;
  /** Puts the program in the place of the only thread's: REPLACED, or ENOMEM. */
  exec(leader: number, launch: Launch): number;
}

/**
 * exec by one of several threads (Linux: de_thread): the others end, and the new program runs as the
 * first thread of the process, whichever asked, so that the process keeps its number.
 */
export class ThreadExec implements Interruptible {
  readonly #ports: ThreadExecPorts;
  /** Of a leader: what is to run when it is alone. */
  readonly #launch: (Launch | null)[] = new Array<Launch | null>(TASK_LIMIT).fill(null);

  constructor(ports: ThreadExecPorts) {
    this.#ports = ports;
  }

  /** True while the process waits to be alone. */
  isPending(leader: number): boolean {
    return this.#launch[leader] !== null;
  }

  /** exec: REPLACED, ENOMEM, BLOCKED; EAGAIN where the first thread has ended, or another's exec waits. */
  begin(call: Call, launch: Launch): number {
    const { signals, tasks } = this.#ports;
    const leader = tasks.leader[call.task];
    if (tasks.threadCount[leader] === 1 && leader === call.task) {
      return this.#ports.exec(leader, launch);
    }
    if (this.isPending(leader) || tasks.state[leader] === TASK_ZOMBIE) return EAGAIN;
    this.#launch[leader] = launch;
    signals.endOtherThreads(leader);
    if (call.task !== leader) {
      // The caller is one of those that end.
      tasks.exitStatus[call.task] = 0;
      return BLOCKED;
    }
    return this.#wait(call);
  }

  /** The first thread's own exec is entered again. */
  resume(call: Call): number {
    const { signals, tasks } = this.#ports;
    if (tasks.threadCount[call.task] > 1) {
      // A signal: only a deadly one stops it.
      if (signals.ending[call.task] === NIL) return this.#wait(call);
      this.#launch[call.task] = null;
      return RESTART_UNHANDLED;
    }
    return this.finish(call.task);
  }

  /** The process is down to its first thread: that one goes on. */
  alone(leader: number): void {
    const { signals, tasks, waits } = this.#ports;
    if (!this.isPending(leader)) return;
    const call = tasks.call[leader];
    if (call.state === CALL_WAITING && call.interruptible === this && !call.woken) {
      waits.end(call, OK);
    } else {
      signals.unpark(leader);
    }
  }

  /** Runs the new program in the first thread, which is alone and current: as `begin`. */
  finish(leader: number): number {
    const launch = this.#launch[leader];
    this.#launch[leader] = null;
    return launch === null ? EAGAIN : this.#ports.exec(leader, launch);
  }

  cancel(): void {}

  #wait(call: Call): number {
    call.stage = 1;
    this.#ports.waits.beginSlow(call, this);
    return BLOCKED;
  }
}
