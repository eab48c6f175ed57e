import { TSC } from '@hotpath/hw-x86';
import type { Current } from './current.js';

/**
 * The kernel has stopped: an invariant is broken, or a program broke the rules of the call
 * interface. `message` is the whole report: reason, registers, the task and its call, last events.
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
  /** Name and outstanding call of a task, as one line. */
  describe(task: number): string;
  /** The last trace events, newest last; empty without a tracer. */
  lastEvents(): readonly string[];
}

/** Builds the report of a panic on the current CPU. */
export function panicReport(reason: string, state: PanicState): string {
  const { cpu, task } = state.current;
  const lines = [
    `kernel panic: ${reason}`,
    `  cpu ${cpu.id}  tsc ${cpu.cells[TSC]}  privilege ${cpu.privilege}  interrupts ${cpu.interruptsEnabled ? 'on' : 'off'}`,
    `  cr3 0x${cpu.mmu.root.toString(16)}  last fault: vector ${cpu.mmu.faultVector} code ${cpu.mmu.faultCode} address ${cpu.mmu.faultAddress}`,
    `  ${task < 0 ? 'no task' : state.describe(task)}`,
  ];
  const events = state.lastEvents();
  if (events.length > 0) lines.push('  last events:', ...events.map((event) => `    ${event}`));
  return lines.join('\n');
}
