import { assert, NIL } from '@hotpath/hw-x86';
import { QUEUED, RUNNING, type Tasks } from './tasks.js';

/**
 * Ready tasks of each CPU, running one included, most recently started first (Linux's rq->cfs_tasks):
 * a balancer takes from the tail, where the caches are coldest. Rings over task slots; slot
 * `taskCount + cpu` is the sentinel of that CPU, so that linking never branches on empty.
 */
export class CpuLists {
  private readonly taskCount: number;
  private readonly next: Int32Array;
  private readonly previous: Int32Array;

  constructor(taskCount: number, cpuCount: number) {
    this.taskCount = taskCount;
    this.next = new Int32Array(taskCount + cpuCount).fill(NIL);
    this.previous = new Int32Array(taskCount + cpuCount).fill(NIL);
    for (let cpu = 0; cpu < cpuCount; cpu++) {
      this.next[taskCount + cpu] = taskCount + cpu;
      this.previous[taskCount + cpu] = taskCount + cpu;
    }
  }

  /** Moves or adds a task to the front of the CPU's list. O(1). */
  toFront(task: number, cpu: number): void {
    const head = this.taskCount + cpu;
    if (this.next[task] !== NIL) this.remove(task);
    const old = this.next[head];
    this.next[head] = task;
    this.previous[task] = head;
    this.next[task] = old;
    this.previous[old] = task;
  }

  /** Takes a task out of its list. O(1). */
  remove(task: number): void {
    const after = this.next[task];
    const before = this.previous[task];
    assert(after !== NIL, 'a removed task is in a list');
    this.next[before] = after;
    this.previous[after] = before;
    this.next[task] = NIL;
    this.previous[task] = NIL;
  }

  /** The task longest without a start, or NIL. */
  last(cpu: number): number {
    const task = this.previous[this.taskCount + cpu];
    return task >= this.taskCount ? NIL : task;
  }

  /** The next more recent one, or NIL. */
  before(task: number): number {
    const other = this.previous[task];
    return other >= this.taskCount ? NIL : other;
  }

  /** Every queued or running task is in its CPU's list and no other is. O(n). */
  checkInvariants(tasks: Tasks): void {
    let listed = 0;
    for (let cpu = 0; cpu < tasks.cpuCount; cpu++) {
      for (let task = this.last(cpu); task !== NIL; task = this.before(task)) {
        const state = tasks.state[task];
        assert(state === QUEUED || state === RUNNING, 'a listed task is ready');
        assert(tasks.cpu[task] === cpu, 'a listed task is on the CPU of its list');
        listed++;
      }
    }
    let ready = 0;
    for (let task = 0; task < tasks.capacity; task++) {
      if (tasks.state[task] === QUEUED || tasks.state[task] === RUNNING) ready++;
    }
    assert(listed === ready, 'every ready task is listed once');
  }
}
