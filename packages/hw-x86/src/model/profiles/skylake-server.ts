import type { Profile } from '../profile.js';
import { REPLACE_LRU } from '../replacement.js';
import { SKYLAKE_CLIENT } from './skylake-client.js';

const CACHES = 'Intel Optimization Manual (248966), Skylake Server: table "Cache Parameters"';
const SEVEN = '7-cpu.com, Skylake X: measured at 3.6 GHz';

/** Xeon Scalable, first generation, eight cores: larger private L2, non-inclusive L3, a mesh. */
export const SKYLAKE_SERVER: Profile = {
  name: 'skylake-server',
  eventTable: 'skylake',
  table: {
    // The core is the client's: the TLBs, the first level, widths and penalties are the same.
    ...SKYLAKE_CLIENT.table,
    frequencyHz: [3_600_000_000, SEVEN],
    physicalAddressBits: [46, 'CPUID 80000008H of Xeon Scalable'],
    l2Bytes: [1024 * 1024, CACHES],
    l2Ways: [16, CACHES],
    l2Cycles: [14, CACHES],
    l3Bytes: [8 * 11 * 128 * 1024, `${CACHES}: 1.375 MiB a core, eight cores`],
    l3Ways: [11, CACHES],
    l3Cycles: [68, SEVEN],
    memoryNs: [72, `${SEVEN}: 79 cycles + 50 ns`],
    memoryStreamNs: [5.5, 'one core streams about 12 GB/s (STREAM, one thread)'],
    cacheReplacement: [REPLACE_LRU, 'assumed; Intel publishes none'],
  },
};
