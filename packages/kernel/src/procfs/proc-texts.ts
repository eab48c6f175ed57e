/** The texts of procfs, in the forms that Linux's Documentation/filesystems/proc.rst describes. */
import {
  DTLB_LOAD_WALKS,
  DTLB_STORE_WALKS,
  INTERRUPTS,
  ITLB_WALKS,
  KIB,
  PAGE_BYTES,
  PAGE_FAULTS,
} from '@hotpath/hw-x86';
import type { ModelMachine } from '@hotpath/hw-x86/model';
import type { PageCache } from '@hotpath/pagecache';
import type { Scheduler } from '@hotpath/sched';
import { type PageAllocator, type SlabAllocator, slabInfoText } from '@hotpath/slab';
import type { LockClasses } from '../locks/lock-classes.js';
import { AREA_EXECUTE, AREA_SHARED, AREA_WRITE } from '../memory/area-list.js';
import type { Dispatcher } from '../task/dispatcher.js';
import {
  TASK_BLOCKED,
  TASK_FREE,
  TASK_READY,
  TASK_RUNNING,
  TASK_ZOMBIE,
  type Tasks,
} from '../task/tasks.js';
import type { Vfs } from '../vfs/vfs.js';
import { accountsText } from './accounts-text.js';
import type { ProcSources } from './procfs.js';

/** What the texts are about. */
export interface ProcTextPorts {
  readonly pages: PageAllocator;
  readonly pageCache: PageCache;
  readonly slabs: SlabAllocator;
  readonly scheduler: Scheduler;
  readonly tasks: Tasks;
  readonly vfs: Vfs;
  readonly machine: ModelMachine;
  readonly dispatcher: Dispatcher;
  readonly locks: LockClasses;
  currentTask(): number;
  /** Nanoseconds since boot. */
  now(): number;
}

const STATE_LETTERS: Readonly<Record<number, string>> = {
  [TASK_READY]: 'R (running)',
  [TASK_RUNNING]: 'R (running)',
  [TASK_BLOCKED]: 'S (sleeping)',
  [TASK_ZOMBIE]: 'Z (zombie)',
};

/** All files of procfs. */
export function procSources(ports: ProcTextPorts): ProcSources {
  const { tasks } = ports;
  return {
    system: new Map([
      ['accounts', () => accountsText(tasks, ports.machine.frequencyHz)],
      ['interrupts', () => interruptsText(ports)],
      ['lock_stat', () => lockText(ports.locks)],
      ['meminfo', () => memoryText(ports)],
      ['mounts', () => mountsText(ports.vfs)],
      ['schedstat', () => schedulerText(ports)],
      ['slabinfo', () => slabInfoText(ports.slabs)],
      ['uptime', () => `${(ports.now() / 1e9).toFixed(2)} 0.00\n`],
      ['vmstat', () => virtualMemoryText(ports)],
    ]),
    task: new Map([
      ['maps', (task: number) => mapsText(tasks, task)],
      ['stat', (task: number) => statText(ports, task)],
      ['status', (task: number) => statusText(tasks, task)],
    ]),
    isTask: (task) => task > 0 && task < tasks.state.length && tasks.state[task] !== TASK_FREE,
    currentTask: ports.currentTask,
    now: ports.now,
  };
}

function memoryText(ports: ProcTextPorts): string {
  const { pageCache, pages } = ports;
  const kib = (count: number): string => `${String((count * PAGE_BYTES) / KIB).padStart(8)} kB`;
  return [
    `MemTotal:       ${kib(pages.pageCount)}`,
    `MemFree:        ${kib(pages.freePages)}`,
    `Cached:         ${kib(pageCache.pageCount)}`,
    `Dirty:          ${kib(pageCache.dirtyCount)}`,
    `Writeback:      ${kib(pageCache.writebackCount)}`,
    '',
  ].join('\n');
}

/** Names as Linux has them where it has them. */
function virtualMemoryText(ports: ProcTextPorts): string {
  const { dispatcher, machine, pageCache, pages, tasks } = ports;
  const sum = (cell: number): number =>
    machine.cpus.reduce((total, { cells }) => total + cells[cell], 0);
  const inState = (...states: number[]): number =>
    tasks.state.filter((state) => states.includes(state)).length;
  const { counters } = pageCache;
  return [
    ['procs_running', inState(TASK_READY, TASK_RUNNING)],
    ['procs_blocked', inState(TASK_BLOCKED)],
    ['nr_free_kib', (pages.freePages * PAGE_BYTES) / KIB],
    ['nr_cached_kib', (pageCache.pageCount * PAGE_BYTES) / KIB],
    ['nr_dirty_kib', (pageCache.dirtyCount * PAGE_BYTES) / KIB],
    ['pgfault', sum(PAGE_FAULTS)],
    ['page_cache_hits', counters.hits],
    ['page_cache_misses', counters.misses],
    ['pgpgin', counters.pagesRead],
    ['pgpgout', counters.pagesWritten],
    ['intr', sum(INTERRUPTS)],
    ['ctxt', dispatcher.switchCount],
    ['dtlb_misses', sum(DTLB_LOAD_WALKS) + sum(DTLB_STORE_WALKS)],
    ['itlb_misses', sum(ITLB_WALKS)],
  ]
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');
}

