import { type Cpu, INSTRUCTIONS, TSC } from '@hotpath/hw-x86';
import type { Current } from './current.js';
import { KERNEL_STACK_BYTES } from './params.js';
import type { CallStack } from './task/call-stack.js';
import type { Tasks } from './task/tasks.js';

/** Functions of the kernel's own code that a report names. */
const FUNCTION_LIMIT = 12;

/** What stands above the place that is meant, and the engine's own step into a generator. */
const OWN_FUNCTIONS = /^(?:panic|panicReport|functionNames|assert|.*\.next)$/;

/**
 * The kernel has stopped: an invariant is broken, or a program broke the rules of the call
 * interface. `message` is the whole report: reason, registers, the task and its call, the stack of
 * kernel functions, other processors, locks held, last events.
 */
export class KernelPanic extends Error {
  override readonly name = 'KernelPanic';
  readonly code = 'ERR_PANIC';

  /** @param report - the readable report; its first line is the reason */
  constructor(report: string, cause?: unknown) {
    super(report, cause === undefined ? undefined : { cause });
  }
}

/** Where a panic takes its report from. */
export interface PanicState {
  readonly current: Current;
  readonly cpus: readonly Cpu[];
  readonly stack: CallStack;
  readonly tasks: Tasks;
  /** What was thrown, if that is the reason. */
  readonly cause: unknown;
  /** The task that a CPU runs, or NIL. */
  runningOn(cpu: number): number;
  /** Names of the spin locks that a CPU holds. */
  heldLocks(cpu: number): readonly string[];
  /** The last trace events, newest last; empty without a tracer. */
  lastEvents(): readonly string[];
}

/** Builds the report of a panic on the current CPU. */
export function panicReport(reason: string, state: PanicState): string {
  const { cpu, task } = state.current;
  const lines = [
    `kernel panic: ${reason}`,
    `  cpu ${cpu.id}  tsc ${cpu.cells[TSC]}  instructions ${cpu.cells[INSTRUCTIONS]}  privilege ${cpu.privilege}  interrupts ${cpu.interruptsEnabled ? 'on' : 'off'}`,
    `  cr2 ${hex(cpu.mmu.faultAddress)}  cr3 ${hex(cpu.mmu.root)}  last fault: vector ${cpu.mmu.faultVector} code ${cpu.mmu.faultCode}`,
    `  ${task < 0 ? 'no task' : state.tasks.describe(task)}`,
    ...(task < 0 ? [] : callRegisters(state.tasks, task)),
    '  kernel stack, innermost first:',
    ...indent(state.stack.depth === 0 ? ['(in the program)'] : state.stack.names()),
    '  functions of its code, innermost first:',
    ...indent(functionNames(state.cause)),
    ...otherCpus(state),
  ];
  const held = state.heldLocks(cpu.id);
  if (held.length > 0) lines.push(`  locks held: ${held.join(', ')}`);
  const events = state.lastEvents();
  if (events.length > 0) lines.push('  last events:', ...indent(events));
  else lines.push('  last events: none kept; boot with trace: true');
  return lines.join('\n');
}

/** The registers of a call as the system call convention has them, and the stack that it runs on. */
function callRegisters(tasks: Tasks, task: number): string[] {
  const { number, a, b, c, d, e, f } = tasks.call[task];
  const stack = tasks.stack[task];
  return [
    `  rax ${hex(number)}  rdi ${hex(a)}  rsi ${hex(b)}  rdx ${hex(c)}  r10 ${hex(d)}  r8 ${hex(e)}  r9 ${hex(f)}`,
    `  kernel stack at ${hex(stack)}..${hex(stack + KERNEL_STACK_BYTES)}`,
  ];
}

function otherCpus(state: PanicState): string[] {
  const lines: string[] = [];
  for (const cpu of state.cpus) {
    if (cpu === state.current.cpu) continue;
    const task = state.runningOn(cpu.id);
    const what = task < 0 ? 'idle' : state.tasks.describe(task);
    lines.push(`  cpu ${cpu.id}  tsc ${cpu.cells[TSC]}  ${what}`);
  }
  return lines;
}

/** Names alone: where the code lies differs from machine to machine, its names do not. */
function functionNames(cause: unknown): string[] {
  const { stack } = cause instanceof Error ? cause : new Error('where');
  const names: string[] = [];
  for (const line of (stack ?? '').split('\n')) {
    const name = /^\s*at (?:async |new )?([\w.#$<>]+)[^(]*\(/.exec(line)?.[1];
    if (name !== undefined && !OWN_FUNCTIONS.test(name)) names.push(name);
  }
  return names.slice(0, FUNCTION_LIMIT);
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `    ${line}`);
}

/** A register, two's complement of a negative one; what no register holds is shown as it is. */
function hex(value: number): string {
  if (!Number.isSafeInteger(value)) return String(value);
  return `0x${(value < 0 ? 2n ** 64n + BigInt(value) : BigInt(value)).toString(16)}`;
}
