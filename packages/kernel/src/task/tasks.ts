/**
 * The task table: struct of arrays, the truth about tasks. A slot is free, or in exactly one of the
 * states below; the scheduler knows READY and RUNNING tasks only.
 */
import {
  ArgumentError,
  assert,
  type Meter,
  type Nanoseconds,
  NIL,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { AddressSpace } from '../memory/address-space.js';
import { DESCRIPTOR_LIMIT, TASK_LIMIT } from '../params.js';
import {
  CALL_IDLE,
  Call,
  type CallEntry,
  OPERATION_COMPUTE,
  OPERATION_SYSCALL,
} from '../syscall/call.js';
import { systemCallName } from '../syscall/numbers.js';
import type { Program } from '../syscall/program.js';
import { TIME_KINDS } from './cycle-accounts.js';
import { Family } from './family.js';
import { SIGABRT, SIGBUS, SIGKILL, SIGSEGV } from './signal-numbers.js';

/** The slot holds no task. */
export const TASK_FREE = 0;
/** Waits for a CPU. */
export const TASK_READY = 1;
/** Has a CPU. */
export const TASK_RUNNING = 2;
/** Waits for a wake-up. */
export const TASK_BLOCKED = 3;

/** Has ended; its number and status wait for its parent. */
export const TASK_ZOMBIE = 4;

/** What a shell adds to the number of the signal that ended a task. */
export const STATUS_SIGNAL = 128;
/** Exit status of a task that an invalid access ended, as a shell shows SIGSEGV. */
export const STATUS_SEGV = STATUS_SIGNAL + SIGSEGV;
/** Exit status of a task that touched a mapping beyond its file's end, as a shell shows SIGBUS. */
export const STATUS_BUS = STATUS_SIGNAL + SIGBUS;
/** Exit status of a task whose program threw. */
export const STATUS_ABORT = STATUS_SIGNAL + SIGABRT;
/** Exit status of a task that was killed, or found no memory for its page. */
export const STATUS_KILLED = STATUS_SIGNAL + SIGKILL;

/** Reports of ended tasks that are kept. */
const ENDED_REPORTS = 256;

/** What remains of a task after its slot is free; handed out by `spawn`. */
export interface TaskReport {
  readonly task: number;
  /** Changed by exec. */
  name: string;
  /** Exit status as a shell shows it (128 + n for signal n), or null while it lives. */
  status: number | null;
  /** What its program threw, if it did. */
  error: unknown;
  /** CPU time so far, in cycles. */
  cycles: number;
  /** Times it was given a CPU. */
  switches: number;
  /** The most cycles that it waited for a CPU at once. */
  queueCyclesMax: number;
  /** Cycles by kind of time, in the order of TIME_KINDS; waits count too. */
  readonly time: Float64Array;
}

/** Columns over the task slots. */
export class Tasks {
  readonly state = new Uint8Array(TASK_LIMIT);
  /** CPU that runs it or ran it last. */
  readonly cpu = new Int16Array(TASK_LIMIT);
  /** Lowest mapped byte of its kernel stack; the canary is there. */
  readonly stack = new Float64Array(TASK_LIMIT);
  /** Address of its slab object: what the meter charges for its fields. */
  readonly object = new Float64Array(TASK_LIMIT);
  /** TSC before which it must not run: the time of its wake-up or of its last CPU. */
  readonly readyAt = new Float64Array(TASK_LIMIT);
  /** Virtual time up to which the scheduler has been told of its running, in ns. */
  readonly accountedNs = new Float64Array(TASK_LIMIT);
  /** TSC at which it last went to sleep. */
  readonly sleptAt = new Float64Array(TASK_LIMIT);
  /** Exit status that it or a signal asked for, or NIL while it is to go on. */
  readonly exitStatus = new Int32Array(TASK_LIMIT).fill(NIL);
  /** Signal that ended it, or 0. */
  readonly exitSignal = new Uint8Array(TASK_LIMIT);
  /** 1 while something waits to be looked at before its program goes on (Linux: TIF_SIGPENDING). */
  readonly attention = new Uint8Array(TASK_LIMIT);
  /** CPU time of the task in cycles. */
  readonly cpuCycles = new Float64Array(TASK_LIMIT);
  /** Of a leader: CPU time of all its threads. */
  readonly processCycles = new Float64Array(TASK_LIMIT);
  /** Nice value, -20..19. */
  readonly nice = new Int8Array(TASK_LIMIT);
  /** 1 while it is blocked in wait4. */
  readonly waitsForChild = new Uint8Array(TASK_LIMIT);
  /** Where its number is cleared, and a futex woken, when this thread ends; 0: nowhere. */
  readonly clearAddress = new Float64Array(TASK_LIMIT);
  /**
   * First thread of its process: what getpid answers. Everything that threads share (descriptors,
   * memory, signal actions, parent) is kept in the leader's row, which stays until all have ended.
   */
  readonly leader = new Int32Array(TASK_LIMIT).fill(NIL);
  /** Of a leader: threads of its process that have not ended. */
  readonly threadCount = new Int32Array(TASK_LIMIT);
  /** Of a leader: process group and session, named after the leaders that founded them. */
  readonly processGroup = new Int32Array(TASK_LIMIT);
  readonly session = new Int32Array(TASK_LIMIT);
  /** Family of processes: parent (a leader, or NIL), children, siblings. */
  readonly family: Family;
  /** Open file of each descriptor, or NIL: row `leader * DESCRIPTOR_LIMIT`. */
  readonly descriptors = new Int32Array(TASK_LIMIT * DESCRIPTOR_LIMIT).fill(NIL);

  readonly call: Call[];
  /** Null for a kernel thread, which runs in whatever space is in force. */
  readonly space: (AddressSpace | null)[];
  readonly program: (Program | null)[];
  readonly report: (TaskReport | null)[];
  /** Cycles by kind of each task: the same array as its report's. */
  readonly time: Float64Array[];

  /** Reports of the last tasks that have ended, oldest first. */
  readonly ended: TaskReport[] = [];

  #liveCount = 0;
  readonly #meter: Meter;
  readonly #descriptorBase: VirtAddr;

  /** @param meter - takes the accesses to the descriptor table */
  constructor(entry: CallEntry, meter: Meter) {
    this.#meter = meter;
    this.family = new Family(meter);
    this.#descriptorBase = meter.region('kernel.descriptors', this.descriptors.byteLength);
    this.call = Array.from({ length: TASK_LIMIT }, (_, task) => new Call(task, entry));
    this.space = new Array<AddressSpace | null>(TASK_LIMIT).fill(null);
    this.program = new Array<Program | null>(TASK_LIMIT).fill(null);
    this.report = new Array<TaskReport | null>(TASK_LIMIT).fill(null);
    this.time = new Array<Float64Array>(TASK_LIMIT).fill(new Float64Array(TIME_KINDS.length));
  }

  /** Tasks alive. */
  get liveCount(): number {
    return this.#liveCount;
  }

  /** Fills the slot that the scheduler has given to a new task. */
  take(task: number, name: string, nice: number, now: number): TaskReport {
    assert(this.state[task] === TASK_FREE, 'the slot of a new task is in use');
    this.#liveCount += 1;
    this.state[task] = TASK_BLOCKED;
    this.cpu[task] = 0;
    this.nice[task] = nice;
    this.readyAt[task] = now;
    this.exitStatus[task] = NIL;
    this.exitSignal[task] = 0;
    this.attention[task] = 0;
    this.cpuCycles[task] = 0;
    this.processCycles[task] = 0;
    this.waitsForChild[task] = 0;
    this.clearAddress[task] = 0;
    this.leader[task] = task;
    this.threadCount[task] = 1;
    this.processGroup[task] = task;
    this.session[task] = task;
    const time = new Float64Array(TIME_KINDS.length);
    this.time[task] = time;
    this.sleptAt[task] = now;
    const report: TaskReport = {
      task,
      name,
      status: null,
      error: null,
      cycles: 0,
      switches: 0,
      queueCyclesMax: 0,
      time,
    };
    this.report[task] = report;
    return report;
  }

  /** Frees a slot; the report keeps what is known of the task. */
  release(task: number): void {
    assert(this.state[task] !== TASK_FREE, 'a free slot is released');
    const report = this.report[task];
    if (report !== null && this.ended.push(report) > ENDED_REPORTS) this.ended.shift();
    this.state[task] = TASK_FREE;
    this.space[task] = null;
    this.program[task] = null;
    this.report[task] = null;
    this.#liveCount -= 1;
  }

  /** Open file behind a descriptor, or NIL for a bad one. */
  openFile(task: number, fd: number): number {
    if (!Number.isInteger(fd) || fd < 0 || fd >= DESCRIPTOR_LIMIT) return NIL;
    const row = this.leader[task] * DESCRIPTOR_LIMIT + fd;
    this.#meter.load(this.#descriptorBase + row * 4);
    return this.descriptors[row];
  }

  /** Threads of a process that have not ended, its leader first. */
  eachThread(leader: number, visit: (thread: number) => void): void {
    let left = this.threadCount[leader];
    if (this.state[leader] !== TASK_ZOMBIE) {
      left -= 1;
      visit(leader);
    }
    for (let task = 1; task < TASK_LIMIT && left > 0; task++) {
      if (this.state[task] === TASK_FREE || this.leader[task] !== leader || task === leader) {
        continue;
      }
      left -= 1;
      visit(task);
    }
  }

  /** Processes of a group that have not ended, by their first threads. */
  groupLeaders(group: number): number[] {
    const leaders: number[] = [];
    for (let task = 1; task < TASK_LIMIT; task++) {
      const lives = this.state[task] !== TASK_FREE && this.state[task] !== TASK_ZOMBIE;
      if (lives && this.leader[task] === task && this.processGroup[task] === group) {
        leaders.push(task);
      }
    }
    return leaders;
  }

  /** A task as one line, for panics. */
  describe(task: number): string {
    const report = this.report[task];
    if (report === null) return `task ${task}: no such task`;
    return `task ${task} "${report.name}" on cpu ${this.cpu[task]}: ${this.describeCall(this.call[task])}`;
  }

  /** An outstanding call as text. */
  describeCall(call: Call): string {
    if (call.state === CALL_IDLE) return 'in its program';
    if (call.operation === OPERATION_COMPUTE) return `computing, ${call.done} of ${call.a} cycles`;
    const name =
      call.operation === OPERATION_SYSCALL ? systemCallName(call.number) : 'memory access';
    return `${name}(${call.a}, ${call.b}, ${call.c}), ${call.done} done, stage ${call.stage}`;
  }

  /** Asserts that free slots and live ones add up, and that live ones have what they need. */
  checkInvariants(): void {
    let live = 0;
    const threads = new Int32Array(TASK_LIMIT);
    for (let task = 0; task < TASK_LIMIT; task++) {
      if (this.state[task] === TASK_FREE) continue;
      live += 1;
      assert(this.state[this.leader[task]] !== TASK_FREE, 'a thread outlived its process');
      if (this.state[task] !== TASK_ZOMBIE) threads[this.leader[task]] += 1;
      if (this.state[task] === TASK_ZOMBIE) continue;
      assert(this.program[task] !== null, 'a live task has no program');
      assert(this.stack[task] !== 0, 'a live task has no kernel stack');
    }
    for (let task = 0; task < TASK_LIMIT; task++) {
      if (this.state[task] === TASK_FREE || this.leader[task] !== task) continue;
      assert(threads[task] === this.threadCount[task], 'threads of a process do not add up');
    }
    this.family.checkInvariants();
    assert(live === this.liveCount, 'free slots and live tasks do not add up');
  }
}

/** Checks a nice value of the kernel's own interface. The call `nice` clamps instead, as POSIX says. */
export function checkNice(nice: number): number {
  if (Number.isInteger(nice) && nice >= -20 && nice <= 19) return nice;
  throw new ArgumentError('ERR_NICE', `nice is ${nice}; allowed: a whole number -20..19`);
}

/**
 * Cycles as whole nanoseconds. One multiplication and one division in IEEE doubles: the same on
 * every engine and monotone in `cycles`, within 1 ns up to 2**53 ns.
 */
export function cyclesToNanoseconds(cycles: number, frequencyHz: number): Nanoseconds {
  return Math.floor((cycles * 1e9) / frequencyHz);
}
