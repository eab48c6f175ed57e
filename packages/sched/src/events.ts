import { TRACE_BASE } from '@hotpath/hw-x86';

/** Trace event: another task runs. a = task that stopped or NIL, b = task that runs or NIL. */
export const TRACE_SWITCH = TRACE_BASE.sched;
/** Trace event: a task became ready. a = task, b = CPU. */
export const TRACE_WAKE = TRACE_BASE.sched + 1;
/** Trace event: a waiting task moved. a = task, b = new CPU. */
export const TRACE_MIGRATE = TRACE_BASE.sched + 2;
/** Trace event: a task was created. a = task, b = nice. */
export const TRACE_NEW = TRACE_BASE.sched + 3;
/** Trace event: a task ended. a = task, b = 0. */
export const TRACE_EXIT = TRACE_BASE.sched + 4;
/** Trace event: the watchdog found a task waiting too long. a = task, b = nanoseconds waited. */
export const TRACE_STALL = TRACE_BASE.sched + 5;
