import type { VirtAddr } from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import type { KernelPaths } from '../kernel-paths.js';
import type { Tasks } from './tasks.js';
import type { TaskWaits } from './waits.js';

/** What signals work on. */
export interface SignalPorts {
  readonly current: Current;
  readonly tasks: Tasks;
  readonly waits: TaskWaits;
  readonly paths: KernelPaths;
  /** Makes a stopped thread ready. */
  wake(task: number): void;
  /** Lets the CPU that runs a task look at its attention flag soon. */
  kick(cpu: number): void;
  /** Resolves a fault of the user stack; false: it cannot be. */
  resolveFault(task: number): boolean;
  /** Where the frames of a task's handlers begin, downwards. */
  frameTop(task: number): VirtAddr;
  /** A thread takes SIGALRM: an interval timer goes on. */
  alarmTaken(leader: number): void;
  /** True while a process waits to be alone for an exec. */
  execWaits(leader: number): boolean;
  /** Its first thread is alone: runs the new program, or answers an errno. */
  finishExec(leader: number): number;
  /** A process was stopped or continued: its parent may be told. */
  stateChanged(leader: number): void;
}
