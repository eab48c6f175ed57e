/**
 * The beginning of tasks, and their change of program: what is taken is given back, in the opposite
 * order, when a beginning fails half-way.
 */
import {
  ArgumentError,
  assert,
  EBUSY,
  EINVAL,
  ENOMEM,
  NIL,
  OK,
  SUPERVISOR,
  type TraceHook,
  TSC,
  USER,
  type VirtAddr,
} from '@hotpath/hw-x86';
import type { Scheduler, TaskOptions } from '@hotpath/sched';
import type { Current } from '../current.js';
import type { KernelLocks } from '../locks/kernel-locks.js';
import type { AddressSpace } from '../memory/address-space.js';
import type { AddressSpaces } from '../memory/address-spaces.js';
import { AREA_GROWS_DOWN, AREA_READ, AREA_WRITE } from '../memory/area-list.js';
import { FIXED_LAYOUT } from '../memory/layout.js';
import type { Vmalloc } from '../memory/vmalloc.js';
import { KERNEL_STACK_BYTES, STACK_CANARY, USER_STACK_START_BYTES } from '../params.js';
import { REPLACED } from '../syscall/call.js';
import {
  type Launch,
  type PathBuffer,
  type ProgramFactory,
  SystemCalls,
  type UserMemory,
} from '../syscall/program.js';
import { TRACE_TASK_START } from '../trace-events.js';
import type { Dispatcher } from './dispatcher.js';
import type { ProcessTimes } from './process-times.js';
import { type ResourceLimits, RLIMIT_NPROC } from './resource-limits.js';
import type { Signals } from './signals.js';
import { checkNice, type TaskReport, type Tasks } from './tasks.js';

/** Port: where the kernel's objects take their place in memory; a slab cache is one. */
export interface ObjectSource {
  /** Address of an object, or NIL. */
  allocate(): number;
  free(address: number): void;
}

/** Options of a new task. */
export interface SpawnOptions {
  /** -20..19, default 0: higher is less CPU. */
  readonly nice?: number;
  /** Bits of the CPUs it may run on; default all. */
  readonly affinity?: number;
  /** A kernel thread: ring 0, no user half. Default false. */
  readonly kernelThread?: boolean;
  /** Arguments of the program; default its name alone. */
  readonly argv?: readonly string[];
  /** Environment of the program; default empty. */
  readonly env?: Readonly<Record<string, string>>;
  /** This process adopts orphans, and is expected to wait for them. Default false. */
  readonly init?: boolean;
  /** Class of a stacked scheduling policy, 0 = highest; default 0. */
  readonly class?: number;
  /** Reservation of a deadline policy, in ns. */
  readonly reservation?: { runtimeNs: number; deadlineNs?: number; periodNs: number };
}

/** What beginnings work on. */
export interface LifecyclePorts {
  readonly current: Current;
  readonly tasks: Tasks;
  readonly scheduler: Scheduler;
  readonly spaces: AddressSpaces;
  readonly vmalloc: Vmalloc;
  readonly objects: ObjectSource;
  readonly memory: UserMemory;
  readonly dispatcher: Dispatcher;
  readonly signals: Signals;
  readonly limits: ResourceLimits;
  readonly times: ProcessTimes;
  readonly trace: TraceHook | null;
  readonly locks: KernelLocks;
  /** Scheduling class of a task without a reservation. */
  readonly taskClass: number;
  /** Gives a child the descriptors of its parent. */
  inheritFiles(parent: number, child: number): void;
  /** Closes descriptors that a new program is not to have. */
  closeOnExec(leader: number): void;
}

/** The top pages of a user stack hold the paths of a call. */
function pathBuffer(space: AddressSpace | null): PathBuffer {
  const { stackTop } = space?.layout ?? FIXED_LAYOUT;
  return { address: stackTop - 4 * 4096, byteLimit: 4 * 4096 };
}

type MakeSpace = (spaces: AddressSpaces) => AddressSpace | null;

/** Makes tasks. */
export class Lifecycle {
  readonly #ports: LifecyclePorts;
  /** Of a leader: arguments and environment of its program, for its children. */
  readonly #launch: (Launch | null)[] = [];

  constructor(ports: LifecyclePorts) {
    this.#ports = ports;
  }

