/**
 * The part of boot that is about files, top to bottom: page cache, mounted file systems, devices, and
 * the calls that work on them.
 */
import type { BlockCache } from '@hotpath/blockcache';
import {
  ArgumentError,
  type InterruptLine,
  isErrno,
  type Meter,
  type PhysAddr,
  type PhysicalMemory,
  type TraceHook,
  TSC,
} from '@hotpath/hw-x86';
import type { ModelMachine } from '@hotpath/hw-x86/model';
import { type Mappings, PageCache } from '@hotpath/pagecache';
import type { Scheduler } from '@hotpath/sched';
import type { PageAllocator, SlabAllocator } from '@hotpath/slab';
import type { Current } from './current.js';
import { Console } from './devices/console.js';
import { addMemoryDevices } from './devices/memory-devices.js';
import { EXTENT_ROOT } from './extents/extent-root.js';
import { HostOperations } from './host-operations.js';
import { HostWait } from './host-wait.js';
import type { KernelPaths } from './kernel-paths.js';
import type { KernelLocks } from './locks/kernel-locks.js';
import type { SleepLockPorts } from './locks/sleep-locks.js';
import type { KernelMemory } from './memory/kernel-memory.js';
import { namedFileSystem } from './observe/named-file-system.js';
import { NamedMeter } from './observe/named-meter.js';
import { ObserveDevice } from './observe/observe-device.js';
import type { Requests } from './observe/requests.js';
import type { Settings } from './options.js';
import { BOOT_TIME_NS, INODE_LIMIT } from './params.js';
import { procSources } from './procfs/proc-texts.js';
import { Procfs } from './procfs/procfs.js';
import { AttributeCalls } from './syscall/attribute-calls.js';
import { DescriptorCalls } from './syscall/descriptor-calls.js';
import { DirectoryCalls } from './syscall/directory-calls.js';
import type { Handler } from './syscall/entry.js';
import { FileCalls } from './syscall/file-calls.js';
import { FileTransfers } from './syscall/file-transfers.js';
import { installLimitCalls } from './syscall/limit-calls.js';
import { installNameCalls } from './syscall/name-calls.js';
import { SYS_POLL } from './syscall/numbers.js';
import { PathArguments } from './syscall/path-arguments.js';
import { installSchedAttributes } from './syscall/sched-attributes.js';
import { UserBytes } from './syscall/user-bytes.js';
import type { CallStack } from './task/call-stack.js';
import type { CycleAccounts } from './task/cycle-accounts.js';
import type { Dispatcher } from './task/dispatcher.js';
import type { ProcessTimes } from './task/process-times.js';
import { type ResourceLimits, RLIMIT_FSIZE, RLIMIT_STACK } from './task/resource-limits.js';
import type { Tasks } from './task/tasks.js';
import type { UserAccess } from './task/user-access.js';
import type { TaskWaits } from './task/waits.js';
import { Tmpfs } from './tmpfs/tmpfs.js';
import { type DeviceTable, deviceNumber } from './vfs/character-device.js';
import { Descriptors } from './vfs/descriptors.js';
import type { FileSystem } from './vfs/file-system.js';
import { S_IFCHR } from './vfs/modes.js';
import { Mounts } from './vfs/mounts.js';
import { BackgroundOperations } from './vfs/operation-runners.js';
import { PageStore } from './vfs/page-store.js';
import { Pipes } from './vfs/pipes.js';
import { Pollers } from './vfs/pollers.js';
import { Vfs } from './vfs/vfs.js';

const CONSOLE = deviceNumber(5, 1);
/** Of the minors that devices.txt leaves to local use. */
const OBSERVE = deviceNumber(10, 240);
/** Device files of /dev: name, number, permission bits. */
const DEVICE_FILES: readonly (readonly [string, number, number])[] = [
  ['null', deviceNumber(1, 3), 0o666],
  ['zero', deviceNumber(1, 5), 0o666],
  ['full', deviceNumber(1, 7), 0o666],
  ['random', deviceNumber(1, 8), 0o666],
  ['urandom', deviceNumber(1, 9), 0o666],
  ['tty', CONSOLE, 0o666],
  ['console', CONSOLE, 0o600],
  ['observe', OBSERVE, 0o600],
];

