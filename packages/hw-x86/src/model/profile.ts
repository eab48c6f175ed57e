import { ArgumentError, checkInteger, checkPowerOfTwo } from '../errors.js';

/** A number and where it comes from: a manual with its table, a measurement, or a definition. */
export type Sourced = readonly [value: number, source: string];

/**
 * Every number the model needs. One table per processor; nothing else in the package holds a
 * latency. Times ending in `Cycles` are cycles of the time-stamp counter, `Ns` nanoseconds.
 * Entry counts of 0 mean "has none".
 */
export interface ProfileTable {
  /** Cycles a second of the TSC and, in this model, of the core. */
  readonly frequencyHz: Sourced;
  /** MAXPHYADDR, 36..52. */
  readonly physicalAddressBits: Sourced;
  /** Simple operations retired in one cycle. */
  readonly retireWidth: Sourced;
  /** Cost of a store whose line is in L1D. */
  readonly storeCycles: Sourced;

  readonly l1dBytes: Sourced;
  readonly l1dWays: Sourced;
  /** Load-to-use latency of a hit. */
  readonly l1dCycles: Sourced;
  readonly l1iBytes: Sourced;
  readonly l1iWays: Sourced;
  readonly l2Bytes: Sourced;
  readonly l2Ways: Sourced;
  /** Load-to-use latency of a load that hits here, L1 included. */
  readonly l2Cycles: Sourced;
  readonly l3Bytes: Sourced;
  readonly l3Ways: Sourced;
  readonly l3Cycles: Sourced;
  /** Load-to-use latency of a load from DRAM. */
  readonly memoryNs: Sourced;
  /** Cost of each further line of a sequential stream that comes from L2, L3 or DRAM. */
  readonly l2StreamCycles: Sourced;
  readonly l3StreamCycles: Sourced;
  readonly memoryStreamNs: Sourced;
  /** REPLACE_LRU, REPLACE_PLRU, REPLACE_FIFO or REPLACE_RANDOM, of all caches. */
  readonly cacheReplacement: Sourced;

  /** First-level data TLB. With `dtlbShared` the 4K array holds pages of every size. */
  readonly dtlbShared: Sourced;
  readonly dtlb4kEntries: Sourced;
  readonly dtlb4kWays: Sourced;
  readonly dtlb2mEntries: Sourced;
  readonly dtlb2mWays: Sourced;
  readonly dtlb1gEntries: Sourced;
  readonly dtlb1gWays: Sourced;
  /** First-level instruction TLB. */
  readonly itlbShared: Sourced;
  readonly itlb4kEntries: Sourced;
  readonly itlb4kWays: Sourced;
  readonly itlb2mEntries: Sourced;
  readonly itlb2mWays: Sourced;
  /** Second-level TLB for 4 KiB and, with `stlbHolds2m`, 2 MiB pages. */
  readonly stlbEntries: Sourced;
  readonly stlbWays: Sourced;
  readonly stlbHolds2m: Sourced;
  readonly stlb1gEntries: Sourced;
  readonly stlb1gWays: Sourced;
  /** A second-level TLB of its own for instructions; 0: `stlbEntries` serves both. */
  readonly stlbFetchEntries: Sourced;
  readonly stlbFetchWays: Sourced;
  /** Added to an access that misses the first level and hits the second. */
  readonly stlbCycles: Sourced;
  /** REPLACE_*, of all TLBs and paging-structure caches. */
  readonly tlbReplacement: Sourced;

  /** Paging-structure caches: PML4 entries, PDPT entries, PD entries. */
  readonly pml4CacheEntries: Sourced;
  readonly pdptCacheEntries: Sourced;
  readonly pdCacheEntries: Sourced;
  /** Cost of one page-table entry read by a walk in flat mode. */
  readonly walkStepCycles: Sourced;

  /** log2 of the number of two-bit counters of the gshare predictor; its history is as long. */
  readonly predictorBits: Sourced;
  readonly branchMissCycles: Sourced;

  readonly syscallCycles: Sourced;
  readonly sysretCycles: Sourced;
  /** Delivery of an exception and its IRET. */
  readonly exceptionCycles: Sourced;
  /** Delivery of an external interrupt, end of interrupt and IRET. */
  readonly interruptCycles: Sourced;
  /** Write to the interrupt command register. */
  readonly ipiSendCycles: Sourced;
  /** From that write to the first instruction of the handler on the other processor. */
  readonly ipiLatencyCycles: Sourced;
  readonly invlpgCycles: Sourced;
  readonly invpcidCycles: Sourced;
  readonly writeCr3Cycles: Sourced;
  readonly readMsrCycles: Sourced;
  readonly writeMsrCycles: Sourced;
  readonly rdpmcCycles: Sourced;
  readonly rdtscCycles: Sourced;

  /** Random 4 KiB read at queue depth 1. */
  readonly nvmeReadNs: Sourced;
  readonly sataSsdReadNs: Sourced;
  /** Average seek and half a turn. */
  readonly hddReadNs: Sourced;
}

