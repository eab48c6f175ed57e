/** Events that the kernel tells its trace hook, and their meaning for whoever shows a trace. */
import { TRACE_BASE } from '@hotpath/hw-x86';
import type { EventRegistry } from '@hotpath/pmc-trace';
import { SYS_LIMIT, systemCallName } from './syscall/numbers.js';

/** A system call begins: a = its number, b = task. */
export const TRACE_SYSCALL_ENTER = TRACE_BASE.kernel;
/** A system call ends: a = its number, b = result. */
export const TRACE_SYSCALL_EXIT = TRACE_BASE.kernel + 1;
/** An interrupt handler begins: a = vector, b = interrupted task or NIL. */
export const TRACE_IRQ_ENTER = TRACE_BASE.kernel + 2;
/** An interrupt handler ends: a = vector, b = interrupted task or NIL. */
export const TRACE_IRQ_EXIT = TRACE_BASE.kernel + 3;
/** The CPU changes tasks: a = previous or NIL, with its state (pmc-trace SWITCH_STATE), b = next. */
export const TRACE_SWITCH = TRACE_BASE.kernel + 4;
/** A page fault: a = address, b = error code. */
export const TRACE_PAGE_FAULT = TRACE_BASE.kernel + 5;
/** A task is made ready: a = task, b = the CPU chosen for it. */
export const TRACE_WAKE = TRACE_BASE.kernel + 6;
/** A task begins to exist: a = task, b = its nice value. */
export const TRACE_TASK_START = TRACE_BASE.kernel + 7;
/** A task ends: a = task, b = exit status. */
export const TRACE_TASK_EXIT = TRACE_BASE.kernel + 8;
/** A system call that the kernel does not know: a = its number, b = task. */
export const TRACE_UNKNOWN_SYSCALL = TRACE_BASE.kernel + 9;

/** A request goes to the disk, by op (READ, WRITE, FLUSH, DISCARD): a = its number, b = first block. */
export const TRACE_IO = TRACE_BASE.kernel + 16;
/** It is done, by op: a = its number, b = OK or an errno. */
export const TRACE_IO_DONE = TRACE_BASE.kernel + 20;
/** Values of counters, in `a`, in the order of {@link COUNTER_TRACKS}. */
export const TRACE_COUNTER = TRACE_BASE.kernel + 24;
/** Counters that a trace shows as curves. */
export const COUNTER_TRACKS = [
  'ready tasks',
  'cached pages',
  'dirty pages',
  'free pages',
  'disk requests',
] as const;
const IO_NAMES = ['disk read', 'disk write', 'disk flush', 'disk discard'] as const;

const SYSCALL_NAMES = Array.from({ length: SYS_LIMIT }, (_, number) => systemCallName(number));
const VECTOR_NAMES: string[] = [];
for (const [vector, name] of [
  [32, 'timer'],
  [33, 'disk'],
  [34, 'reschedule'],
  [35, 'tlb shootdown'],
] as const) {
  VECTOR_NAMES[vector] = name;
}
for (let vector = 0; vector < 32; vector++) VECTOR_NAMES[vector] = `exception ${vector}`;

/** Gives the kernel's events their names, phases and arguments. */
export function defineKernelEvents(registry: EventRegistry): void {
  const call = { name: 'call', values: SYSCALL_NAMES } as const;
  const vector = { name: 'vector', values: VECTOR_NAMES } as const;
  registry.define(TRACE_SYSCALL_ENTER, {
    name: 'syscall',
    category: 'syscall',
    phase: 'begin',
    scope: 'task',
    a: call,
    b: 'task',
    title: 'a',
  });
  registry.define(TRACE_SYSCALL_EXIT, {
    name: 'syscall',
    category: 'syscall',
    phase: 'end',
    of: TRACE_SYSCALL_ENTER,
    scope: 'task',
    a: call,
    b: { name: 'result', type: 'status' },
    title: 'a',
  });
  registry.define(TRACE_IRQ_ENTER, {
    name: 'interrupt',
    category: 'irq',
    phase: 'begin',
    a: vector,
    b: 'task',
    title: 'a',
  });
  registry.define(TRACE_IRQ_EXIT, {
    name: 'interrupt',
    category: 'irq',
    phase: 'end',
    of: TRACE_IRQ_ENTER,
    a: vector,
    b: 'task',
    title: 'a',
  });
  registry.define(TRACE_SWITCH, { name: 'switch', category: 'sched', phase: 'switch', b: 'next' });
  registry.define(TRACE_PAGE_FAULT, {
    name: 'page fault',
    category: 'memory',
    scope: 'task',
    a: { name: 'address', type: 'address' },
    b: 'error code',
  });
  registry.define(TRACE_WAKE, { name: 'wake', category: 'sched', a: 'task', b: 'cpu' });
  registry.define(TRACE_TASK_START, {
    name: 'task start',
    category: 'sched',
    a: 'task',
    b: 'nice',
  });
  registry.define(TRACE_TASK_EXIT, {
    name: 'task exit',
    category: 'sched',
    a: 'task',
    b: 'status',
  });
  registry.define(TRACE_UNKNOWN_SYSCALL, {
    name: 'unknown system call',
    category: 'syscall',
    a: 'number',
    b: 'task',
  });
  for (const [op, name] of IO_NAMES.entries()) {
    const shared = { name, category: 'disk', a: 'request' } as const;
    registry.define(TRACE_IO + op, { ...shared, phase: 'async-begin', b: 'block' });
    registry.define(TRACE_IO_DONE + op, {
      ...shared,
      phase: 'async-end',
      of: TRACE_IO + op,
      b: { name: 'result', type: 'status' },
    });
  }
  for (const [index, name] of COUNTER_TRACKS.entries()) {
    registry.define(TRACE_COUNTER + index, {
      name,
      category: 'counters',
      phase: 'counter',
      a: name,
    });
  }
}
