import { BlockCache } from '@hotpath/blockcache';
import { type BlockDevice, type Completion, OK } from '@hotpath/hw-x86';
import { createArenaMemory } from '@hotpath/hw-x86/host';
import type { Contestant } from '../../harness/contestant.js';
import { type CacheWorkload, requestedKeys } from './requests.js';

const BLOCK_BYTES = 512;

/** Finishes every request at once and moves nothing: what is timed is the cache. */
const idleDevice: BlockDevice = {
  blockBytes: BLOCK_BYTES,
  blockCount: Number.MAX_SAFE_INTEGER,
  volatileCache: false,
  readOnly: false,
  submit: () => OK,
  reap: () => 0,
};

const noSink: Completion = { completed() {} };

/** The whole block cache: find, pin, read what is missing, release. */
export const contestant: Contestant<CacheWorkload> = {
  name: '@hotpath/blockcache, pin and release',
  package: '@hotpath/blockcache',
  prepare(workload, seed) {
    const { capacity } = workload;
    const cache = new BlockCache({
      memory: createArenaMemory(capacity * BLOCK_BYTES),
      base: 0,
      blockBytes: BLOCK_BYTES,
      capacity,
      policy: 'lru',
    });
    const device = cache.addDevice(idleDevice);
    const keys = requestedKeys(workload, seed);
    return {
      operationCount: keys.length,
      run() {
        let missed = 0;
        for (let index = 0; index < keys.length; index++) {
          const key = keys[index];
          let slot = cache.tryGet(device, key);
          if (slot < 0) {
            slot = cache.get(device, key, noSink, 0);
            missed = Math.imul(missed ^ key ^ index, 0x01000193);
          }
          cache.release(slot);
        }
        return missed;
      },
    };
  },
};