/** What files are made over. */
export interface FileBootPorts {
  readonly settings: Settings;
  readonly machine: ModelMachine;
  readonly memory: PhysicalMemory;
  readonly words: KernelMemory;
  readonly meter: Meter;
  readonly trace: TraceHook | null;
  readonly line: InterruptLine;
  readonly current: Current;
  readonly frames: PageAllocator;
  readonly slabs: SlabAllocator;
  readonly blocks: BlockCache;
  readonly rootDevice: number;
  readonly tasks: Tasks;
  readonly scheduler: Scheduler;
  readonly dispatcher: Dispatcher;
  readonly waits: TaskWaits;
  readonly stack: CallStack;
  readonly paths: KernelPaths;
  readonly limits: ResourceLimits;
  readonly times: ProcessTimes;
  readonly accounts: CycleAccounts;
  readonly sleepLocks: SleepLockPorts;
  readonly spinLocks: KernelLocks;
  readonly access: UserAccess;
  readonly handlers: (Handler | undefined)[];
  /** A frame of the kernel's own, for records on their way to programs. */
  readonly bounce: PhysAddr;
  /** Parts have names in profiles. */
  readonly observed: boolean;
  /** What programs may ask about the kernel. */
  readonly requests: Requests;
  /** Who has mapped pages of files. */
  readonly mappings: Mappings;
  /** Whom the disk interrupt asks for what has finished. */
  addReapable(cache: { reap(): number }): void;
  /** A task has written into a pipe that nobody reads. */
  brokenPipe(task: number): void;
  /** A task has met RLIMIT_FSIZE. */
  tooLarge(task: number): void;
  /** Completes a wait at a virtual time in nanoseconds. */
  sleepUntil(nanoseconds: number, tag: number): void;
  /** A key was struck that is a signal for the processes of a group. */
  signalGroup(group: number, signal: number): void;
}

/** What boot needs of them afterwards. */
export interface BootedFiles {
  readonly vfs: Vfs;
  readonly pageCache: PageCache;
  readonly console: Console;
  /** A child has its parent's descriptors, and shares their offsets. */
  inherit(parent: number, child: number): void;
  /** What exec does not leave open. */
  closeForExec(task: number): void;
  /** A thread ends: gives up the transfer that it is in. */
  cancelTransfer(task: number): void;
  /** A process ends: closes whatever it has open. */
  closeAll(task: number): void;
}