  /**
   * A new process, ready to run: its report, or null when memory or slots do not suffice.
   * @throws ArgumentError `ERR_NICE`, `ERR_TASK_NAME`, `ERR_AFFINITY`, `ERR_CLASS`,
   *   `ERR_RESERVATION`, and `ERR_ADMISSION` for a reservation that does not fit
   */
  spawn(name: string, program: ProgramFactory, options: SpawnOptions = {}): TaskReport | null {
    const nice = checkNice(options.nice ?? 0);
    if (name === '') throw new ArgumentError('ERR_TASK_NAME', 'task name is ""; allowed: any text');
    const task = this.#begin(name, nice, options, options.kernelThread ? null : emptySpace);
    if (task === EBUSY || task === EINVAL) {
      throw new ArgumentError(
        'ERR_ADMISSION',
        `task "${name}": its deadline policy wants a reservation that fits on a CPU`,
      );
    }
    if (task < 0) return null;
    this.#ports.limits.reset(task);
    const launch = { name, program, argv: options.argv ?? [name], env: options.env ?? {} };
    return this.#start(task, launch);
  }

  /** A child of the caller's process with a copy of its memory and descriptors; null as for `spawn`. */
  fork(caller: number, program: ProgramFactory): TaskReport | null {
    const { signals, tasks } = this.#ports;
    const parent = tasks.leader[caller];
    const space = tasks.space[caller];
    const report = tasks.report[parent];
    if (space === null || report === null || this.#isFull(parent)) return null;
    const task = this.#begin(report.name, tasks.nice[caller], this.#likeCaller(caller), (spaces) =>
      this.#copySpace(spaces, space),
    );
    if (task < 0) return null;
    const { cpu } = this.#ports.current;
    this.#ports.locks.taskList.acquire(cpu);
    tasks.family.adopt(parent, task);
    tasks.processGroup[task] = tasks.processGroup[parent];
    tasks.session[task] = tasks.session[parent];
    this.#ports.limits.inherit(parent, task);
    signals.inherit(caller, task);
    this.#ports.locks.taskList.release(cpu);
    this.#ports.inheritFiles(parent, task);
    const launch = this.#launch[parent];
    assert(launch !== null && launch !== undefined, 'a process without a program forks');
    return this.#start(task, { ...launch, program });
  }

  /**
   * One more thread of the caller's process: same memory, descriptors and signal actions.
   * @param clearAddress - where its number stands until it ends, or 0
   */
  thread(caller: number, program: ProgramFactory, clearAddress: VirtAddr): TaskReport | null {
    const { signals, tasks } = this.#ports;
    const leader = tasks.leader[caller];
    const space = tasks.space[caller];
    const report = tasks.report[leader];
    if (space === null || report === null || this.#isFull(leader)) return null;
    const like = this.#likeCaller(caller);
    const task = this.#begin(report.name, tasks.nice[caller], like, () => space);
    if (task < 0) return null;
    tasks.leader[task] = leader;
    tasks.threadCount[task] = 0;
    tasks.threadCount[leader] += 1;
    tasks.clearAddress[task] = clearAddress;
    signals.inherit(caller, task);
    const launch = this.#launch[leader];
    assert(launch !== null && launch !== undefined, 'a process without a program makes a thread');
    return this.#start(task, { ...launch, program });
  }

  /**
   * Puts another program and an empty memory in the place of the current task's: REPLACED, or ENOMEM
   * and nothing has changed. The caller is the only thread of its process.
   */
  exec(task: number, launch: Launch): number {
    const { current, dispatcher, memory, signals, spaces, tasks } = this.#ports;
    const old = tasks.space[task];
    assert(old !== null && tasks.threadCount[task] === 1, 'exec by one of several threads');
    const space = emptySpace(spaces);
    if (space === null) return ENOMEM;
    space.stackBytes = old.stackBytes;
    tasks.space[task] = space;
    dispatcher.enterSpace(space);
    spaces.destroy(old);
    this.#ports.closeOnExec(task);
    signals.forExec(task);
    const strings = new TextEncoder().encode(argumentBlock(launch));
    // As the program's own stores: SMAP keeps the kernel off the page.
    current.cpu.enter(USER);
    memory.place(task, pathBuffer(space).address - Math.ceil(strings.length / 16) * 16, strings);
    current.cpu.enter(SUPERVISOR);
    const report = tasks.report[task];
    if (report !== null) report.name = launch.name;
    this.#launch[task] = launch;
    tasks.program[task] = launch.program(this.#callsOf(task), launch.argv, launch.env);
    return REPLACED;
  }

  /** Where the frames of a task's signal handlers begin, downwards. */
  frameTop(task: number): VirtAddr {
    // Threads share a space: each has a stretch of its own below the path buffer.
    return (
      pathBuffer(this.#ports.tasks.space[task]).address -
      65_536 -
      (task === this.#ports.tasks.leader[task] ? 0 : task) * 4096
    );
  }

  /** Stack and object of a thread that runs no more. */
  releaseThread(task: number): void {
    const { objects, tasks, vmalloc } = this.#ports;
    vmalloc.vfree(tasks.stack[task]);
    objects.free(tasks.object[task]);
    tasks.stack[task] = 0;
    if (tasks.leader[task] === task) this.#launch[task] = null;
  }

  /** A copy of a space, whose own areas and tables are not changed meanwhile. */
  #copySpace(spaces: AddressSpaces, space: AddressSpace): AddressSpace | null {
    const { cpu } = this.#ports.current;
    const lock = this.#ports.locks.memoryMap(space.pcid);
    lock.acquire(cpu, true);
    const copy = spaces.fork(space);
    lock.release(cpu);
    return copy;
  }

  /** RLIMIT_NPROC: all tasks are of the one user. */
  #isFull(leader: number): boolean {
    const { limits, tasks } = this.#ports;
    return tasks.liveCount >= limits.soft(leader, RLIMIT_NPROC);
  }

  #likeCaller(caller: number): SpawnOptions {
    const columns = this.#ports.scheduler.tasks;
    // A reservation is not inherited, nor its class (Linux: deadline tasks reset on fork).
    if (columns.periodNs[caller] > 0) return {};
    return { affinity: columns.affinity[caller], class: columns.class[caller] };
  }

  #callsOf(task: number): SystemCalls {
    const { memory, tasks } = this.#ports;
    return new SystemCalls(tasks.call[task], memory, pathBuffer(tasks.space[task]));
  }

