import { LINE_BYTES, type Meter } from '@hotpath/hw-x86';
import { SPACE_LIMIT } from '../params.js';
import { LockClasses } from './lock-classes.js';
import { SpinLock } from './spin-lock.js';

/** The kernel's spin locks, made at boot, and what is known of all locks. */
export interface KernelLocks {
  readonly classes: LockClasses;
  /** One for each CPU's run queue. */
  readonly runQueue: readonly SpinLock[];
  /** Families, process groups, births and ends (Linux: tasklist_lock). */
  readonly taskList: SpinLock;
  /** Frames that enter and leave the page cache's index; look-ups take none (Linux: i_pages). */
  readonly pageIndex: SpinLock;
  /** Changes of the dentry cache; look-ups take none (Linux: d_lock, the buckets' locks). */
  readonly dentries: SpinLock;
  /**
   * Areas and tables of the space with a PCID (Linux: mmap_lock): faults share it, and give it up
   * while they wait for a page; mmap and its kin, brk and fork have it alone.
   */
  memoryMap(pcid: number): SpinLock;
}

/** @param report - told of a lock order that could deadlock */
export function createLocks(
  cpuCount: number,
  meter: Meter,
  report: (text: string) => void,
): KernelLocks {
  const classes = new LockClasses(cpuCount, report);
  const charged = cpuCount > 1 ? meter : null;
  const single = cpuCount + 3;
  const lines = single + SPACE_LIMIT + 1;
  const base = charged === null ? 0 : charged.region('kernel.locks', lines * LINE_BYTES);
  const spin = (name: string, line: number): SpinLock =>
    new SpinLock(classes, classes.define(name), charged, base + line * LINE_BYTES);
  const runQueueClass = classes.define('run queue');
  const runQueue = Array.from(
    { length: cpuCount },
    (_, cpu) => new SpinLock(classes, runQueueClass, charged, base + cpu * LINE_BYTES),
  );
  const taskList = spin('task list', cpuCount);
  const pageIndex = spin('page index', cpuCount + 1);
  const dentries = spin('dentries', cpuCount + 2);
  const mapClass = classes.define('memory map');
  /** Made when a PCID is first used, and kept for its next owner. */
  const maps: SpinLock[] = [];
  return {
    classes,
    runQueue,
    taskList,
    pageIndex,
    dentries,
    memoryMap: (pcid) => {
      const line = base + (single + pcid) * LINE_BYTES;
      maps[pcid] ??= new SpinLock(classes, mapClass, charged, line);
      return maps[pcid];
    },
  };
}