/**
 * Makes and mounts everything.
 * @throws ArgumentError for a disk that holds something else than the root file system
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: cutting the list in two would hide its order
export function bootFiles(ports: FileBootPorts): BootedFiles {
  const { current, dispatcher, frames, handlers, memory, meter, settings, slabs, tasks } = ports;
  const now = (): number => dispatcher.now(current.cpu);
  /** What files are stamped with: nanoseconds since 1970. */
  const wallNow = (): number => BOOT_TIME_NS + now();

  // The page cache over all file systems.
  const mounts = new Mounts();
  const background = new BackgroundOperations(ports.stack);
  const store = new PageStore({
    mounts,
    background,
    frames,
    current,
    lock: ports.spinLocks.pageIndex,
    now: wallNow,
  });
  const pageCache = new PageCache({
    memory,
    frames: store,
    store,
    mappings: ports.mappings,
    slotLimit: settings.pageCachePages,
    line: ports.line,
    clock: ports.machine,
    meter: ports.observed ? new NamedMeter(meter, ports.stack, 'page_cache') : meter,
    trace: ports.trace,
  });
  ports.addReapable(pageCache);

  // Devices, and the tree without a root.
  const bytes = new UserBytes({ current, access: ports.access, memory, frame: ports.bounce });
  const devices: DeviceTable = new Map();
  addMemoryDevices(devices, bytes, settings.seed);
  const console = new Console(bytes, ports.waits, settings.console, ports.signalGroup);
  devices.set(CONSOLE, console);
  devices.set(
    OBSERVE,
    new ObserveDevice(bytes, tasks, (words, caller) => ports.requests.answer(words, caller)),
  );
  const { access, waits } = ports;
  const { brokenPipe } = ports;
  const pipes = new Pipes({ current, frames, access, waits, brokenPipe });
  const vfs = new Vfs({
    meter,
    pages: pageCache,
    store,
    mounts,
    background,
    waits,
    stack: ports.stack,
    paths: ports.paths,
    sleepLocks: ports.sleepLocks,
    spinLocks: ports.spinLocks,
    current,
    pipes,
    devices,
    inodeObjects: slabs.createCache({ name: 'inode', objectBytes: 640 }),
    dentryObjects: slabs.createCache({ name: 'dentry', objectBytes: 192 }),
    fileObjects: slabs.createCache({ name: 'file', objectBytes: 256 }),
    leader: tasks.leader,
    now: wallNow,
  });

  // The root disk, and what needs none.
  const host = new HostOperations(ports.machine, ports.stack);
  const root = settings.root ?? EXTENT_ROOT;
  const named = (fileSystem: FileSystem): FileSystem =>
    ports.observed ? namedFileSystem(fileSystem, ports.stack) : fileSystem;
  const rootSystem = root.mount({
    cache: ports.blocks,
    device: ports.rootDevice,
    isNew: settings.image === null,
    memory,
    frames,
    words: ports.words,
    wait: new HostWait(ports.machine),
    seed: settings.seed,
    now: wallNow,
  });
  must(host.run((wait) => vfs.mountRoot(wait, named(rootSystem), '/dev/root')));
  const sources = procSources({
    pages: frames,
    pageCache,
    slabs,
    scheduler: ports.scheduler,
    tasks,
    vfs,
    machine: ports.machine,
    dispatcher,
    locks: ports.sleepLocks.classes,
    currentTask: () => current.task,
    now,
  });
  const createFileSystem = (type: string): FileSystem | null => {
    if (type === 'proc') return named(new Procfs(sources));
    if (type !== 'tmpfs' && type !== 'devtmpfs') return null;
    return named(
      new Tmpfs({
        typeName: type,
        memory,
        pageLimit: Math.max(1, Math.floor(settings.pageCachePages / 2)),
        inodeLimit: INODE_LIMIT / 2,
        rootMode: type === 'tmpfs' ? 0o1777 : 0o755,
        now: wallNow(),
      }),
    );
  };
  for (const [name, type] of [
    ['dev', 'devtmpfs'],
    ['proc', 'proc'],
    ['tmp', 'tmpfs'],
  ] as const) {
    const fileSystem = createFileSystem(type);
    if (fileSystem === null) continue;
    must(host.run((wait) => vfs.mountInRoot(wait, name, fileSystem)));
    if (type !== 'devtmpfs') continue;
    for (const [file, device, mode] of DEVICE_FILES) {
      must(
        host.run((wait) =>
          fileSystem.create(wait, fileSystem.root, file, S_IFCHR | mode, device, now()),
        ),
      );
    }
  }

  // The calls.
  const descriptors = new Descriptors(tasks, ports.limits);
  const paths = new PathArguments(vfs, bytes);
  const fileLimit = (task: number): number => ports.limits.soft(tasks.leader[task], RLIMIT_FSIZE);
  const transfers = new FileTransfers({
    current,
    vfs,
    descriptors,
    waits,
    stack: ports.stack,
    paths: ports.paths,
    access,
    bytes,
    threadCount: tasks.threadCount,
    fileLimit,
    tooLarge: ports.tooLarge,
  });
  transfers.install(handlers);
  const descriptorCalls = new DescriptorCalls({ vfs, paths, descriptors, bytes });
  descriptorCalls.install(handlers);
  new FileCalls({ vfs, paths, descriptors, waits, fileLimit, tooLarge: ports.tooLarge }).install(
    handlers,
  );
  new DirectoryCalls({ vfs, paths, descriptors, bytes }).install(handlers);
  new AttributeCalls({ vfs, paths, descriptors, bytes }).install(handlers);
  installNameCalls(handlers, { vfs, paths, createFileSystem });

  const pollers = new Pollers({
    vfs,
    descriptors,
    bytes,
    waits,
    now,
    sleepUntil: ports.sleepUntil,
  });
  pipes.changed = () => pollers.changed();
  console.changed = () => pollers.changed();
  handlers[SYS_POLL] = (call) => pollers.poll(call);
  installLimitCalls(handlers, {
    tasks,
    limits: ports.limits,
    times: ports.times,
    accounts: ports.accounts,
    bytes,
    frequencyHz: ports.machine.frequencyHz,
    cycles: () => current.cpu.cells[TSC],
    changed: (leader) => {
      const space = tasks.space[leader];
      if (space !== null) space.stackBytes = ports.limits.soft(leader, RLIMIT_STACK);
    },
  });

  installSchedAttributes(handlers, {
    tasks,
    scheduler: ports.scheduler,
    inheritance: ports.sleepLocks.inheritance,
    bytes,
  });

  return {
    vfs,
    pageCache,
    console,
    inherit: (parent, child) => descriptorCalls.inherit(parent, child),
    closeForExec: (task) => descriptorCalls.closeForExec(task),
    cancelTransfer: (task) => transfers.cancel(task),
    closeAll: (task) => {
      transfers.cancel(task);
      descriptorCalls.closeAll(task);
    },
  };
}

function must(status: number): void {
  if (!isErrno(status)) return;
  throw new ArgumentError('ERR_MOUNT', `mounting the first file systems answers ${status}`);
}
