import type { Profile } from '../profile.js';
import { ZEN_2 } from './zen-2.js';

const SOG = 'AMD Software Optimization Guide for the Zen 4 Microarchitecture (57647)';
const CHASE =
  'random chase over pages, measured on the Zen 4 machine of this project: 1.08 ns at 64 pages, ' +
  '2.98 at 96-384, 5.97 at 1,024-2,048';

/** Zen 4 with 32 MiB of L3: the machine this project was measured on. */
export const ZEN_4: Profile = {
  name: 'zen-4',
  eventTable: 'skylake',
  table: {
    // Same family of cores: widths and the structure of the TLBs are those of Zen 2.
    ...ZEN_2.table,
    frequencyHz: [3_700_000_000, `${CHASE}: 4 cycles are 1.08 ns`],
    physicalAddressBits: [52, 'CPUID 80000008H of family 19h'],
    l2Bytes: [1024 * 1024, `${SOG} 2.6.3`],
    l2Ways: [8, `${SOG} 2.6.3`],
    l2Cycles: [14, `${SOG} 2.6.3: not less than 14`],
    l3Bytes: [32 * 1024 * 1024, `${SOG} 2.6.4: a core complex`],
    l3Ways: [16, `${SOG} 2.6.4`],
    l3Cycles: [48, `${SOG} 2.6.4: load-to-use latency about 50 cycles; 48 measured`],
    memoryNs: [95, 'DDR5 servers measure 90-110 ns'],
    memoryStreamNs: [2.5, 'one core streams about 25 GB/s of DDR5 (STREAM, one thread)'],
    dtlb4kEntries: [72, `${SOG} 2.7: 72 entries, all page sizes; the chase steps behind 64 pages`],
    dtlb4kWays: [72, `${SOG} 2.7: fully associative`],
    stlbEntries: [3072, `${SOG} 2.7: L2 DTLB`],
    stlbWays: [24, `${SOG} 2.7: L2 DTLB`],
    stlbFetchEntries: [512, `${SOG} 2.7: L2 ITLB`],
    stlbFetchWays: [8, `${SOG} 2.7: L2 ITLB`],
    stlbCycles: [7, `${CHASE}: 2.98 ns are 11 cycles, 7 above an L1 hit`],
    branchMissCycles: [13, `${SOG} 2.8: 11 to 18 cycles, 13 typical`],
  },
};
