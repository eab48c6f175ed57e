/** What a user may choose about a kernel, and the checks of it. */
import type { PolicyClass, PolicyName } from '@hotpath/blockcache';
import { ArgumentError, checkInteger, GIB, MIB, PAGE_BYTES } from '@hotpath/hw-x86';
import {
  type DiskProfile,
  type FaultRule,
  HDD_7200,
  ICE_LAKE,
  NVME_SSD,
  type Profile,
  SATA_SSD,
  SKYLAKE_CLIENT,
  SKYLAKE_SERVER,
  type SparseBlocks,
  TEACHING,
  type WriteLog,
  ZEN_2,
  ZEN_4,
} from '@hotpath/hw-x86/model';
import { cfs, edf, eevdf, mlfq, type PolicyFactory, roundRobin, stack } from '@hotpath/sched';
import type { ConsoleSink } from './devices/console.js';
import type { HugePages } from './memory/large-pages.js';
import { BLOCK_CACHE_BLOCKS, PAGE_CACHE_PAGES, RESERVED_BYTES, ROOT_DISK_BYTES } from './params.js';
import type { ProgramFactory } from './syscall/program.js';
import type { RootFileSystem } from './vfs/root-file-system.js';

/** Names of the shipped processor profiles. */
export const PROFILES: Readonly<Record<string, Profile>> = {
  'skylake-client': SKYLAKE_CLIENT,
  'skylake-server': SKYLAKE_SERVER,
  'ice-lake': ICE_LAKE,
  'zen-2': ZEN_2,
  'zen-4': ZEN_4,
  teaching: TEACHING,
};

/** Names of the shipped disks. */
export const DISKS: Readonly<Record<string, DiskProfile>> = {
  nvme: NVME_SSD,
  ssd: SATA_SSD,
  hdd: HDD_7200,
};

/** Which areas get pages of 2 MiB. */
const HUGE_PAGES: Readonly<Record<string, HugePages>> = {
  never: 'never',
  madvise: 'madvise',
  always: 'always',
};

/** Names of the scheduling policies that a kernel runs. */
export const SCHEDULERS: Readonly<Record<string, () => PolicyFactory>> = {
  cfs: () => cfs(),
  eevdf: () => eevdf(),
  mlfq: () => mlfq(),
  rr: () => roundRobin(),
  // Deadline tasks over fair ones, as Linux stacks its classes: spawn with a `reservation`.
  deadline: () => stack(edf(), eevdf()),
};

/** Options of `boot`; everything may be left out. */
export interface BootOptions {
  /** Seed of everything that is left to chance; default 1. */
  readonly seed?: number;
  /** Processors, 1 to 32; default 1. */
  readonly cpus?: number;
  /** Physical memory in bytes, 64 MiB to 64 GiB, a multiple of 2 MiB; default 256 MiB. */
  readonly memoryBytes?: number;
  /** Processor: a name of PROFILES or a profile of your own; default `skylake-client`. */
  readonly profile?: string | Profile;
  /** `flat`: fixed latencies, fast. `full`: TLBs, caches, predictor. Default `flat`. */
  readonly mode?: 'flat' | 'full';
  /** Cycles that one CPU may run ahead of another; default 3,000. */
  readonly skew?: number;
  /** Scheduling policy: a name of SCHEDULERS or a factory of your own; default `eevdf`. */
  readonly scheduler?: string | PolicyFactory;
  /** Root disk: a name of DISKS or figures of your own; default `nvme`. */
  readonly disk?: string | DiskProfile;
  /** Bytes of the root disk, a multiple of 4,096; default 256 MiB. */
  readonly diskBytes?: number;
  /** File system of the root disk; default: the extent layer. */
  readonly root?: RootFileSystem;
  /** Told what programs write to the console; default: it is only kept (`kernel.parts.console`). */
  readonly console?: ConsoleSink;
  /** What lies on the root disk; default: a fresh, empty file layer. */
  readonly image?: SparseBlocks;
  /** Rules of what goes wrong on the root disk; default none. */
  readonly faults?: readonly FaultRule[];
  /** Cut the power before the root disk's operation of this number; default never. */
  readonly powerCutAt?: number;
  /** Notes every write, flush and discard of the root disk, for the crash explorer; blocks of 4 KiB. */
  readonly writeLog?: WriteLog;
  /** Which block the cache gives up: a name of POLICY_NAMES or a class of your own; default `2q`. */
  readonly eviction?: PolicyName | PolicyClass;
  /** Slots of the block cache, 16 to 2**20; default 2,048. */
  readonly blockCacheBlocks?: number;
  /** Pages of the page cache, 1 to 2**20; default 4,096. */
  readonly pageCachePages?: number;
  /** Pages of 2 MiB for anonymous memory: `never`, `madvise` (where asked for) or `always`; default `madvise`. */
  readonly hugePages?: HugePages;
  /** Stack, mappings and heap of each process at places drawn from the seed; default false. */
  readonly aslr?: boolean;
  /** Nanoseconds that a ready task waits before the watchdog writes into the log; 0: never; default 20 s. */
  readonly watchdogNs?: number;
  /** Nanoseconds between two passes of the daemon that makes pages of 2 MiB; default 0: none. */
  readonly collapseNs?: number;
  /** Stop with an error where a stale TLB entry is used: a forgotten shootdown. Slow; default false. */
  readonly strict?: boolean;
  /** Programs that exec finds by name; default none. */
  readonly programs?: Readonly<Record<string, ProgramFactory>>;
  /** Records events of all parts in rings of 65,536 a CPU; default false. */
  readonly trace?: boolean;
  /**
   * Can be looked into while it runs: scheduling history, counters of a command, traces that begin and
   * end (`kernel.observe`, `/dev/observe`); default: as `trace`. Simulated time is the same.
   */
  readonly observe?: boolean;
}

