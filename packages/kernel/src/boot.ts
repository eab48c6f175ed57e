/**
 * From switched-off machine to running kernel, top to bottom. Start reading here: each part is made
 * once, in the order in which it needs the others, and given what it needs and no more.
 */
import { BlockCache } from '@hotpath/blockcache';
import { assert, InvariantError, type Meter, NIL, OK, TSC } from '@hotpath/hw-x86';
import { createMachine, createModelDisk } from '@hotpath/hw-x86/model';
import { Scheduler } from '@hotpath/sched';
import { bootFiles } from './boot-files.js';
import { bootMemory } from './boot-memory.js';
import { bootCurrent } from './current.js';
import { chargedDisk } from './devices/charged-disk.js';
import { Kernel } from './kernel.js';
import { KernelLog } from './kernel-log.js';
import { KernelPaths } from './kernel-paths.js';
import { Inheritance } from './locks/inheritance.js';
import { createLocks } from './locks/kernel-locks.js';
import type { SleepLockPorts } from './locks/sleep-locks.js';
import { AddressRanges } from './memory/address-ranges.js';
import { FileFaults } from './memory/file-fault.js';
import { OutOfMemory } from './memory/out-of-memory.js';
import { FAULT_RESOLVED } from './memory/page-fault.js';
import { Protector } from './memory/protector.js';
import { BlockIo } from './observe/block-io.js';
import { cacheStatistics } from './observe/cache-statistics.js';
import { NamedMeter } from './observe/named-meter.js';
import { beginObservation, Observer } from './observe/observer.js';
import { Requests } from './observe/requests.js';
import { type BootOptions, fillOptions } from './options.js';
import { KernelPanic, panicReport } from './panic.js';
import {
  BOUNCE_FRAME,
  FILE_BOUNCE_FRAME,
  FS_BLOCK_BYTES,
  OUT_OF_MEMORY_PAUSE,
  TASK_LIMIT,
} from './params.js';
import { blockHandler } from './syscall/block-calls.js';
import { installChildCalls } from './syscall/child-calls.js';
import { type Handler, SystemCallEntry } from './syscall/entry.js';
import { MemoryCalls } from './syscall/memory-calls.js';
import { installPowerCalls } from './syscall/power-calls.js';
import { installProcessCalls } from './syscall/process-calls.js';
import { ProgramAccess } from './syscall/program-access.js';
import { installSchedCalls } from './syscall/sched-calls.js';
import { installSignalCalls } from './syscall/signal-calls.js';
import { CallStack, type FrameName } from './task/call-stack.js';
import { CycleAccounts } from './task/cycle-accounts.js';
import { Dispatcher } from './task/dispatcher.js';
import { Endings } from './task/endings.js';
import { Futexes } from './task/futexes.js';
import { IntervalTimers } from './task/interval-timers.js';
import { Lifecycle } from './task/lifecycle.js';
import { ProcessTimes } from './task/process-times.js';
import { Programs } from './task/programs.js';
import { ResourceLimits } from './task/resource-limits.js';
import { SIGABRT, SIGALRM, SIGKILL, SIGPIPE, SIGXFSZ } from './task/signal-numbers.js';
import { Signals } from './task/signals.js';
import { Sleepers } from './task/sleepers.js';
import { STATUS_ABORT, Tasks } from './task/tasks.js';
import { ThreadExec } from './task/thread-exec.js';
import { UserAccess } from './task/user-access.js';
import { TaskWaits } from './task/waits.js';
import { Watchdog } from './task/watchdog.js';
import { VECTOR_DISK, VECTOR_SHOOTDOWN } from './vectors.js';
import { VfsMappableFiles } from './vfs/mappable-files.js';

