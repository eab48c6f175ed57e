import { assert, NIL } from '@hotpath/hw-x86';
import type { Tasks } from './tasks.js';

/** The mask of all CPUs. */
export function wholeMask(cpuCount: number): number {
  return cpuCount === 32 ? 0xffffffff : 2 ** cpuCount - 1;
}

function readyCount(tasks: Tasks, cpu: number): number {
  return tasks.queuedCount[cpu] + (tasks.current[cpu] === NIL ? 0 : 1);
}

/**
 * CPU for a task that becomes ready (Linux's select_task_rq_fair without domains): its previous CPU if
 * idle, else the waker's if idle, else the first idle one above the previous; else the one of previous
 * and waker with fewer ready tasks. A new task takes the CPU with the fewest ready tasks of all,
 * its parent's on a tie.
 */
export function choosePlace(tasks: Tasks, task: number, first: boolean, waker: number): number {
  const allowed = tasks.affinity[task];
  const previous = tasks.cpu[task];
  const cpus = tasks.cpuCount;
  assert(allowed !== 0, 'a task may run somewhere');
  const previousAllowed = ((allowed >>> previous) & 1) === 1;
  let best = NIL;
  let bestCount = Infinity;
  if (previousAllowed) {
    best = previous;
    bestCount = readyCount(tasks, previous);
    if (bestCount === 0) return previous;
  }
  if (waker !== NIL && ((allowed >>> waker) & 1) === 1) {
    const count = readyCount(tasks, waker);
    if (count === 0) return waker;
    if (count < bestCount) {
      best = waker;
      bestCount = count;
    }
  }
  for (let step = 1; step < cpus; step++) {
    const cpu = (previous + step) % cpus;
    if (((allowed >>> cpu) & 1) === 0) continue;
    const count = readyCount(tasks, cpu);
    if (count === 0) return cpu;
    if ((first || best === NIL) && count < bestCount) {
      best = cpu;
      bestCount = count;
    }
  }
  return best;
}
