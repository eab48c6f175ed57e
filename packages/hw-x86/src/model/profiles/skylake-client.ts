import type { Profile } from '../profile.js';
import { REPLACE_LRU } from '../replacement.js';
import { DISK_LATENCIES, PRIVILEGED_COSTS, UNPUBLISHED } from './shared-figures.js';

const CACHES = 'Intel Optimization Manual (248966), Skylake: table "Cache Parameters"';
const TLBS = 'Intel Optimization Manual (248966), Skylake: table "TLB Parameters"';
const SEVEN = '7-cpu.com, Skylake: Core i7-6700, DDR4-2400, measured';

/** Core i7-6700: client Skylake, four cores, DDR4. The default of the model. */
export const SKYLAKE_CLIENT: Profile = {
  name: 'skylake-client',
  eventTable: 'skylake',
  table: {
    ...PRIVILEGED_COSTS,
    ...DISK_LATENCIES,
    ...UNPUBLISHED,
    frequencyHz: [4_000_000_000, `${SEVEN} at 4.0 GHz`],
    physicalAddressBits: [39, 'CPUID 80000008H of a Core i7-6700'],
    retireWidth: [4, 'Intel Optimization Manual, Skylake: four ALU ports'],
    storeCycles: [1, 'Intel Optimization Manual, Skylake: one store a cycle, buffered'],
    l1dBytes: [32 * 1024, CACHES],
    l1dWays: [8, CACHES],
    l1dCycles: [4, CACHES],
    l1iBytes: [32 * 1024, CACHES],
    l1iWays: [8, CACHES],
    l2Bytes: [256 * 1024, CACHES],
    l2Ways: [4, CACHES],
    l2Cycles: [12, CACHES],
    l3Bytes: [8 * 1024 * 1024, `${CACHES}: up to 2 MiB a core, four cores`],
    l3Ways: [16, CACHES],
    l3Cycles: [44, CACHES],
    memoryNs: [62, `${SEVEN}: 42 cycles + 51 ns`],
    l2StreamCycles: [2, `${CACHES}: about 29 bytes a cycle sustained, rounded up a line`],
    l3StreamCycles: [4, `${CACHES}: 18 bytes a cycle sustained`],
    memoryStreamNs: [5, 'one core streams 12-14 GB/s from two channels (STREAM, one thread)'],
    cacheReplacement: [REPLACE_LRU, 'assumed; Intel publishes none'],
    dtlbShared: [0, TLBS],
    dtlb4kEntries: [64, TLBS],
    dtlb4kWays: [4, TLBS],
    dtlb2mEntries: [32, TLBS],
    dtlb2mWays: [4, TLBS],
    dtlb1gEntries: [4, TLBS],
    dtlb1gWays: [4, TLBS],
    itlbShared: [0, TLBS],
    itlb4kEntries: [128, TLBS],
    itlb4kWays: [8, TLBS],
    itlb2mEntries: [8, TLBS],
    itlb2mWays: [8, TLBS],
    stlbEntries: [1536, TLBS],
    stlbWays: [12, TLBS],
    stlbHolds2m: [1, TLBS],
    stlb1gEntries: [16, TLBS],
    stlb1gWays: [4, TLBS],
    stlbFetchEntries: [0, `${TLBS}: the second level is shared by data and instructions`],
    stlbFetchWays: [0, `${TLBS}: the second level is shared by data and instructions`],
    stlbCycles: [9, '7-cpu.com, Skylake: first-level TLB miss penalty 9 cycles'],
    tlbReplacement: [REPLACE_LRU, 'assumed; Intel publishes none'],
    branchMissCycles: [16, 'Agner Fog, The microarchitecture of Intel and AMD CPUs: 16.5 measured'],
  },
};
