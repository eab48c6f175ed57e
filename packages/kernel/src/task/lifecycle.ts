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
import { KERNEL_STACK_BYTES, STACK_CANARY, USER_STACK_BYTES } from '../params.js';
import { type PathBuffer, type Program, SystemCalls, type UserMemory } from '../syscall/program.js';
import { TRACE_TASK_EXIT, TRACE_TASK_START } from '../trace-events.js';
import type { Dispatcher } from './dispatcher.js';
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
  spawn(
    name: string,
    program: (sys: SystemCalls) => Program,
    options: SpawnOptions = {},
  ): TaskReport | null {
    const nice = checkNice(options.nice ?? 0);
    if (name === '') throw new ArgumentError('ERR_TASK_NAME', 'task name is ""; allowed: any text');
    const { scheduler, tasks } = this.#ports;
    const task = scheduler.create({
      nice,
      cpu: this.#ports.current.cpu.id,
      ...(options.affinity === undefined ? {} : { affinity: options.affinity }),
    });
    if (task < 0) return null;
    const space = this.#makeMemory(task, options.kernelThread === true);
    if (space === undefined) {
      scheduler.exit(task);
      return null;
    }
    const { cpu } = this.#ports.current;
    const report = tasks.take(task, name, nice, cpu.cells[TSC]);
    tasks.space[task] = space;
    tasks.heapEnd[task] = USER_HEAP;
    tasks.program[task] = program(
      new SystemCalls(tasks.call[task], this.#ports.memory, PATH_BUFFER),
    );
    if (this.#ports.trace !== null) this.#ports.trace.emit(TRACE_TASK_START, task, nice);
    this.#ports.dispatcher.wake(task);
    return report;
  }

  /** Gives back everything of a task that the scheduler knows no more. */
  exit(task: number, status: number): void {
    const { tasks, trace } = this.#ports;
    const report = tasks.report[task];
    if (report !== null) report.status = status;
    this.#ports.closeFiles(task);
    const space = tasks.space[task];
    if (space !== null) this.#ports.spaces.destroy(space);
    this.#ports.vmalloc.vfree(tasks.stack[task]);
    this.#ports.objects.free(tasks.object[task]);
    tasks.stack[task] = 0;
    tasks.call[task].reset();
    tasks.release(task);
    if (trace !== null) trace.emit(TRACE_TASK_EXIT, task, status);
  }

  /** Stack, object and address space of a task; undefined when memory does not suffice. */
  #makeMemory(task: number, kernelThread: boolean): AddressSpace | null | undefined {
    const { current, objects, spaces, tasks, vmalloc } = this.#ports;
    const stack = vmalloc.vmalloc(KERNEL_STACK_BYTES);
    if (stack === NIL) return undefined;
    const object = objects.allocate();
    const space = kernelThread || object === NIL ? null : spaces.create();
    if (object === NIL || (space === null && !kernelThread)) {
      if (object !== NIL) objects.free(object);
      vmalloc.vfree(stack);
      return undefined;
    }
    if (space !== null)
      space.addArea(USER_STACK_TOP - USER_STACK_BYTES, USER_STACK_TOP, AREA_WRITE);
    tasks.stack[task] = stack;
    tasks.object[task] = object;
    const status = current.cpu.mmu.store32(stack, STACK_CANARY);
    assert(status === OK, 'a fresh kernel stack is not mapped');
    return space;
  }
}
