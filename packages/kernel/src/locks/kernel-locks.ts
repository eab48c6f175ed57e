import { LINE_BYTES, type Meter } from '@hotpath/hw-x86';
import { LockClasses } from './lock-classes.js';
import { SpinLock } from './spin-lock.js';

/** The kernel's spin locks, made at boot, and what is known of all locks. */
export interface KernelLocks {
  readonly classes: LockClasses;
  /** One for each CPU's run queue. */
  readonly runQueue: readonly SpinLock[];
  /** Families, process groups, births and ends (Linux: tasklist_lock). */
  readonly taskList: SpinLock;
}

/** @param report - told of a lock order that could deadlock */
export function createLocks(
  cpuCount: number,
  meter: Meter,
  report: (text: string) => void,
): KernelLocks {
  const classes = new LockClasses(cpuCount, report);
  const charged = cpuCount > 1 ? meter : null;
  const base = charged === null ? 0 : charged.region('kernel.locks', (cpuCount + 1) * LINE_BYTES);
  const runQueueClass = classes.define('run queue');
  const taskListClass = classes.define('task list');
  return {
    classes,
    runQueue: Array.from(
      { length: cpuCount },
      (_, cpu) => new SpinLock(classes, runQueueClass, charged, base + cpu * LINE_BYTES),
    ),
    taskList: new SpinLock(classes, taskListClass, charged, base + cpuCount * LINE_BYTES),
  };
}