function interruptsText({ dispatcher, scheduler }: ProcTextPorts): string {
  let text = '     ';
  for (let cpu = 0; cpu < scheduler.cpuCount; cpu++) text += `CPU${cpu}`.padStart(11);
  text += '\n';
  for (const [vector, counts] of dispatcher.interruptCounts.entries()) {
    text += `${String(vector).padStart(3)}: `;
    for (const count of counts) text += String(count).padStart(11);
    text += '\n';
  }
  return text;
}

/** As Linux's lock_stat, in cycles: what was waited for, and how long it was held. */
function lockText(locks: LockClasses): string {
  const columns = (cells: readonly (string | number)[]): string =>
    `${String(cells[0]).padEnd(16)}${cells
      .slice(1)
      .map((cell) => String(cell).padStart(16))
      .join('')}\n`;
  let text = columns([
    'class name',
    'contentions',
    'waittime-max',
    'waittime-total',
    'acquisitions',
    'holdtime-max',
    'holdtime-total',
  ]);
  for (const each of locks.statistics()) {
    text += columns([
      each.name,
      each.contended,
      each.waitCyclesMax,
      each.waitCycles,
      each.acquisitions,
      each.holdCyclesMax,
      each.holdCycles,
    ]);
  }
  return text;
}

function mountsText(vfs: Vfs): string {
  const { mounts } = vfs;
  let text = '';
  for (let mount = 0; mount < mounts.fileSystem.length; mount++) {
    const fileSystem = mounts.fileSystem[mount];
    if (fileSystem === null) continue;
    const path = vfs.pathOf(mounts.root[mount]);
    const mode = fileSystem.readOnly ? 'ro' : 'rw';
    text += `${mounts.source[mount]} ${path} ${fileSystem.typeName} ${mode} 0 0\n`;
  }
  return text;
}

/** Linux's version 15 has more columns; here: time run, time waited, switches of each CPU and task. */
function schedulerText({ scheduler, tasks }: ProcTextPorts): string {
  let text = `policy ${scheduler.policy.constructor.name}\n`;
  for (let cpu = 0; cpu < scheduler.cpuCount; cpu++) {
    text += `cpu${cpu} ${scheduler.tasks.queuedCount[cpu]} queued\n`;
  }
  for (let task = 1; task < tasks.state.length; task++) {
    if (tasks.state[task] === TASK_FREE) continue;
    text += `task ${task} ${scheduler.ranNs[task]} ${scheduler.waitedNs[task]} ${tasks.report[task]?.switches ?? 0}\n`;
  }
  return text;
}

function statusText(tasks: Tasks, task: number): string {
  const report = tasks.report[task];
  const space = tasks.space[task];
  return [
    `Name:\t${report?.name ?? ''}`,
    `State:\t${STATE_LETTERS[tasks.state[task]] ?? 'X (dead)'}`,
    `Pid:\t${task}`,
    'Uid:\t0\t0\t0\t0',
    'Gid:\t0\t0\t0\t0',
    `VmRSS:\t${String(((space?.residentPages ?? 0) * PAGE_BYTES) / KIB).padStart(8)} kB`,
    `nonvoluntary_ctxt_switches:\t${report?.switches ?? 0}`,
    '',
  ].join('\n');
}

/** The first fields of Linux's /proc/PID/stat, up to and with the nice value. */
function statText({ scheduler, tasks }: ProcTextPorts, task: number): string {
  const name = tasks.report[task]?.name ?? '';
  const letter = (STATE_LETTERS[tasks.state[task]] ?? 'X')[0];
  const ticks = Math.floor(scheduler.ranNs[task] / 1e7);
  return `${task} (${name}) ${letter} 0 0 0 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 ${tasks.nice[task]}\n`;
}

function mapsText(tasks: Tasks, task: number): string {
  const areas = tasks.space[task]?.areas;
  if (areas === undefined) return '';
  let text = '';
  for (let area = 0; area < areas.count; area++) {
    const flags = areas.flags[area];
    const start = areas.start[area].toString(16).padStart(12, '0');
    const end = areas.end[area].toString(16).padStart(12, '0');
    const write = (flags & AREA_WRITE) !== 0 ? 'w' : '-';
    const execute = (flags & AREA_EXECUTE) !== 0 ? 'x' : '-';
    const shared = (flags & AREA_SHARED) !== 0 ? 's' : 'p';
    const offset = (areas.page[area] * PAGE_BYTES).toString(16).padStart(8, '0');
    text += `${start}-${end} r${write}${execute}${shared} ${offset} 00:00 0\n`;
  }
  return text;
}
