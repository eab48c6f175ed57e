import { NIL } from '@hotpath/hw-x86';
import type { KernelLog } from '../kernel-log.js';
import { TASK_LIMIT } from '../params.js';
import type { Call } from '../syscall/call.js';
import { TASK_FREE, TASK_ZOMBIE, type Tasks } from '../task/tasks.js';
import type { AddressSpace } from './address-space.js';

/** What the policy works on. */
export interface OutOfMemoryPorts {
  readonly tasks: Tasks;
  readonly log: KernelLog;
  /** True for a process that must live. */
  isProtected(leader: number): boolean;
  /** Sends SIGKILL to a process. */
  kill(leader: number): void;
  /** Lets the task of a call sleep for a moment; its wake-up completes the call's wait. */
  pause(call: Call): void;
}

/**
 * What happens when there is no frame and nobody gives one back (Linux: mm/oom_kill.c): the process
 * with most memory that is not protected is killed, one at a time, with a line in the log, and who
 * needs the frame tries again when it is gone.
 */
export class OutOfMemory {
  /** Processes killed. */
  killCount = 0;
  readonly #ports: OutOfMemoryPorts;
  /** The process that was killed last, and its memory, which is still there until it has ended. */
  #victim = NIL;
  #victimSpace: AddressSpace | null = null;

  constructor(ports: OutOfMemoryPorts) {
    this.#ports = ports;
  }

  /** A task found no frame: true if it sleeps for a moment and is to try again; false: it cannot. */
  relieve(space: AddressSpace, call: Call | null): boolean {
    const { tasks } = this.#ports;
    const dying = this.#victim !== NIL && tasks.space[this.#victim] === this.#victimSpace;
    if (!dying) this.#chooseVictim();
    if (this.#victim === NIL || this.#victimSpace === space || call === null) return false;
    this.#ports.pause(call);
    return true;
  }

  #chooseVictim(): void {
    const { log, tasks } = this.#ports;
    let most = 0;
    this.#victim = NIL;
    this.#victimSpace = null;
    for (let task = 1; task < TASK_LIMIT; task++) {
      if (tasks.state[task] === TASK_FREE || tasks.state[task] === TASK_ZOMBIE) continue;
      const space = tasks.space[task];
      if (space === null || tasks.leader[task] !== task || this.#ports.isProtected(task)) continue;
      if (space.residentPages <= most) continue;
      most = space.residentPages;
      this.#victim = task;
      this.#victimSpace = space;
    }
    if (this.#victim === NIL) {
      log.write('out of memory, and no process may be killed');
      return;
    }
    this.killCount += 1;
    const name = tasks.report[this.#victim]?.name ?? '';
    log.write(`out of memory: killed process ${this.#victim} "${name}", ${most} pages resident`);
    this.#ports.kill(this.#victim);
  }
}
