/**
 * Signals (signal(7)): sent to a process or a thread, kept while blocked, and acted on when the
 * thread next goes back to its program, from a call, a fault or an interrupt. A slow call is ended for
 * them; a disk request is waited for first.
 */
import { assert, EINTR, isErrno, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { PATH_SIGNAL } from '../kernel-paths.js';
import { TASK_LIMIT } from '../params.js';
import {
  CALL_ARMED,
  CALL_IDLE,
  CALL_RETURNED,
  CALL_WAITING,
  RESTART,
  RESTART_UNHANDLED,
} from '../syscall/call.js';
import { SignalActions } from './signal-actions.js';
import {
  chargeSignalReturn,
  SIGNAL_FRAME_BYTES,
  SignalFrame,
  touchSignalFrame,
} from './signal-frame.js';
import {
  IGNORED_SIGNALS,
  SA_NODEFER,
  SA_RESETHAND,
  SA_RESTART,
  SIG_IGN,
  SIGALRM,
  SIGCONT,
  SIGKILL,
  SIGNAL_MAX,
  SIGSEGV,
  STOP_SIGNALS,
  signalBit,
  UNBLOCKABLE,
} from './signal-numbers.js';
import type { SignalPorts } from './signal-ports.js';
import { STATUS_SIGNAL, TASK_BLOCKED, TASK_RUNNING } from './tasks.js';

/** The program goes on, or its handler does. */
export const DELIVERED = 0;
/** The thread is to end; its exit status is set. */
export const DELIVERED_END = 1;
/** The process is stopped; the thread sleeps until it is continued. */
export const DELIVERED_STOP = 2;

/** Pending, blocked and handled signals of every task. */
export class Signals {
  /** Signals that a thread has blocked. */
  readonly blocked = new Uint32Array(TASK_LIMIT);
  /** Of a leader: the signal that stopped the process, or 0 while it runs. */
  readonly stopped = new Uint8Array(TASK_LIMIT);
  /** Of a leader: exit status with which all threads end, or NIL. */
  readonly ending = new Int32Array(TASK_LIMIT).fill(NIL);
  readonly #endSignal = new Uint8Array(TASK_LIMIT);
  /** 1 for a thread that ends alone, because another one runs exec. */
  readonly #endsAlone = new Uint8Array(TASK_LIMIT);
  /** Sent to the thread, and to the process (in its leader's row). */
  readonly #pending = new Uint32Array(TASK_LIMIT);
  readonly #shared = new Uint32Array(TASK_LIMIT);
  /** 1 while a thread sleeps because its process is stopped. */
  readonly #parked = new Uint8Array(TASK_LIMIT);
  readonly #actions = new Array<SignalActions | null>(TASK_LIMIT).fill(null);
  readonly #frames: (SignalFrame[] | null)[] = new Array<SignalFrame[] | null>(TASK_LIMIT).fill(
    null,
  );
  readonly #ports: SignalPorts;

  constructor(ports: SignalPorts) {
    this.#ports = ports;
  }

  /** What the process has said about signals; made when first asked for. */
  actionsOf(leader: number): SignalActions {
    let actions = this.#actions[leader];
    if (actions === null) {
      actions = new SignalActions();
      this.#actions[leader] = actions;
    }
    return actions;
  }

  /** Flags of sigaction for a signal. */
  flagsOf(leader: number, signal: number): number {
    return this.#actions[leader]?.flags[signal] ?? 0;
  }

  /** True if the process does nothing at all about the signal. */
  ignores(leader: number, signal: number): boolean {
    const actions = this.#actions[leader];
    if (actions !== null && actions.handler[signal] !== null) return false;
    if (actions !== null && actions.disposition[signal] === SIG_IGN) return true;
    return (signalBit(signal) & IGNORED_SIGNALS) !== 0;
  }

  /** Signals that wait for a thread, blocked ones too. */
  pendingOf(task: number): number {
    return (this.#pending[task] | this.#shared[this.#ports.tasks.leader[task]]) >>> 0;
  }

  /** Sends a signal to a process: any thread of it that does not block the signal takes it. */
  sendToProcess(leader: number, signal: number): void {
    if (!this.#accept(leader, signal, NIL)) return;
    this.#shared[leader] |= signalBit(signal);
    const thread = this.#chooseThread(leader, signal);
    if (thread !== NIL) this.#notify(thread);
  }

  /** Sends a signal to one thread. */
  sendToThread(task: number, signal: number): void {
    if (!this.#accept(this.#ports.tasks.leader[task], signal, task)) return;
    this.#pending[task] |= signalBit(signal);
    if ((this.blocked[task] & signalBit(signal)) === 0) this.#notify(task);
  }

  /** The thread itself did what the signal is about (a bad address): it cannot be put off. */
  force(task: number, signal: number): void {
    const { tasks } = this.#ports;
    const actions = this.#actions[tasks.leader[task]];
    const bit = signalBit(signal);
    const deaf = (this.blocked[task] & bit) !== 0 || actions?.disposition[signal] === SIG_IGN;
    if (deaf || actions === null || actions.handler[signal] === null) {
      this.endProcess(tasks.leader[task], STATUS_SIGNAL + signal, signal);
      return;
    }
    this.#pending[task] |= bit;
    this.#ports.tasks.attention[task] = 1;
  }

  /** All threads of a process end: exit_group, or a fatal signal. */
  endProcess(leader: number, status: number, signal: number): void {
    if (this.ending[leader] !== NIL) return;
    this.ending[leader] = status;
    this.#endSignal[leader] = signal;
    this.#ports.tasks.eachThread(leader, (thread) => this.#notify(thread));
  }

  /** Every thread but the first ends, and the first looks up: exec. */
  endOtherThreads(leader: number): void {
    this.#ports.tasks.eachThread(leader, (thread) => {
      if (thread !== leader) this.#endsAlone[thread] = 1;
      this.#notify(thread);
    });
  }

  /** A parked thread looks up again. */
  unpark(task: number): void {
    if (this.#parked[task] === 0 || this.stopped[this.#ports.tasks.leader[task]] !== 0) return;
    this.#parked[task] = 0;
    this.#ports.wake(task);
  }

  /** sigprocmask: the new mask of a thread; what it lets through is looked at on the way out. */
  setBlocked(task: number, mask: number): void {
    this.blocked[task] = (mask & ~UNBLOCKABLE) >>> 0;
    if ((this.pendingOf(task) & ~this.blocked[task]) !== 0) this.#ports.tasks.attention[task] = 1;
  }

  /** Looks at what is pending before the task's program goes on. */
  deliver(task: number): number {
    const { tasks } = this.#ports;
    const leader = tasks.leader[task];
    const call = tasks.call[task];
    // The call first ends what it was doing: its handler is entered again with EINTR.
    if (call.state === CALL_WAITING) return DELIVERED;
    for (;;) {
      if (this.ending[leader] !== NIL) {
        tasks.exitStatus[task] = this.ending[leader];
        tasks.exitSignal[task] = this.#endSignal[leader];
        return DELIVERED_END;
      }
      if (this.#endsAlone[task] === 1) {
        tasks.exitStatus[task] = 0;
        return DELIVERED_END;
      }
      if (task === leader && this.#ports.execWaits(leader)) {
        if (tasks.threadCount[leader] > 1) {
          this.#parked[task] = 1;
          return DELIVERED_STOP;
        }
        call.reset();
        if (isErrno(this.#ports.finishExec(leader)))
          this.endProcess(leader, STATUS_SIGNAL + SIGKILL, SIGKILL);
        continue;
      }
      if (this.stopped[leader] !== 0) {
        this.#parked[task] = 1;
        return DELIVERED_STOP;
      }
      const signal = this.#take(task, leader);
      if (signal === 0) break;
      this.#ports.paths.pass(PATH_SIGNAL);
      if (this.#handle(task, leader, signal)) return DELIVERED;
    }
    tasks.attention[task] = 0;
    const value = call.value;
    const restarts = value === RESTART || value === RESTART_UNHANDLED;
    if (call.state === CALL_RETURNED && restarts) {
      const { a, b, c, d, e, f } = call;
      call.arm(call.operation, call.number, a, b, c, d, e, f);
    }
    return DELIVERED;
  }

  /** A handler has ended: back to what it interrupted. False if none was running. */
  leaveHandler(task: number): boolean {
    const frame = this.#frames[task]?.pop();
    if (frame === undefined) return false;
    const { current, tasks } = this.#ports;
    const top = this.#frameTop(task);
    chargeSignalReturn(current);
    const fine = touchSignalFrame(current, top, false, () => this.#ports.resolveFault(task));
    if (!fine) this.endProcess(tasks.leader[task], STATUS_SIGNAL + SIGSEGV, SIGSEGV);
    tasks.program[task] = frame.restore(tasks.call[task]);
    this.setBlocked(task, frame.mask);
    return true;
  }

  /** A forked child: the parent's actions and its caller's mask, nothing pending. */
  inherit(parent: number, child: number): void {
    const { tasks } = this.#ports;
    this.forget(child);
    this.blocked[child] = this.blocked[parent];
    if (tasks.leader[child] !== child) return;
    this.#actions[child] = this.#actions[tasks.leader[parent]]?.copy() ?? null;
  }

  /** exec: handlers and frames of the old program are gone. */
  forExec(task: number): void {
    this.#frames[task] = null;
    this.#actions[this.#ports.tasks.leader[task]]?.forExec();
  }

  /** A new task in this slot: nothing is left of the one before. */
  forget(task: number): void {
    this.blocked[task] = 0;
    this.stopped[task] = 0;
    this.ending[task] = NIL;
    this.#endSignal[task] = 0;
    this.#pending[task] = 0;
    this.#shared[task] = 0;
    this.#parked[task] = 0;
    this.#endsAlone[task] = 0;
    this.#actions[task] = null;
    this.#frames[task] = null;
  }

  /** Rules of sending: stop and continue cancel each other, what is ignored is not kept. */
  #accept(leader: number, signal: number, thread: number): boolean {
    const { tasks } = this.#ports;
    assert(signal >= 1 && signal <= SIGNAL_MAX, 'a signal outside 1..31 is sent');
    // A kernel thread has no program half that could take one.
    if (tasks.threadCount[leader] === 0 || tasks.space[leader] === null) return false;
    const bit = signalBit(signal);
    if (signal === SIGCONT) this.#continue(leader);
    else if ((bit & STOP_SIGNALS) !== 0) this.#withdraw(leader, signalBit(SIGCONT));
    if ((bit & UNBLOCKABLE) !== 0) return true;
    if (!this.ignores(leader, signal)) return true;
    return thread !== NIL && (this.blocked[thread] & bit) !== 0;
  }

  #continue(leader: number): void {
    this.#withdraw(leader, STOP_SIGNALS);
    if (this.stopped[leader] === 0) return;
    this.stopped[leader] = 0;
    this.#ports.stateChanged(leader);
    this.#ports.tasks.eachThread(leader, (thread) => {
      if (this.#parked[thread] === 0) return;
      this.#parked[thread] = 0;
      this.#ports.wake(thread);
    });
  }

  #withdraw(leader: number, bits: number): void {
    this.#shared[leader] &= ~bits;
    this.#ports.tasks.eachThread(leader, (thread) => {
      this.#pending[thread] &= ~bits;
    });
  }

  #chooseThread(leader: number, signal: number): number {
    const bit = signalBit(signal);
    let chosen: number = NIL;
    this.#ports.tasks.eachThread(leader, (thread) => {
      if (chosen === NIL && (this.blocked[thread] & bit) === 0) chosen = thread;
    });
    return chosen;
  }

  /** Lets a thread look at its signals: out of a slow call, or off its CPU. */
  #notify(task: number): void {
    const { current, tasks, waits } = this.#ports;
    tasks.attention[task] = 1;
    const leader = tasks.leader[task];
    if (tasks.state[task] === TASK_BLOCKED) {
      const awaited =
        this.ending[leader] !== NIL ||
        this.#endsAlone[task] === 1 ||
        (this.#unblocked(task) & UNBLOCKABLE) !== 0;
      if (this.#parked[task] === 1) {
        if (!awaited) return;
        this.#parked[task] = 0;
        this.stopped[leader] = 0;
        this.#ports.wake(task);
      } else {
        waits.interrupt(task);
      }
    } else if (tasks.state[task] === TASK_RUNNING && tasks.cpu[task] !== current.cpu.id) {
      this.#ports.kick(tasks.cpu[task]);
    }
  }

  #unblocked(task: number): number {
    return (this.pendingOf(task) & ~this.blocked[task]) >>> 0;
  }

  /** Takes the next signal out: SIGKILL, then the lowest number. 0: none. */
  #take(task: number, leader: number): number {
    const ready = this.#unblocked(task);
    if (ready === 0) return 0;
    const kill = signalBit(SIGKILL);
    const bit = (ready & kill) !== 0 ? kill : (ready & -ready) >>> 0;
    if ((this.#pending[task] & bit) !== 0) this.#pending[task] &= ~bit;
    else this.#shared[leader] &= ~bit;
    if (bit === signalBit(SIGALRM)) this.#ports.alarmTaken(leader);
    return 32 - Math.clz32(bit);
  }

  /** Acts on one signal; true if a handler runs now. */
  #handle(task: number, leader: number, signal: number): boolean {
    const actions = this.#actions[leader];
    const handler = actions === null ? null : actions.handler[signal];
    if (actions !== null && handler !== null) {
      this.#enterHandler(task, actions, signal);
      return this.ending[leader] === NIL;
    }
    if (signal !== SIGKILL && this.ignores(leader, signal)) return false;
    if ((signalBit(signal) & STOP_SIGNALS) !== 0) {
      this.stopped[leader] = signal;
      this.#ports.stateChanged(leader);
      this.#ports.tasks.eachThread(leader, (thread) => {
        if (thread !== task) this.#notify(thread);
      });
    } else {
      this.endProcess(leader, STATUS_SIGNAL + signal, signal);
    }
    return false;
  }

  #enterHandler(task: number, actions: SignalActions, signal: number): void {
    const { current, tasks } = this.#ports;
    const leader = tasks.leader[task];
    const handler = actions.handler[signal];
    const program = tasks.program[task];
    const call = tasks.call[task];
    assert(handler !== null && program !== null, 'a handler without a program to interrupt');
    const flags = actions.flags[signal];
    const mask = this.blocked[task];
    if (call.state === CALL_RETURNED) {
      const restarts = call.value === RESTART && (flags & SA_RESTART) !== 0;
      if (restarts) {
        call.state = CALL_ARMED;
        call.done = 0;
      } else if (call.value === RESTART || call.value === RESTART_UNHANDLED) call.value = EINTR;
    }
    let frames = this.#frames[task];
    if (frames === null) {
      frames = [];
      this.#frames[task] = frames;
    }
    const fine = touchSignalFrame(current, this.#frameTop(task), true, () =>
      this.#ports.resolveFault(task),
    );
    if (!fine) {
      this.endProcess(leader, STATUS_SIGNAL + signal, signal);
      return;
    }
    frames.push(new SignalFrame(program, call, mask));
    call.state = CALL_IDLE;
    call.value = 0;
    this.blocked[task] |=
      (actions.mask[signal] | ((flags & SA_NODEFER) !== 0 ? 0 : signalBit(signal))) & ~UNBLOCKABLE;
    if ((flags & SA_RESETHAND) !== 0) actions.reset(signal);
    tasks.program[task] = handler(signal);
    tasks.attention[task] = this.#unblocked(task) === 0 ? 0 : 1;
  }

  #frameTop(task: number): VirtAddr {
    const depth = this.#frames[task]?.length ?? 0;
    return this.#ports.frameTop(task) - depth * SIGNAL_FRAME_BYTES;
  }
}
