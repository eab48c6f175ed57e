import type { Profile } from '../profile.js';
import { REPLACE_LRU } from '../replacement.js';
import { DISK_LATENCIES, PRIVILEGED_COSTS, UNPUBLISHED } from './shared-figures.js';

const CACHES = 'Intel Optimization Manual (248966), Ice Lake Client: table "Cache Parameters"';
const TLBS = 'Intel Optimization Manual (248966), Ice Lake Client: table "TLB Parameters"';

/** Core i7-1065G7: client Ice Lake (Sunny Cove), four cores, LPDDR4X. */
export const ICE_LAKE: Profile = {
  name: 'ice-lake',
  eventTable: 'skylake',
  table: {
    ...PRIVILEGED_COSTS,
    ...DISK_LATENCIES,
    ...UNPUBLISHED,
    frequencyHz: [3_900_000_000, 'Core i7-1065G7: highest turbo frequency'],
    physicalAddressBits: [39, 'CPUID 80000008H of a Core i7-1065G7'],
    retireWidth: [4, 'Intel Optimization Manual, Ice Lake: four ALU ports'],
    storeCycles: [1, 'Intel Optimization Manual, Ice Lake: two stores a cycle, one line each'],
    l1dBytes: [48 * 1024, CACHES],
    l1dWays: [12, CACHES],
    l1dCycles: [5, CACHES],
    l1iBytes: [32 * 1024, CACHES],
    l1iWays: [8, CACHES],
    l2Bytes: [512 * 1024, CACHES],
    l2Ways: [8, CACHES],
    l2Cycles: [13, CACHES],
    l3Bytes: [8 * 1024 * 1024, `${CACHES}: 2 MiB a core, four cores`],
    l3Ways: [16, CACHES],
    l3Cycles: [42, 'anandtech.com/show/14664, Ice Lake: L3 latency in cycles, read from the plot'],
    memoryNs: [95, 'anandtech.com/show/14664, Ice Lake: LPDDR4X latency, read from the plot'],
    l2StreamCycles: [2, `${CACHES}: about 48 bytes a cycle sustained, rounded up a line`],
    l3StreamCycles: [4, `${CACHES}: about 21 bytes a cycle sustained, rounded up`],
    memoryStreamNs: [4, 'one core streams about 16 GB/s of LPDDR4X-3733 (STREAM, one thread)'],
    cacheReplacement: [REPLACE_LRU, 'assumed; Intel publishes none'],
    dtlbShared: [0, TLBS],
    dtlb4kEntries: [64, TLBS],
    dtlb4kWays: [4, TLBS],
    dtlb2mEntries: [32, TLBS],
    dtlb2mWays: [4, TLBS],
    dtlb1gEntries: [8, TLBS],
    dtlb1gWays: [8, TLBS],
    itlbShared: [0, TLBS],
    itlb4kEntries: [128, TLBS],
    itlb4kWays: [8, TLBS],
    itlb2mEntries: [16, TLBS],
    itlb2mWays: [16, TLBS],
    stlbEntries: [2048, TLBS],
    stlbWays: [16, TLBS],
    stlbHolds2m: [1, TLBS],
    stlb1gEntries: [1024, `${TLBS}; in the model beside the others, not shared with them`],
    stlb1gWays: [16, TLBS],
    stlbFetchEntries: [0, `${TLBS}: the second level is shared by data and instructions`],
    stlbFetchWays: [0, `${TLBS}: the second level is shared by data and instructions`],
    stlbCycles: [9, 'taken from Skylake (7-cpu.com); not published for Ice Lake'],
    tlbReplacement: [REPLACE_LRU, 'assumed; Intel publishes none'],
    branchMissCycles: [17, 'Agner Fog, The microarchitecture of Intel and AMD CPUs, Ice Lake'],
  },
};
