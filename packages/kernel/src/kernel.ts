/** A running kernel, as its user holds it: programs in, figures out. */
import type { BlockCache } from '@hotpath/blockcache';
import {
  ArgumentError,
  assert,
  EIO,
  HALTED,
  isErrno,
  type PhysAddr,
  POWER_OFF,
  TSC,
} from '@hotpath/hw-x86';
import type { ModelDisk, ModelMachine } from '@hotpath/hw-x86/model';
import type { PageCache } from '@hotpath/pagecache';
import { eventCode, KIND_LIMIT, RECORD_DOUBLES, type Tracer } from '@hotpath/pmc-trace';
import type { Scheduler } from '@hotpath/sched';
import type { Kmalloc, PageAllocator, SlabAllocator } from '@hotpath/slab';
import type { Current } from './current.js';
import type { Console } from './devices/console.js';
import { HostOperations } from './host-operations.js';
import { type HostTask, HostTaskPlace } from './host-task.js';
import type { KernelLog } from './kernel-log.js';
import type { Inheritance } from './locks/inheritance.js';
import type { KernelLocks } from './locks/kernel-locks.js';
import type { AddressSpaces } from './memory/address-spaces.js';
import type { Collapser } from './memory/collapser.js';
import type { FrameReferences } from './memory/frame-references.js';
import type { LargePages } from './memory/large-pages.js';
import type { PageFaults } from './memory/page-fault.js';
import type { PageTables } from './memory/page-tables.js';
import type { PressuredFrames } from './memory/pressured-frames.js';
import type { ReverseMap } from './memory/reverse-map.js';
import type { SharedMemory } from './memory/shared-memory.js';
import type { TlbShootdown } from './memory/tlb-shootdown.js';
import type { Vmalloc } from './memory/vmalloc.js';
import { type CacheStatistics, cacheStatistics } from './observe/cache-statistics.js';
import type { Observer } from './observe/observer.js';
import type { Settings } from './options.js';
import { TASK_LIMIT } from './params.js';
import type { SystemCallEntry } from './syscall/entry.js';
import type { ProgramFactory } from './syscall/program.js';
import type { CallStack } from './task/call-stack.js';
import type { Dispatcher } from './task/dispatcher.js';
import type { Endings } from './task/endings.js';
import type { Lifecycle, SpawnOptions } from './task/lifecycle.js';
import type { Programs } from './task/programs.js';
import { SIGKILL } from './task/signal-numbers.js';
import type { Signals } from './task/signals.js';
import { TASK_FREE, type TaskReport, type Tasks } from './task/tasks.js';
import type { Watchdog } from './task/watchdog.js';
import type { OpenFiles } from './vfs/open-files.js';
import type { Vfs } from './vfs/vfs.js';

/** The parts that `boot` has made. */
export interface KernelParts {
  readonly settings: Settings;
  readonly machine: ModelMachine;
  readonly current: Current;
  readonly tracer: Tracer | null;
  /** What looks into it; null without the option `observe`. */
  readonly observer: Observer | null;
  /** What the kernel had to say. */
  readonly log: KernelLog;
  readonly pages: PageAllocator;
  /** The page allocator with reclaim behind it. */
  readonly frames: PressuredFrames;
  readonly tables: PageTables;
  readonly kernelRoot: PhysAddr;
  readonly slabs: SlabAllocator;
  readonly kmalloc: Kmalloc;
  readonly vmalloc: Vmalloc;
  readonly spaces: AddressSpaces;
  readonly userFrames: FrameReferences;
  readonly faults: PageFaults;
  readonly large: LargePages;
  readonly collapser: Collapser;
  readonly shared: SharedMemory;
  readonly reverse: ReverseMap;
  readonly shootdown: TlbShootdown;
  readonly tasks: Tasks;
  /** Kernel functions that are under way; read it at any moment, also from a profiler's. */
  readonly stack: CallStack;
  readonly scheduler: Scheduler;
  readonly dispatcher: Dispatcher;
  readonly entry: SystemCallEntry;
  readonly lifecycle: Lifecycle;
  readonly endings: Endings;
  readonly signals: Signals;
  readonly programs: Programs;
  readonly watchdog: Watchdog;
  readonly locks: KernelLocks;
  readonly inheritance: Inheritance;
  readonly disk: ModelDisk;
  readonly blocks: BlockCache;
  /** Number of the root disk in the block cache. */
  readonly rootDevice: number;
  readonly pageCache: PageCache;
  readonly vfs: Vfs;
  readonly console: Console;
  readonly open: OpenFiles;
}

