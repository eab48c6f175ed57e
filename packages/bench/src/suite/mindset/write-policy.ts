/** Blocks written again and again: at once each time, or together later. */
import { BlockCache } from '@hotpath/blockcache';
import { assert } from '@hotpath/hw-x86';
import { DISKS } from '@hotpath/kernel';
import { Random, zipfKeys } from '../../harness/random.js';
import { DiskRig } from './disk-rig.js';

const BLOCK_BYTES = 4096;
const BLOCKS = 4096;
const WRITES = 1500;
const CAPACITY = 1024;
const MEASURED = ['nvme', 'hdd'];

/** One disk; milliseconds of virtual time until the last block was durable. */
export interface WritePolicyResult {
  readonly disk: string;
  readonly writes: number;
  readonly writeBackMs: number;
  readonly writeThroughMs: number;
  readonly writeBackRequests: number;
  readonly writeThroughRequests: number;
  readonly ratio: number;
}

/**
 * 1,500 writes of Zipf-popular blocks by one writer, then a flush. Write-through answers each write
 * when the disk has it; write-back when the cache has it.
 */
export function measureWritePolicy(seed: number): WritePolicyResult[] {
  return MEASURED.map((disk) => {
    const back = run(seed, disk, false);
    const through = run(seed, disk, true);
    return {
      disk,
      writes: WRITES,
      writeBackMs: back.ms,
      writeThroughMs: through.ms,
      writeBackRequests: back.requests,
      writeThroughRequests: through.requests,
      ratio: through.ms / back.ms,
    };
  });
}

function run(seed: number, disk: string, through: boolean): { ms: number; requests: number } {
  const rig = new DiskRig(DISKS[disk]!, BLOCK_BYTES, BLOCKS, seed);
  const cache = new BlockCache({
    memory: rig.machine.memory,
    base: 0,
    blockBytes: BLOCK_BYTES,
    capacity: CAPACITY,
    policy: 'lru',
    line: rig.machine.interruptLine(0, 0x40),
  });
  const device = cache.addDevice(rig.disk);
  rig.reaper = cache;
  const keys = zipfKeys(new Random(seed), WRITES, BLOCKS, 1);
  const start = rig.us;
  let slot = 0;
  const sink = {
    completed: (tag: number, result: number): void => {
      slot = result;
      rig.completed(tag, result);
    },
  };
  for (const key of keys) {
    const answer = rig.note(cache.getNew(device, key, sink, 0));
    rig.settle();
    if (answer >= 0) slot = answer;
    cache.markDirty(slot);
    if (through) {
      rig.note(cache.writeSlot(slot, false, rig, 0));
      rig.settle();
    }
    cache.release(slot);
  }
  rig.note(cache.flush(device, rig, 0));
  rig.settle();
  assert(cache.dirtyCount === 0, 'a block is still dirty');
  return { ms: (rig.us - start) / 1000, requests: cache.statistics().writeRequests };
}
