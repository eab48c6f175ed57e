import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { ArenaMemory } from '../../src/arena/arena-memory.js';
import { createMemoryDisk } from '../../src/arena/memory-disk.js';
import { blockDeviceConformance } from '../../src/conformance/block-device.js';
import type { BlockDeviceUnderTest } from '../../src/conformance/block-rig.js';
import { openFileDisk } from '../../src/host/file-open.js';
import { DISK_PROFILES, HDD_7200, NVME_SSD } from '../../src/model/disk/profile.js';
import { type BenchOptions, DiskBench } from '../model/disk/bench-disk.js';

function runSuite(title: string, create: () => BlockDeviceUnderTest): void {
  describe(title, () => {
    for (const { name, run } of blockDeviceConformance(create)) test(name, run);
  });
}

function memory(): ArenaMemory {
  return new ArenaMemory(new ArrayBuffer(2 ** 22));
}

for (const [name, profile] of Object.entries(DISK_PROFILES)) {
  runSuite(`model disk ${name}`, () => new DiskBench({ profile }).underTest());
}

const variants: [string, BenchOptions][] = [
  ['a cache of one block', { profile: NVME_SSD, cacheBytes: 4096 }],
  ['a cache of two blocks and a head', { profile: HDD_7200, cacheBytes: 8192 }],
  ['no write cache', { profile: NVME_SSD, writeCache: false }],
  ['blocks of 512 bytes', { profile: NVME_SSD, blockBytes: 512, blockCount: 64 }],
  ['blocks of 64 KiB', { profile: HDD_7200, blockBytes: 65_536, blockCount: 64 }],
  ['read-only', { profile: NVME_SSD, readOnly: true }],
];
for (const [name, options] of variants) {
  runSuite(`model disk with ${name}`, () => new DiskBench(options).underTest());
}

runSuite('memory disk', () => ({
  device: createMemoryDisk({ blockCount: 64 }),
  memory: memory(),
  progress: (): void => {},
}));

function fileUnderTest(asynchronous: boolean): BlockDeviceUnderTest {
  const folder = mkdtempSync(join(tmpdir(), 'hotpath-disk-'));
  let raised = 0;
  let wake: (() => void) | null = null;
  const device = openFileDisk({
    path: join(folder, 'disk'),
    blockCount: 256,
    create: true,
    asynchronous,
    line: {
      raise(): void {
        raised++;
        wake?.();
      },
    },
  });
  let seen = 0;
  return {
    device,
    memory: memory(),
    raised: (): number => raised,
    progress: async (): Promise<void> => {
      if (device.inFlight > 0 && raised === seen) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      seen = raised;
    },
    close: (): void => {
      device.close();
      rmSync(folder, { recursive: true });
    },
  };
}

runSuite('file disk, synchronous', () => fileUnderTest(false));
runSuite('file disk, asynchronous', () => fileUnderTest(true));
