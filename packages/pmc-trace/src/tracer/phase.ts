/**
 * Phases of an event: what it says about time. A ring stores `code = kind + phase * 65,536`; phase
 * PHASE_DEFINED means "as the kind was registered", which is all that `TraceHook.emit` can say.
 */

/** The phase given when the kind was registered. */
export const PHASE_DEFINED = 0;
/** A span begins on this CPU's (or its task's) track. */
export const PHASE_BEGIN = 1;
/** The innermost open span of this kind ends. */
export const PHASE_END = 2;
/** A point in time. */
export const PHASE_INSTANT = 3;
/** A counter's new value, in `a`. */
export const PHASE_COUNTER = 4;
/** A flow with identity `a` starts here. */
export const PHASE_FLOW_BEGIN = 5;
/** The flow `a` passes here. */
export const PHASE_FLOW_STEP = 6;
/** The flow `a` ends here. */
export const PHASE_FLOW_END = 7;
/** A span with identity `a` begins; spans of different identities may overlap. */
export const PHASE_ASYNC_BEGIN = 8;
/** The span with identity `a` ends. */
export const PHASE_ASYNC_END = 9;
/** A point in time inside the span with identity `a`. */
export const PHASE_ASYNC_INSTANT = 10;
/** The CPU leaves task `switchTask(a)` for task `b`; see {@link SWITCH_STATE}. */
export const PHASE_SWITCH = 11;

/** Kinds are `0 .. KIND_LIMIT - 1`. */
export const KIND_LIMIT = 65_536;
/** Multiply a phase by this and add a kind: the code of an event, below 2**20. */
export const PHASE_UNIT = KIND_LIMIT;

/**
 * Multiply a task's state by this and add the task's number: first argument of a switch event.
 * Tasks count from 0 (better 1: 0 means idle in Linux's format); NIL is the idle loop. State 0 is "runnable, was preempted"; others are the kernel's own, shown as Linux's task-state bits.
 */
export const SWITCH_STATE = 2 ** 32;

/** Task that a switch event leaves; NIL (-1) is the idle loop. */
export function switchTask(a: number): number {
  return ((a + 1) % SWITCH_STATE) - 1;
}

/** State of the task that a switch event leaves, 0 for preempted. */
export function switchState(a: number): number {
  return Math.floor((a + 1) / SWITCH_STATE);
}

/** Name of each registrable phase. */
export type Phase =
  | 'begin'
  | 'end'
  | 'instant'
  | 'counter'
  | 'flow-begin'
  | 'flow-step'
  | 'flow-end'
  | 'async-begin'
  | 'async-end'
  | 'async-instant'
  | 'switch';

/** Number of each phase name. */
export const PHASE_NUMBERS: Readonly<Record<Phase, number>> = {
  begin: PHASE_BEGIN,
  end: PHASE_END,
  instant: PHASE_INSTANT,
  counter: PHASE_COUNTER,
  'flow-begin': PHASE_FLOW_BEGIN,
  'flow-step': PHASE_FLOW_STEP,
  'flow-end': PHASE_FLOW_END,
  'async-begin': PHASE_ASYNC_BEGIN,
  'async-end': PHASE_ASYNC_END,
  'async-instant': PHASE_ASYNC_INSTANT,
  switch: PHASE_SWITCH,
};
