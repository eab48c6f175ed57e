/**
 * What a signal handler interrupts. The program is a generator that stands at a `yield*` of its
 * task's one Call; a handler is another generator over the same Call, so the interrupted one's record
 * is put aside while the handler runs and put back before the program goes on. The user stack gets the
 * frame that a real kernel writes there, so that its cost is real.
 */
import { NIL, SUPERVISOR, USER, type VirtAddr } from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import { CALL_ARMED, CALL_IDLE, CALL_RETURNED, type Call } from '../syscall/call.js';
import type { Program } from '../syscall/program.js';

/**
 * 64-bit words of a frame: siginfo (16) and ucontext (38) of struct rt_sigframe, and the 512 bytes of
 * FXSAVE (Linux: arch/x86/kernel/signal_64.c).
 */
const FRAME_WORDS = 16 + 38 + 64;
/** A frame, rounded up so that none crosses a page. */
export const SIGNAL_FRAME_BYTES = 1024;

/** One interrupted program. */
export class SignalFrame {
  readonly #program: Program;
  readonly #mask: number;
  readonly #armed: boolean;
  readonly #idle: boolean;
  readonly #operation: number;
  readonly #number: number;
  readonly #a: number;
  readonly #b: number;
  readonly #c: number;
  readonly #d: number;
  readonly #e: number;
  readonly #f: number;
  readonly #high: number;
  readonly #done: number;
  readonly #value: number;
  readonly #bytes: Uint8Array | null;

  /** @param mask - signals that were blocked before the handler */
  constructor(program: Program, call: Call, mask: number) {
    this.#program = program;
    this.#mask = mask;
    this.#idle = call.state === CALL_IDLE;
    this.#armed = call.state === CALL_ARMED;
    this.#operation = call.operation;
    this.#number = call.number;
    this.#a = call.a;
    this.#b = call.b;
    this.#c = call.c;
    this.#d = call.d;
    this.#e = call.e;
    this.#f = call.f;
    this.#high = call.high;
    this.#done = call.done;
    this.#value = call.value;
    this.#bytes = call.bytes;
  }

  /** Signals blocked again from now on. */
  get mask(): number {
    return this.#mask;
  }

  /** Puts the interrupted call back; the program that goes on. */
  restore(call: Call): Program {
    call.arm(this.#operation, this.#number, this.#a, this.#b, this.#c, this.#d, this.#e, this.#f);
    call.high = this.#high;
    call.done = this.#done;
    call.value = this.#value;
    call.bytes = this.#bytes;
    call.state = this.#idle ? CALL_IDLE : this.#armed ? CALL_ARMED : CALL_RETURNED;
    return this.#program;
  }
}

/**
 * Writes a frame below `top` on the user stack, or reads it back at the handler's end; faults go to
 * `resolve`. False: the stack cannot be used.
 */
export function touchSignalFrame(
  current: Current,
  top: VirtAddr,
  write: boolean,
  resolve: () => boolean,
): boolean {
  const address = top - SIGNAL_FRAME_BYTES;
  const { cpu } = current;
  const privilege = cpu.privilege;
  cpu.enter(SUPERVISOR);
  const { mmu } = cpu;
  let fine = true;
  let status: number = NIL;
  while (fine && status === NIL) {
    mmu.setAlignmentCheck(true);
    status = write ? mmu.storeRun(address, FRAME_WORDS) : mmu.loadRun(address, FRAME_WORDS);
    mmu.setAlignmentCheck(false);
    if (status === NIL) fine = resolve();
  }
  cpu.enter(privilege);
  return fine;
}

/** The handler's last instruction: rt_sigreturn, charged as the system call that it is. */
export function chargeSignalReturn(current: Current): void {
  current.cpu.enter(USER);
  current.cpu.setPrivilege(SUPERVISOR);
  current.cpu.setPrivilege(USER);
  current.cpu.enter(SUPERVISOR);
}