/** Ranges of 2 MiB that one pass of the collapsing daemon makes large at most (Linux: 8). */
const COLLAPSED_RANGES = 8;

/** Options of {@link Kernel.run}. */
export interface RunOptions {
  /** Stops after so many cycles of virtual time; default: never. */
  readonly cycles?: number;
}

/** A kernel and its machine. Not handed to any part of itself. */
export class Kernel {
  /** The parts, for measuring and for looking inside. */
  readonly parts: KernelParts;

  readonly #stopTarget: number;
  readonly #hostTask: HostTaskPlace;
  #daemon: TaskReport | null = null;

  constructor(parts: KernelParts) {
    this.parts = parts;
    const { machine } = parts;
    this.#hostTask = new HostTaskPlace({
      machine,
      spawn: (name, program, options) => this.spawn(name, program, options),
    });
    this.#stopTarget = machine.events.register({
      event: (time) => {
        // Time passes for processors that sleep, too: or a second run would not get further.
        for (const { cells } of machine.cpus) {
          if (cells[HALTED] !== 0) cells[TSC] = Math.max(cells[TSC], time);
        }
        machine.stop();
      },
    });
  }

  /**
   * Starts a program as a task of its own. It runs when {@link Kernel.run} is called.
   * @returns its report, filled in as it runs
   * @throws ArgumentError `ERR_NO_MEMORY` when no task, stack or address space is left, `ERR_NICE`,
   *   `ERR_AFFINITY`, `ERR_TASK_NAME`
   */
  spawn(name: string, program: ProgramFactory, options: SpawnOptions = {}): TaskReport {
    const report = this.parts.lifecycle.spawn(name, program, options);
    if (report !== null) {
      if (options.init === true) this.parts.endings.init = report.task;
      this.parts.tracer?.registry.nameTask(report.task, name);
      this.#startCollapser();
      return report;
    }
    throw new ArgumentError(
      'ERR_NO_MEMORY',
      `task "${name}": memory or task slots are used up (${this.parts.tasks.liveCount} tasks live)`,
    );
  }

  /** The daemon ends with the last process, so that a machine without any comes to rest. */
  #startCollapser(): void {
    const { collapser, lifecycle, settings } = this.parts;
    if (settings.collapseNs === 0 || this.#daemon?.status === null) return;
    const program = collapser.daemon(settings.collapseNs, COLLAPSED_RANGES);
    this.#daemon = lifecycle.spawn('khugepaged', program, { kernelThread: true, nice: 19 });
  }

  /**
   * Starts a task whose code is the host's own: a library whose calls cannot yield makes them through
   * it, and each runs the machine until it has ended. Until it is closed, `run` returns at once.
   * @throws HostTaskError `EBUSY` while there is another; ArgumentError as {@link Kernel.spawn}
   */
  openHostTask(name: string, options: SpawnOptions = {}): HostTask {
    return this.#hostTask.open(name, options);
  }

  /**
   * Makes a program known by name, so that `exec` finds it.
   * @throws ArgumentError `ERR_PROGRAM` for an empty name, one with a slash, or one that is taken
   */
  registerProgram(name: string, program: ProgramFactory): void {
    this.parts.programs.register(name, program);
  }

  /**
   * What looks into this kernel: tables, counters, traces.
   * @throws ArgumentError `ERR_NOT_OBSERVED` unless it was booted with `observe` or `trace`
   */
  get observe(): Observer {
    const { observer } = this.parts;
    if (observer !== null) return observer;
    throw new ArgumentError(
      'ERR_NOT_OBSERVED',
      'this kernel was booted without observe; allowed: boot({ observe: true })',
    );
  }

  /**
   * Runs until no task can run and no event is left, or the power is off; with `cycles`, until that
   * time has passed, idle or not.
   * @returns STOPPED, IDLE or POWER_OFF of `@hotpath/hw-x86`
   * @throws KernelPanic
   */
  run(options: RunOptions = {}): number {
    const { machine } = this.parts;
    if (options.cycles === undefined) return machine.run();
    machine.events.schedule(this.cycles + options.cycles, this.#stopTarget, 0);
    return machine.run();
  }

  /** Virtual time: cycles of the CPU that is furthest. */
  get cycles(): number {
    let most = 0;
    for (const cpu of this.parts.machine.cpus) most = Math.max(most, cpu.cells[TSC]);
    return most;
  }

  /** Makes every file durable: OK, or the first errno. Runs the machine meanwhile. */
  sync(): number {
    const { machine, stack, vfs } = this.parts;
    return new HostOperations(machine, stack).run((wait) => vfs.sync(wait));
  }

  /**
   * Ends a run as a computer is switched off: every process is killed, what is open closed, every
   * file made durable, the root's disk left clean, and the power is off. Shared mappings that were
   * written count as written.
   * @returns OK; or an errno (EIO, ENOSPC of a failing disk, or EIO of a power that is off already):
   *   then the machine is on, the root mounted, if perhaps only to be read, and the call may be
   *   tried again
   */
  shutdown(): number {
    const { machine, stack, vfs } = this.parts;
    if (!this.#endProcesses()) return EIO;
    const status = this.sync();
    if (isErrno(status)) return status;
    const unmounted = new HostOperations(machine, stack).run((wait) => vfs.unmountRoot(wait));
    if (!isErrno(unmounted)) machine.powerOff();
    return unmounted;
  }

  /** Kills until nobody is left: a child may be born meanwhile. False when the power is off. */
  #endProcesses(): boolean {
    const { endings, machine, signals, tasks } = this.parts;
    for (let round = 0; round <= TASK_LIMIT; round++) {
      let living = 0;
      for (let task = 0; task < TASK_LIMIT; task++) {
        if (tasks.state[task] === TASK_FREE || tasks.leader[task] !== task) continue;
        if (endings.hasEnded(task)) continue;
        living += 1;
        signals.sendToProcess(task, SIGKILL);
      }
      if (machine.run() === POWER_OFF) return false;
      if (living === 0) return true;
    }
    assert(false, 'a process outlives SIGKILL');
  }

  /**
   * Gives up the names and inodes in memory that nobody uses, so that what is left in slabinfo is in
   * use, or has leaked. Runs the machine meanwhile.
   */
  dropCaches(): void {
    const { machine, stack, vfs } = this.parts;
    new HostOperations(machine, stack).run((wait) => vfs.dropCaches(wait));
  }

  /** What the page cache, the block cache and the TLBs of each processor have counted since boot. */
  caches(): CacheStatistics {
    const { blocks, machine, pageCache } = this.parts;
    return cacheStatistics(pageCache, blocks, machine.cpus);
  }

  /** The last `count` trace events of all CPUs as text, oldest first; empty without a tracer. */
  lastEvents(count: number): string[] {
    const { tracer } = this.parts;
    if (tracer === null) return [];
    const events: { time: number; text: string }[] = [];
    for (const ring of tracer.snapshot().cpus) {
      for (let i = Math.max(0, ring.count - count); i < ring.count; i++) {
        const [time, , a, b] = ring.records.subarray(i * RECORD_DOUBLES, (i + 1) * RECORD_DOUBLES);
        const { name } = tracer.registry.kind(eventCode(ring.records, i) % KIND_LIMIT);
        events.push({ time, text: `${time} cpu ${ring.cpu} ${name} ${a} ${b}` });
      }
    }
    events.sort((first, second) => first.time - second.time);
    return events.slice(-count).map((event) => event.text);
  }

  /** Asserts the invariants of every part. Slow; for tests. */
  checkInvariants(): void {
    const { blocks, vfs, pageCache, pages, scheduler, spaces, tables, tasks, vmalloc } = this.parts;
    pages.checkInvariants();
    tables.checkInvariants(this.parts.kernelRoot);
    vmalloc.checkInvariants();
    tasks.checkInvariants();
    scheduler.checkInvariants();
    blocks.checkInvariants();
    pageCache.checkInvariants();
    vfs.checkInvariants();
    this.parts.reverse.checkInvariants();
    for (const space of spaces.live()) {
      space.checkInvariants();
      tables.checkInvariants(space.root);
    }
    assert(spaces.liveCount <= tasks.liveCount, 'an address space outlived its task');
  }
}
