import type { ProfileTable } from '../profile.js';

const XPERF =
  'lastweek.io/notes/xperf: page-fault crossing measured on a Xeon E5 v3, 440 cycles in, 270 out';
const UOPS = 'uops.info, measured throughput on Skylake';
const ESTIMATE = 'estimate; the vendor publishes no figure';

type PrivilegedCosts = Pick<
  ProfileTable,
  | 'syscallCycles'
  | 'sysretCycles'
  | 'exceptionCycles'
  | 'interruptCycles'
  | 'ipiSendCycles'
  | 'ipiLatencyCycles'
  | 'invlpgCycles'
  | 'invpcidCycles'
  | 'writeCr3Cycles'
  | 'readMsrCycles'
  | 'writeMsrCycles'
  | 'rdpmcCycles'
  | 'rdtscCycles'
>;

/**
 * Costs of privileged operations. Vendors publish none and they differ little between the cores
 * modelled here, so the profiles of real processors share one table.
 */
export const PRIVILEGED_COSTS: PrivilegedCosts = {
  syscallCycles: [50, `${ESTIMATE}; a null system call without mitigations takes about 100 cycles`],
  sysretCycles: [50, `${ESTIMATE}; a null system call without mitigations takes about 100 cycles`],
  exceptionCycles: [710, XPERF],
  interruptCycles: [710, `${XPERF}; an interrupt takes the same path`],
  ipiSendCycles: [200, `${ESTIMATE}: one serialising WRMSR to the x2APIC ICR`],
  ipiLatencyCycles: [1500, `${ESTIMATE}: an IPI with its answer takes about 1 us on one socket`],
  invlpgCycles: [200, `${ESTIMATE}: Linux reckons with about 100 ns or less a page (x86/tlb.rst)`],
  invpcidCycles: [250, `${ESTIMATE}: somewhat above INVLPG`],
  writeCr3Cycles: [200, `${ESTIMATE}: 100-250 cycles in discussions of page-table isolation`],
  readMsrCycles: [100, ESTIMATE],
  writeMsrCycles: [200, ESTIMATE],
  rdpmcCycles: [36, UOPS],
  rdtscCycles: [25, UOPS],
};

type DiskLatencies = Pick<ProfileTable, 'nvmeReadNs' | 'sataSsdReadNs' | 'hddReadNs'>;

/** One random 4 KiB read at depth 1; the disks' own profiles know queues and channels. */
export const DISK_LATENCIES: DiskLatencies = {
  nvmeReadNs: [80_000, 'TLC drives of 2020-2024: 70-90 us for a random 4 KiB read at depth 1'],
  sataSsdReadNs: [75_000, 'TLC drives of 2015-2020: 50-100 us'],
  hddReadNs: [12_670_000, '7,200 rpm: 8.5 ms average seek + 4.17 ms half a turn'],
};

type PagingCaches = Pick<
  ProfileTable,
  'pml4CacheEntries' | 'pdptCacheEntries' | 'pdCacheEntries' | 'walkStepCycles' | 'predictorBits'
>;

const CHAMPSIM = 'default of ChampSim (PSCL4, PSCL3, PSCL2); the vendor publishes no size';

/** Paging-structure caches and the flat walk, and the predictor: not published by vendors. */
export const UNPUBLISHED: PagingCaches = {
  pml4CacheEntries: [4, CHAMPSIM],
  pdptCacheEntries: [8, CHAMPSIM],
  pdCacheEntries: [32, CHAMPSIM],
  walkStepCycles: [14, 'definition: in flat mode every page-table entry is taken to be in L2'],
  predictorBits: [14, 'definition: gshare with 16,384 counters; real predictors are better'],
};