  /** A slot with stack, object and address space, or NIL or an errno and nothing is taken. */
  #begin(name: string, nice: number, options: SpawnOptions, makeSpace: MakeSpace | null): number {
    const { current, scheduler, signals, tasks } = this.#ports;
    const wanted: TaskOptions = { nice, cpu: current.cpu.id };
    if (options.affinity !== undefined) wanted.affinity = options.affinity;
    if (options.reservation !== undefined) wanted.reservation = options.reservation;
    wanted.class = options.class ?? (options.reservation === undefined ? this.#ports.taskClass : 0);
    const task = scheduler.create(wanted);
    if (task < 0) return task;
    if (!this.#makeMemory(task, makeSpace)) {
      scheduler.exit(task);
      return NIL;
    }
    tasks.take(task, name, nice, current.cpu.cells[TSC]);
    signals.forget(task);
    this.#ports.times.reset(task);
    return task;
  }

  #start(task: number, launch: Launch): TaskReport | null {
    const { dispatcher, tasks, trace } = this.#ports;
    if (tasks.leader[task] === task) this.#launch[task] = launch;
    tasks.program[task] = launch.program(this.#callsOf(task), launch.argv, launch.env);
    if (trace !== null) trace.emit(TRACE_TASK_START, task, tasks.nice[task]);
    dispatcher.wake(task);
    return tasks.report[task];
  }

  #makeMemory(task: number, makeSpace: MakeSpace | null): boolean {
    const { current, objects, spaces, tasks, vmalloc } = this.#ports;
    const stack = vmalloc.vmalloc(KERNEL_STACK_BYTES);
    if (stack === NIL) return false;
    const object = objects.allocate();
    const space = makeSpace === null || object === NIL ? null : makeSpace(spaces);
    if (object === NIL || (space === null && makeSpace !== null)) {
      if (object !== NIL) objects.free(object);
      vmalloc.vfree(stack);
      return false;
    }
    tasks.stack[task] = stack;
    tasks.object[task] = object;
    tasks.space[task] = space;
    const status = current.cpu.mmu.store32(stack, STACK_CANARY);
    assert(status === OK, 'a fresh kernel stack is not mapped');
    return true;
  }
}

/** Arguments and environment as exec lays them on the new stack, each string ended by a zero. */
function argumentBlock(launch: Launch): string {
  const strings = [...launch.argv];
  for (const [name, value] of Object.entries(launch.env)) strings.push(`${name}=${value}`);
  return `${strings.join('\0')}\0`;
}

/** The address space of a task that nobody forked: the start of a stack and nothing else. */
function emptySpace(spaces: AddressSpaces): AddressSpace | null {
  const space = spaces.create();
  if (space === null) return null;
  const { stackTop } = space.layout;
  const flags = AREA_READ | AREA_WRITE | AREA_GROWS_DOWN;
  space.addArea(stackTop - USER_STACK_START_BYTES, stackTop, flags);
  return space;
}