/** A processor model and its memory. */
export interface Profile {
  /** Short, lower case, for example `skylake-client`. */
  readonly name: string;
  readonly table: ProfileTable;
  /**
   * Which encodings PERFEVTSEL understands: the walk events of Alder Lake differ. AMD's own event
   * numbers are not modelled; AMD profiles answer to the Skylake ones.
   */
  readonly eventTable: 'skylake' | 'alder-lake';
}

/** A profile as plain numbers, for code that runs often. */
export type ProfileNumbers = { readonly [Key in keyof ProfileTable]: number };

/** Strips the sources and checks what the model relies on. */
export function profileNumbers(profile: Profile): ProfileNumbers {
  const numbers = {} as Record<keyof ProfileTable, number>;
  for (const key of Object.keys(profile.table) as (keyof ProfileTable)[]) {
    const entry = profile.table[key];
    if (typeof entry?.[0] !== 'number' || !(entry[0] >= 0) || typeof entry[1] !== 'string') {
      throw new ArgumentError(
        'ERR_PROFILE',
        `profile ${profile.name}: ${key} is ${String(entry)}; allowed: [number >= 0, source]`,
      );
    }
    numbers[key] = entry[0];
  }
  checkCaches(profile.name, numbers);
  checkTranslation(profile.name, numbers);
  return numbers;
}

/** The same profile with some numbers replaced, for experiments: `source` says why. */
export function withProfile(
  profile: Profile,
  name: string,
  changes: Partial<{ [Key in keyof ProfileTable]: number }>,
  source: string,
): Profile {
  const table: Record<string, Sourced> = { ...profile.table };
  for (const [key, value] of Object.entries(changes)) {
    if (!(key in table)) {
      throw new ArgumentError('ERR_PROFILE', `profile has no "${key}"; see ProfileTable`);
    }
    table[key] = [value, source];
  }
  return { ...profile, name, table: table as unknown as ProfileTable };
}

function checkCaches(name: string, n: ProfileNumbers): void {
  const code = 'ERR_PROFILE';
  checkInteger(code, `profile ${name}: physicalAddressBits`, n.physicalAddressBits, 36, 52);
  checkInteger(code, `profile ${name}: frequencyHz`, n.frequencyHz, 1_000_000, 10_000_000_000);
  for (const [level, bytes, ways] of [
    ['l1d', n.l1dBytes, n.l1dWays],
    ['l1i', n.l1iBytes, n.l1iWays],
    ['l2', n.l2Bytes, n.l2Ways],
    ['l3', n.l3Bytes, n.l3Ways],
  ] as const) {
    // Tags are page numbers, so the six line bits must lie in the set index.
    checkPowerOfTwo(code, `profile ${name}: ${level} sets`, bytes / ways / 64, 64, 2 ** 20);
  }
  checkInteger(code, `profile ${name}: retireWidth`, n.retireWidth, 1, 16);
  checkInteger(code, `profile ${name}: l1dCycles`, n.l1dCycles, 1, 1000);
  checkInteger(code, `profile ${name}: storeCycles`, n.storeCycles, 1, 1000);
  checkInteger(code, `profile ${name}: predictorBits`, n.predictorBits, 1, 24);
}

function checkTranslation(name: string, n: ProfileNumbers): void {
  for (const [bank, entries, ways] of [
    ['dtlb4k', n.dtlb4kEntries, n.dtlb4kWays],
    ['dtlb2m', n.dtlb2mEntries, n.dtlb2mWays],
    ['dtlb1g', n.dtlb1gEntries, n.dtlb1gWays],
    ['itlb4k', n.itlb4kEntries, n.itlb4kWays],
    ['itlb2m', n.itlb2mEntries, n.itlb2mWays],
    ['stlb', n.stlbEntries, n.stlbWays],
    ['stlb1g', n.stlb1gEntries, n.stlb1gWays],
    ['stlbFetch', n.stlbFetchEntries, n.stlbFetchWays],
  ] as const) {
    if (entries === 0) continue;
    checkInteger('ERR_PROFILE', `profile ${name}: ${bank} entries`, entries, 1, 4096);
    checkPowerOfTwo('ERR_PROFILE', `profile ${name}: ${bank} sets`, entries / ways, 1, 4096);
    const most = ways === entries ? 4096 : 32;
    checkInteger('ERR_PROFILE', `profile ${name}: ${bank} ways`, ways, 1, most);
  }
  checkInteger('ERR_PROFILE', `profile ${name}: dtlb4kEntries`, n.dtlb4kEntries, 1, 4096);
  checkInteger('ERR_PROFILE', `profile ${name}: itlb4kEntries`, n.itlb4kEntries, 1, 4096);
  checkInteger('ERR_PROFILE', `profile ${name}: replacement`, n.tlbReplacement, 0, 3);
  checkInteger('ERR_PROFILE', `profile ${name}: replacement`, n.cacheReplacement, 0, 3);
}