/**
 * Boots a kernel on a machine of its own. The same options are the same run, to the cycle.
 * @throws ArgumentError for an option outside its range, or a disk without a file layer
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: cutting the list in two would hide its order
export function boot(options: BootOptions = {}): Kernel {
  const settings = fillOptions(options);

  // The machine, and which CPU of it we are on.
  const machine = createMachine(settings);
  const { memory, meter } = machine;
  const current = bootCurrent(machine.cpus[0]);
  const stack = new CallStack();
  const paths = new KernelPaths(current, meter);
  // Who looks into it: null, and nobody pays.
  const observation = settings.observe ? beginObservation(machine) : null;
  const tracer = settings.trace ? (observation?.trace.start() ?? null) : null;
  const trace = observation?.tap ?? null;
  const meterOf = (part: FrameName): Meter =>
    observation === null ? meter : new NamedMeter(meter, stack, part);

  // Memory: the page allocator, page tables and the direct map, slab and vmalloc, address spaces.
  const ram = bootMemory({ settings, machine, current, stack, paths, trace, meterOf });
  const { faults, frames, kernelRoot, pages, reverse, shared, shootdown, slabs, spaces } = ram;
  const { tables, taskObjects, unmapper, userFrames, vmalloc, words } = ram;
  const log = new KernelLog(machine);

  // Tasks and who runs them. Before the disk, because its interrupts need someone to take them.
  const entry = new SystemCallEntry();
  const tasks = new Tasks(entry, meter);
  const accounts = new CycleAccounts(current, tasks);
  const limits = new ResourceLimits();
  const times = new ProcessTimes(tasks);
  const locks = createLocks(settings.cpus, meter, (text) => panic(text));
  const scheduler = new Scheduler({
    policy: settings.scheduler,
    tasks: TASK_LIMIT,
    cpus: settings.cpus,
    meter: meterOf('run_queue'),
    // No hook: the dispatcher itself tells of switches and wake-ups, with the kernel's own task states.
  });
  const watchdog = new Watchdog({
    tasks,
    scheduler,
    log,
    frequencyHz: machine.frequencyHz,
    boundNs: settings.watchdogNs,
  });
  // Task 0 stands for the idle loop and is never run, so that a task number is a pid.
  assert(scheduler.create({ class: settings.taskClass }) === 0, 'the first task is not number 0');
  const panic = (reason: string, cause?: unknown): never => {
    throw new KernelPanic(
      panicReport(reason, {
        current,
        cpus: machine.cpus,
        stack,
        tasks,
        runningOn: (cpu) => scheduler.current(cpu),
        heldLocks: (cpu) => locks.classes.heldNames(cpu),
        cause,
        lastEvents: () => kernel?.lastEvents(16) ?? [],
      }),
      cause,
    );
  };
  const access = new UserAccess({
    current,
    tasks,
    faults,
    trace,
    accounts,
    stack,
    paths,
    locks,
    raise: (task, signal) => signals.force(task, signal),
    forgotten: (call) => panic(`yield* was forgotten: ${tasks.describeCall(call)} is outstanding`),
  });
  const caches: Reapable[] = [];
  const dispatcher: Dispatcher = new Dispatcher({
    machine,
    current,
    tasks,
    scheduler,
    kernelRoot,
    trace,
    accounts,
    stack,
    paths,
    watchdog,
    queueLocks: locks.runQueue,
    cpuChanged: (cpu) => {
      trace?.run(cpu);
      pages.useCpu(cpu);
      slabs.cpu = cpu;
    },
    handle: (cpu, vector) => {
      if (vector === VECTOR_SHOOTDOWN) shootdown.flushHere(cpu);
      else if (vector === VECTOR_DISK) reapAll(caches);
      else panic(`no handler for interrupt vector ${vector}`);
    },
    exit: (task, status) => endings.exit(task, status),
    returned: (task, status) => {
      // The end of the first thread's main function is the end of its process, as in C.
      if (tasks.leader[task] === task) signals.endProcess(task, status, 0);
      tasks.exitStatus[task] = status;
    },
    thrown: (task, error) => {
      if (error instanceof KernelPanic) throw error;
      if (error instanceof InvariantError) panic(error.message, error);
      const report = tasks.report[task];
      if (report !== null) report.error = error;
      signals.endProcess(tasks.leader[task], STATUS_ABORT, SIGABRT);
      if (tasks.exitStatus[task] === NIL) tasks.exitStatus[task] = STATUS_ABORT;
      tasks.exitSignal[task] = SIGABRT;
    },
    wakeSleepers: () => {
      sleepers.wakeDue();
      timers.expireDue();
    },
    settleFault: (task) => access.settleFault(task),
    deliverSignals: (task) => signals.deliver(task),
    leaveHandler: (task) => signals.leaveHandler(task),
    interruptWait: (task) => waits.interrupt(task),
    activate: (cpu, space) => shootdown.activate(cpu, space),
    rest: (cpu) => shootdown.rest(cpu),
    panic,
  });
  machine.attach(dispatcher);
  const waits = new TaskWaits(tasks, dispatcher);
  const inheritance = new Inheritance({
    scheduler,
    changed: (task) => {
      const cpu = tasks.cpu[task];
      if (cpu !== current.cpu.id && scheduler.needResched(cpu)) dispatcher.kick(cpu);
    },
  });
  const sleepLocks: SleepLockPorts = {
    classes: locks.classes,
    inheritance,
    waits,
    now: () => current.cpu.cells[TSC],
    cpu: () => current.cpu.id,
  };
  const sleepers = new Sleepers(machine, waits, {
    cpuOf: (tag) => tasks.cpu[tag % TASK_LIMIT],
    isPending: (tag) => waits.isPending(tag),
  });
  const signals: Signals = new Signals({
    current,
    tasks,
    waits,
    paths,
    wake: (task) => dispatcher.wake(task),
    kick: (cpu) => dispatcher.kick(cpu),
    resolveFault: (task) => access.resolveKernelFault(task) === FAULT_RESOLVED,
    frameTop: (task) => lifecycle.frameTop(task),
    alarmTaken: (leader) => timers.signalTaken(leader),
    stateChanged: (leader) => endings.stateChanged(leader),
    execWaits: (leader) => threadExec.isPending(leader),
    finishExec: (leader) => threadExec.finish(leader),
  });
  const timers: IntervalTimers = new IntervalTimers({
    machine,
    cpu: () => current.cpu,
    lastCpu: (leader) => tasks.cpu[leader],
    expired: (leader) => signals.sendToProcess(leader, SIGALRM),
  });

  // The root disk and the block cache in front of it.
  const diskLine = machine.interruptLine(0, VECTOR_DISK);
  const io = observation === null ? null : new BlockIo({ tap: observation.tap, clock: machine });
  const disk = createModelDisk({
    events: machine.events,
    clock: machine,
    line: diskLine,
    frequencyHz: machine.frequencyHz,
    blockCount: settings.diskBytes / FS_BLOCK_BYTES,
    profile: settings.disk,
    seed: settings.seed,
    faults: settings.faults,
    ...(settings.image === null ? {} : { image: settings.image }),
    ...(settings.powerCutAt === null ? {} : { powerCutAt: settings.powerCutAt }),
    ...(settings.writeLog === null ? {} : { log: settings.writeLog }),
    ...(io === null ? {} : { trace: io }),
    onPowerCut: () => machine.powerOff(),
  });
  machine.attachDevice(disk);
  const blocks = new BlockCache({
    memory,
    frames: pages,
    blockBytes: FS_BLOCK_BYTES,
    capacity: settings.blockCacheBlocks,
    policy: settings.eviction,
    line: diskLine,
    meter: meterOf('block_cache'),
    trace,
  });
  const charged = chargedDisk(disk, paths);
  const rootDevice = blocks.addDevice(io === null ? charged : io.over(charged));
  caches.push(blocks);

  // System calls, and the beginning and end of tasks.
  const handlers: (Handler | undefined)[] = [];
  const { frequencyHz } = machine;
  installProcessCalls(handlers, {
    tasks,
    inheritance,
    dispatcher,
    current,
    sleepers,
    waits,
    frequencyHz,
    storeWords: (call, address, value) => access.storeWords(call.task, address, value),
  });
  const files = bootFiles({
    settings,
    machine,
    memory,
    words,
    meter,
    trace,
    line: diskLine,
    current,
    frames: pages,
    slabs,
    blocks,
    rootDevice,
    tasks,
    scheduler,
    dispatcher,
    waits,
    stack,
    paths,
    limits,
    times,
    accounts,
    sleepLocks,
    spinLocks: locks,
    access,
    handlers,
    bounce: FILE_BOUNCE_FRAME,
    mappings: reverse,
    addReapable: (cache) => caches.push(cache),
    observed: observation !== null,
    requests: new Requests({
      observer: () => observer,
      caches: () => cacheStatistics(pageCache, blocks, machine.cpus),
      locks: () => locks.classes.statistics(),
      tasks,
      frequencyHz,
      isFull: settings.mode === 'full',
    }),
    brokenPipe: (task) => signals.sendToThread(task, SIGPIPE),
    tooLarge: (task) => signals.sendToThread(task, SIGXFSZ),
    sleepUntil: (nanoseconds, tag) => sleepers.sleep((nanoseconds * frequencyHz) / 1e9, tag),
    signalGroup: (group, signal) => {
      for (const leader of tasks.groupLeaders(group)) signals.sendToProcess(leader, signal);
    },
  });
  const { pageCache } = files;
  const observer =
    observation === null || io === null
      ? null
      : new Observer({
          ...observation,
          machine,
          current,
          tasks,
          stack,
          accounts,
          io,
          readCounters: (into) => {
            into[0] = scheduler.tasks.queuedCount.reduce((sum, count) => sum + count, 0);
            into[1] = pageCache.pageCount;
            into[2] = pageCache.dirtyCount;
            into[3] = pages.freePages;
            into[4] = disk.inFlight;
          },
          parkedOf: (task) => files.vfs.operations.parkedOf(task),
        });

  // Files in address spaces: the page cache's frames, and who shows them.
  const mappable = new VfsMappableFiles(tasks, files.vfs);
  ram.mapped.connect(mappable);
  reverse.connect(pageCache, {
    tables,
    shootdown,
    files: ram.mapped,
    unmapper,
    spaceOf: (pcid) => spaces.byPcid(pcid),
  });
  faults.connect(
    new FileFaults({
      pages: pageCache,
      files: mappable,
      tables,
      frames: userFrames,
      shootdown,
      reverse,
      waits,
      faults,
      paths,
    }),
    new OutOfMemory({
      tasks,
      log,
      isProtected: (leader) => leader === endings.init,
      kill: (leader) => signals.sendToProcess(leader, SIGKILL),
      pause: (call) => {
        const until = current.cpu.cells[TSC] + machine.frequencyHz * OUT_OF_MEMORY_PAUSE;
        sleepers.sleep(until, waits.begin(call));
      },
    }),
  );
  frames.connect([pageCache, { reclaim: () => Math.floor(slabs.shrink() / 4096) }]);
  const memoryCalls = new MemoryCalls({
    current,
    tasks,
    ranges: new AddressRanges(unmapper, new Protector(tables, shootdown)),
    tables,
    pages: pageCache,
    files: mappable,
    shared,
    waits,
    access,
    limits,
    locks,
    memoryBytes: settings.memoryBytes,
  });
  memoryCalls.install(handlers);
  entry.connect({
    current,
    trace,
    accounts,
    stack,
    paths,
    meter,
    handlers,
    stackOf: (task) => tasks.stack[task],
    blockHandler: blockHandler(blocks, waits),
    programAccess: new ProgramAccess({
      current,
      memory,
      bounce: BOUNCE_FRAME,
      resolveFault: (call) => access.resolveFault(call),
    }),
    attention: tasks.attention,
    mustSuspend: (cpu) => scheduler.needResched(cpu),
    isKernelThread: (task) => tasks.space[task] === null,
  });
  const lifecycle: Lifecycle = new Lifecycle({
    current,
    tasks,
    scheduler,
    spaces,
    vmalloc,
    objects: taskObjects,
    memory: access,
    dispatcher,
    signals,
    limits,
    times,
    trace,
    locks,
    taskClass: settings.taskClass,
    inheritFiles: (parent, child) => files.inherit(parent, child),
    closeOnExec: (leader) => files.closeForExec(leader),
  });
  const endings = new Endings({
    tasks,
    scheduler,
    spaces,
    signals,
    waits,
    times,
    trace,
    paths,
    lock: locks.taskList,
    current,
    releaseThread: (task) => {
      files.cancelTransfer(task);
      assert(locks.classes.heldByTask(task) === 0, 'a task ends that holds a sleeping lock');
      lifecycle.releaseThread(task);
    },
    clearThreadWord: (task) => {
      const address = tasks.clearAddress[task];
      if (access.storeWord(task, address, 0) === OK) futexes.wake(tasks.space[task], address, 1);
    },
    leaveSpace: () => dispatcher.leaveSpace(),
    closeFiles: (leader) => files.closeAll(leader),
    stopTimers: (leader) => timers.stop(leader),
    alone: (leader) => threadExec.alone(leader),
  });
  const threadExec: ThreadExec = new ThreadExec({
    tasks,
    signals,
    waits,
    exec: (leader, launch) => lifecycle.exec(leader, launch),
  });
  const programs = new Programs();
  for (const [name, program] of Object.entries(settings.programs)) programs.register(name, program);
  const futexes = new Futexes({ current, tasks, waits, access, sleepers, frequencyHz });
  installSchedCalls(handlers, {
    current,
    tasks,
    scheduler,
    inheritance,
    dispatcher,
    futexes,
    access,
    pages,
    cpuCount: settings.cpus,
    memoryBytes: settings.memoryBytes,
    frequencyHz,
  });
  installPowerCalls(handlers, { vfs: files.vfs, powerOff: () => machine.powerOff() });
  installChildCalls(handlers, {
    tasks,
    lifecycle,
    endings,
    threadExec,
    programs,
    signals,
    waits,
    access,
  });
  installSignalCalls(handlers, { tasks, signals, waits, timers });

  const kernel: Kernel = new Kernel({
    ...ram,
    settings,
    machine,
    current,
    tracer,
    observer,
    log,
    tasks,
    stack,
    scheduler,
    dispatcher,
    entry,
    lifecycle,
    endings,
    signals,
    programs,
    watchdog,
    locks,
    inheritance,
    disk,
    blocks,
    rootDevice,
    pageCache: files.pageCache,
    vfs: files.vfs,
    console: files.console,
    open: files.vfs.open,
  });
  return kernel;
}

interface Reapable {
  reap(): number;
}

/**
 * The disk interrupt: until nobody has anything left, since each makes work for the other (a block
 * that arrives completes a page, a page that is written starts the next block).
 */
function reapAll(caches: readonly Reapable[]): void {
  let delivered: number;
  do {
    delivered = 0;
    for (const cache of caches) delivered += cache.reap();
  } while (delivered > 0);
}
