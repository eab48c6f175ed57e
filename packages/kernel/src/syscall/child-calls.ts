/** Calls about children: fork and wait4. */
import { BLOCKED, EAGAIN, ECHILD, EFAULT, NIL, OK } from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import { isUserAddress } from '../memory/memory-map.js';
import { FAULT_RESOLVED } from '../memory/page-fault.js';
import type { Lifecycle } from '../task/lifecycle.js';
import type { Tasks } from '../task/tasks.js';
import type { UserAccess } from '../task/user-access.js';
import type { TaskWaits } from '../task/waits.js';
import type { Call } from './call.js';
import type { Handler } from './entry.js';
import { SYS_FORK, SYS_WAIT4 } from './numbers.js';

/** What these calls work on. */
export interface ChildCallPorts {
  readonly current: Current;
  readonly tasks: Tasks;
  readonly lifecycle: Lifecycle;
  readonly waits: TaskWaits;
  readonly access: UserAccess;
}

/** Puts the handlers into the table. */
export function installChildCalls(table: (Handler | undefined)[], ports: ChildCallPorts): void {
  table[SYS_FORK] = (call) => {
    const { program } = call;
    call.program = null;
    if (program === null) return EFAULT;
    return ports.lifecycle.fork(call.task, program)?.task ?? EAGAIN;
  };
  table[SYS_WAIT4] = (call) => wait(call, ports);
}

/**
 * The end of a child, now or after a wait. Looking again after the wake-up is right here: nobody but
 * its parent can take a zombie.
 */
function wait(call: Call, ports: ChildCallPorts): number {
  const { tasks, lifecycle, waits } = ports;
  const child = lifecycle.findChild(call.task, call.a, true);
  if (child === NIL) {
    if (lifecycle.findChild(call.task, call.a, false) === NIL) return ECHILD;
    waits.begin(call);
    tasks.waitsForChild[call.task] = 1;
    return BLOCKED;
  }
  const status = call.b === 0 ? OK : storeStatus(call, lifecycle.statusOf(child), ports);
  if (status !== OK) return status;
  lifecycle.reap(child);
  return child;
}

/** Exit code in bits 15:8, as WEXITSTATUS reads it. A bad pointer is EFAULT and the zombie stays. */
function storeStatus(call: Call, exitStatus: number, ports: ChildCallPorts): number {
  const { access, current } = ports;
  if (!isUserAddress(call.b)) return EFAULT;
  const { mmu } = current.cpu;
  for (;;) {
    mmu.setAlignmentCheck(true);
    const status = mmu.store32(call.b, (exitStatus & 255) * 256);
    mmu.setAlignmentCheck(false);
    if (status === OK) return OK;
    if (access.resolveKernelFault(call.task) !== FAULT_RESOLVED) return EFAULT;
  }
}
