/** A hundred sectors: one request for all, or a request each. */
import { READ } from '@hotpath/hw-x86';
import { DISKS } from '@hotpath/kernel';
import { Random } from '../../harness/random.js';
import { DiskRig } from './disk-rig.js';

const SECTORS = 100;
const SECTOR_BYTES = 512;
const BLOCK_BYTES = 4096;
/** 64 GiB of blocks. */
const DISK_BLOCKS = 2 ** 24;
const RANDOM_READS = 100;

/** One disk; microseconds of virtual time. */
export interface RequestsResult {
  readonly disk: string;
  readonly sectors: number;
  readonly oneRequestUs: number;
  readonly oneEachUs: number;
  readonly ratio: number;
  /** Average of 100 reads of 4 KiB anywhere, one after the other. */
  readonly randomReadUs: number;
}

/** Reads 100 sectors in a row from each disk; the next single request follows the answer of the last. */
export function measureRequests(seed: number): RequestsResult[] {
  return Object.keys(DISKS).map((name) => {
    const oneRequestUs = run(name, seed, SECTORS);
    const oneEachUs = run(name, seed, 1);
    const randomReadUs = randomRead(name, seed);
    return {
      disk: name,
      sectors: SECTORS,
      oneRequestUs,
      oneEachUs,
      ratio: oneEachUs / oneRequestUs,
      randomReadUs,
    };
  });
}

function run(name: string, seed: number, batch: number): number {
  const profile = DISKS[name]!;
  const rig = new DiskRig(profile, SECTOR_BYTES, 2 ** 20, seed);
  const start = rig.us;
  for (let sector = 0; sector < SECTORS; sector += batch) {
    rig.note(rig.disk.submit(rig.request(READ, 4096 + sector, batch)));
    rig.settle();
  }
  return rig.us - start;
}

function randomRead(name: string, seed: number): number {
  const rig = new DiskRig(DISKS[name]!, BLOCK_BYTES, DISK_BLOCKS, seed);
  const random = new Random(seed);
  const start = rig.us;
  for (let read = 0; read < RANDOM_READS; read++) {
    rig.note(rig.disk.submit(rig.request(READ, random.below(DISK_BLOCKS), 1)));
    rig.settle();
  }
  return (rig.us - start) / RANDOM_READS;
}
