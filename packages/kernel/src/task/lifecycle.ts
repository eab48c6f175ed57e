/**
 * The beginning and end of tasks: what is taken at the one is given back at the other, in the
 * opposite order, also when the beginning fails half-way.
 */
import { ArgumentError, assert, NIL, OK, type TraceHook, TSC } from '@hotpath/hw-x86';
import type { Scheduler } from '@hotpath/sched';
import type { Current } from '../current.js';
import { type AddressSpace, type AddressSpaces, AREA_WRITE } from '../memory/address-space.js';
import { USER_HEAP, USER_STACK_TOP } from '../memory/memory-map.js';
import type { Vmalloc } from '../memory/vmalloc.js';
import { KERNEL_STACK_BYTES, STACK_CANARY, TASK_LIMIT, USER_STACK_BYTES } from '../params.js';
import {
  type PathBuffer,
  type ProgramFactory,
  SystemCalls,
  type UserMemory,
} from '../syscall/program.js';
import { TRACE_TASK_EXIT, TRACE_TASK_START } from '../trace-events.js';
import type { Dispatcher } from './dispatcher.js';
import { checkNice, TASK_FREE, TASK_ZOMBIE, type TaskReport, type Tasks } from './tasks.js';
import type { TaskWaits } from './waits.js';

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
}

/** What beginnings and ends work on. */
export interface LifecyclePorts {
  readonly current: Current;
  readonly tasks: Tasks;
  readonly scheduler: Scheduler;
  readonly spaces: AddressSpaces;
  readonly vmalloc: Vmalloc;
  readonly objects: ObjectSource;
  readonly memory: UserMemory;
  readonly dispatcher: Dispatcher;
  readonly trace: TraceHook | null;
  readonly waits: TaskWaits;
  /** Gives a child the descriptors of its parent. */
  inheritFiles(parent: number, child: number): void;
  /** Closes what the task has open. */
  closeFiles(task: number): void;
}

/** The top page of a user stack holds the path of an open. */
const PATH_BUFFER: PathBuffer = { address: USER_STACK_TOP - 4096, byteLimit: 4096 };

/** Makes and ends tasks. */
export class Lifecycle {
  readonly #ports: LifecyclePorts;

  constructor(ports: LifecyclePorts) {
    this.#ports = ports;
  }