/** Options with every default filled in. */
export interface Settings {
  readonly seed: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly profile: Profile;
  readonly mode: 'flat' | 'full';
  readonly skew: number;
  readonly scheduler: PolicyFactory;
  /** Class of tasks without a reservation: 1 below the deadline class, else 0. */
  readonly taskClass: number;
  readonly disk: DiskProfile;
  readonly diskBytes: number;
  readonly root: RootFileSystem | null;
  readonly console: ConsoleSink | null;
  readonly image: SparseBlocks | null;
  readonly faults: readonly FaultRule[];
  readonly powerCutAt: number | null;
  readonly writeLog: WriteLog | null;
  readonly hugePages: HugePages;
  readonly aslr: boolean;
  readonly watchdogNs: number;
  readonly collapseNs: number;
  readonly strict: boolean;
  readonly eviction: PolicyName | PolicyClass;
  readonly blockCacheBlocks: number;
  readonly pageCachePages: number;
  readonly programs: Readonly<Record<string, ProgramFactory>>;
  readonly trace: boolean;
  readonly observe: boolean;
}

/**
 * Checks what was given and fills in the rest.
 * @throws ArgumentError that names the value and what is allowed; nothing has been built
 */
export function fillOptions(options: BootOptions): Settings {
  const memoryBytes = options.memoryBytes ?? 256 * MIB;
  checkInteger('ERR_MEMORY_BYTES', 'memoryBytes', memoryBytes, 64 * MIB, 64 * GIB);
  if (memoryBytes % (2 * MIB) !== 0) {
    throw new ArgumentError(
      'ERR_MEMORY_BYTES',
      `memoryBytes is ${memoryBytes}; allowed: a multiple of ${2 * MIB}`,
    );
  }
  const diskBytes = options.diskBytes ?? ROOT_DISK_BYTES;
  if (!(diskBytes > 0 && diskBytes % PAGE_BYTES === 0 && diskBytes <= 2 ** 44)) {
    throw new ArgumentError(
      'ERR_DISK_BYTES',
      `diskBytes is ${diskBytes}; allowed: a multiple of ${PAGE_BYTES} up to 2**44`,
    );
  }
  const mode = options.mode ?? 'flat';
  if (mode !== 'flat' && mode !== 'full') {
    throw new ArgumentError('ERR_MODE', `mode is ${String(mode)}; allowed: flat, full`);
  }
  const scheduler = options.scheduler ?? 'eevdf';
  const framesLimit = Math.floor((memoryBytes - RESERVED_BYTES) / PAGE_BYTES);
  return {
    seed: checkInteger('ERR_SEED', 'seed', options.seed ?? 1, 0, 2 ** 32 - 1),
    cpus: checkInteger('ERR_CPUS', 'cpus', options.cpus ?? 1, 1, 32),
    memoryBytes,
    profile: named('ERR_PROFILE', 'profile', options.profile ?? 'skylake-client', PROFILES),
    mode,
    skew: checkInteger('ERR_SKEW', 'skew', options.skew ?? 3000, 1, 1e9),
    scheduler:
      typeof scheduler === 'string'
        ? named('ERR_SCHEDULER', 'scheduler', scheduler, SCHEDULERS)()
        : scheduler,
    taskClass: scheduler === 'deadline' ? 1 : 0,
    disk: named('ERR_DISK', 'disk', options.disk ?? 'nvme', DISKS),
    diskBytes,
    root: options.root ?? null,
    console: options.console ?? null,
    image: options.image ?? null,
    faults: options.faults ?? [],
    powerCutAt: options.powerCutAt ?? null,
    writeLog: options.writeLog ?? null,
    hugePages: named('ERR_HUGE_PAGES', 'hugePages', options.hugePages ?? 'madvise', HUGE_PAGES),
    aslr: options.aslr ?? false,
    watchdogNs: checkInteger('ERR_WATCHDOG', 'watchdogNs', options.watchdogNs ?? 20e9, 0, 2 ** 52),
    collapseNs: checkInteger('ERR_COLLAPSE', 'collapseNs', options.collapseNs ?? 0, 0, 2 ** 52),
    strict: options.strict ?? false,
    eviction: options.eviction ?? '2q',
    blockCacheBlocks: checkInteger(
      'ERR_BLOCK_CACHE',
      'blockCacheBlocks',
      options.blockCacheBlocks ?? BLOCK_CACHE_BLOCKS,
      16,
      Math.min(2 ** 20, framesLimit),
    ),
    pageCachePages: checkInteger(
      'ERR_PAGE_CACHE',
      'pageCachePages',
      options.pageCachePages ?? PAGE_CACHE_PAGES,
      1,
      Math.min(2 ** 20, framesLimit),
    ),
    programs: options.programs ?? {},
    trace: options.trace ?? false,
    observe: (options.observe ?? false) || (options.trace ?? false),
  };
}

function named<Thing>(
  code: string,
  what: string,
  given: string | Thing,
  table: Readonly<Record<string, Thing>>,
): Thing {
  if (typeof given !== 'string') return given;
  const found = Object.hasOwn(table, given) ? table[given] : undefined;
  if (found !== undefined) return found;
  throw new ArgumentError(
    code,
    `${what} is "${given}"; allowed: ${Object.keys(table).join(', ')}, or one of your own`,
  );
}
