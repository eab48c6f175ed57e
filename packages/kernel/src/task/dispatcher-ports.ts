import type { Cpu, Machine, PhysAddr, TraceHook } from '@hotpath/hw-x86';
import type { Scheduler } from '@hotpath/sched';
import type { Current } from '../current.js';
import type { KernelPaths } from '../kernel-paths.js';
import type { SpinLock } from '../locks/spin-lock.js';
import type { AddressSpace } from '../memory/address-space.js';
import type { CallStack } from './call-stack.js';
import type { CycleAccounts } from './cycle-accounts.js';
import type { Tasks } from './tasks.js';
import type { Watchdog } from './watchdog.js';

/** Parts of the kernel that the dispatcher drives or asks. */
export interface DispatcherPorts {
  readonly machine: Machine;
  readonly current: Current;
  readonly tasks: Tasks;
  readonly scheduler: Scheduler;
  readonly kernelRoot: PhysAddr;
  readonly trace: TraceHook | null;
  readonly accounts: CycleAccounts;
  readonly stack: CallStack;
  readonly paths: KernelPaths;
  readonly watchdog: Watchdog;
  /** Of each CPU's run queue. */
  readonly queueLocks: readonly SpinLock[];
  /** Tells per-CPU parts (trace ring, page lists) which CPU runs from now on. */
  cpuChanged(cpu: number): void;
  /** Handler of every vector that is not the dispatcher's own. */
  handle(cpu: Cpu, vector: number): void;
  /** Wakes the tasks whose sleep is over. */
  wakeSleepers(): void;
  /** Ends the task that runs on the current CPU, and takes it out of the scheduler. */
  exit(task: number, status: number): void;
  /** The main function of a thread has returned: its exit status is set, or its process's. */
  returned(task: number, status: number): void;
  /** A program or the kernel threw: sets the exit status and keeps what it was, or panics. */
  thrown(task: number, error: unknown): void;
  /**
   * Resolves a fault that a `tryLoad` or `tryStore` left behind, or raises its signal; false: the
   * task waits for a page.
   */
  settleFault(task: number): boolean;
  /** The CPU takes up a task of this space. */
  activate(cpu: Cpu, space: AddressSpace): void;
  /** The CPU goes idle or takes up a kernel thread. */
  rest(cpu: Cpu): void;
  /** Looks at the signals of a task before it goes on: DELIVERED, DELIVERED_END or DELIVERED_STOP. */
  deliverSignals(task: number): number;
  /** The program that ended was a signal handler: true, and what it interrupted goes on. */
  leaveHandler(task: number): boolean;
  /** Ends a slow wait of a task that has signals to look at. */
  interruptWait(task: number): void;
  /** Stops the machine with a readable report. */
  panic(reason: string): never;
}