  /**
   * A new task, ready to run: its report, or null when memory or slots do not suffice.
   * @throws ArgumentError `ERR_NICE`, `ERR_TASK_NAME`, `ERR_AFFINITY`
   */
  spawn(name: string, program: ProgramFactory, options: SpawnOptions = {}): TaskReport | null {
    const nice = checkNice(options.nice ?? 0);
    if (name === '') throw new ArgumentError('ERR_TASK_NAME', 'task name is ""; allowed: any text');
    const task = this.#begin(
      name,
      nice,
      options.affinity,
      options.kernelThread ? null : emptySpace,
    );
    return task === NIL ? null : this.#start(task, program);
  }

  /** A child of `parent` with a copy of its memory and its descriptors; null as for `spawn`. */
  fork(parent: number, program: ProgramFactory): TaskReport | null {
    const { tasks } = this.#ports;
    const space = tasks.space[parent];
    const report = tasks.report[parent];
    if (space === null || report === null) return null;
    const affinity = this.#ports.scheduler.tasks.affinity[parent];
    const task = this.#begin(report.name, tasks.nice[parent], affinity, (spaces) =>
      spaces.fork(space),
    );
    if (task === NIL) return null;
    tasks.parent[task] = parent;
    tasks.heapEnd[task] = tasks.heapEnd[parent];
    this.#ports.inheritFiles(parent, task);
    return this.#start(task, program);
  }

  /** A child of `parent`: number `pid`, or any with -1; only one that has ended with `ended`. */
  findChild(parent: number, pid: number, ended: boolean): number {
    const { tasks } = this.#ports;
    for (let task = 1; task < TASK_LIMIT; task++) {
      if (tasks.state[task] === TASK_FREE || tasks.parent[task] !== parent) continue;
      if (pid !== -1 && pid !== task) continue;
      if (!ended || tasks.state[task] === TASK_ZOMBIE) return task;
    }
    return NIL;
  }

  /** Exit status of a task that has ended. */
  statusOf(task: number): number {
    return this.#ports.tasks.exitStatus[task];
  }

  /** The task that is current has ended: gives back all but what its parent may ask for. */
  exit(task: number, status: number): void {
    const { scheduler, tasks, trace, waits } = this.#ports;
    const report = tasks.report[task];
    if (report !== null) report.status = status;
    const parent = tasks.parent[task];
    // A zombie keeps its number: the scheduler must not give it to anybody else.
    if (parent !== NIL) scheduler.blocked(task);
    this.#giveBack(task);
    this.#orphan(task);
    tasks.state[task] = TASK_ZOMBIE;
    if (trace !== null) trace.emit(TRACE_TASK_EXIT, task, status);
    if (parent === NIL) {
      this.reap(task);
    } else if (tasks.waitsForChild[parent] === 1) {
      tasks.waitsForChild[parent] = 0;
      waits.end(tasks.call[parent], OK);
    }
  }

  /** Forgets a task that has ended; its number is free. */
  reap(task: number): void {
    const { scheduler, tasks } = this.#ports;
    assert(tasks.state[task] === TASK_ZOMBIE, 'a task is reaped that has not ended');
    scheduler.exit(task);
    tasks.release(task);
  }

  /** Files, memory, stack and object of a task that runs no more. */
  #giveBack(task: number): void {
    const { tasks } = this.#ports;
    this.#ports.closeFiles(task);
    const space = tasks.space[task];
    if (space !== null) this.#ports.spaces.destroy(space);
    tasks.space[task] = null;
    tasks.program[task] = null;
    this.#ports.vmalloc.vfree(tasks.stack[task]);
    this.#ports.objects.free(tasks.object[task]);
    tasks.stack[task] = 0;
    tasks.call[task].reset();
  }

  /** Nobody waits for the children of a task that has ended: those that have ended go now. */
  #orphan(parent: number): void {
    const { tasks } = this.#ports;
    for (let task = 1; task < TASK_LIMIT; task++) {
      if (tasks.state[task] === TASK_FREE || tasks.parent[task] !== parent) continue;
      tasks.parent[task] = NIL;
      if (tasks.state[task] === TASK_ZOMBIE) this.reap(task);
    }
  }

  /** A slot with stack, object and address space, or NIL and nothing is taken. */
  #begin(
    name: string,
    nice: number,
    affinity: number | undefined,
    makeSpace: ((spaces: AddressSpaces) => AddressSpace | null) | null,
  ): number {
    const { current, scheduler, tasks } = this.#ports;
    const cpu = current.cpu.id;
    const task = scheduler.create(affinity === undefined ? { nice, cpu } : { nice, cpu, affinity });
    if (task < 0) return NIL;
    if (!this.#makeMemory(task, makeSpace)) {
      scheduler.exit(task);
      return NIL;
    }
    tasks.take(task, name, nice, current.cpu.cells[TSC]);
    tasks.heapEnd[task] = USER_HEAP;
    return task;
  }

  #start(task: number, program: ProgramFactory): TaskReport | null {
    const { dispatcher, memory, tasks, trace } = this.#ports;
    tasks.program[task] = program(new SystemCalls(tasks.call[task], memory, PATH_BUFFER));
    if (trace !== null) trace.emit(TRACE_TASK_START, task, tasks.nice[task]);
    dispatcher.wake(task);
    return tasks.report[task];
  }

  #makeMemory(
    task: number,
    makeSpace: ((spaces: AddressSpaces) => AddressSpace | null) | null,
  ): boolean {
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

/** The address space of a task that nobody forked: a stack and nothing else. */
function emptySpace(spaces: AddressSpaces): AddressSpace | null {
  const space = spaces.create();
  space?.addArea(USER_STACK_TOP - USER_STACK_BYTES, USER_STACK_TOP, AREA_WRITE);
  return space;
}
