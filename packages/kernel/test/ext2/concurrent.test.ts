import { describe, expect, test } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import { ext2Root } from '../../src/ext2/index.js';
import { boot } from '../../src/index.js';
import { runOne } from '../vfs/run-one.js';
import { check, fsck, open } from './support/host-image.js';
import { Rivals } from './support/rivals.js';

const CAMPAIGN = process.env['HOTPATH_CAMPAIGN'] === '1';
const TASKS = 5;

interface Setting {
  readonly type: 'ext2' | 'ext3';
  readonly cpus: number;
  readonly seed: number;
  /** Caches that hold only a part of what is changed. */
  readonly small: boolean;
}

/** Several tasks change one volume, to their ends: the disk, unmounted, and what must be on it. */
function run({ type, cpus, seed, small }: Setting): { bytes: Uint8Array; rivals: Rivals } {
  const kernel = boot({
    memoryBytes: 2 ** 26,
    diskBytes: 2 ** 24,
    root: ext2Root({ type }),
    cpus,
    seed,
    ...(small ? { blockCacheBlocks: 256, pageCachePages: 40 } : {}),
  });
  const rivals = new Rivals(TASKS, CAMPAIGN ? 40 : 12);
  runOne(kernel, (sys) => rivals.prepare(sys));
  const reports = Array.from({ length: TASKS }, (_, who) =>
    kernel.spawn(`rival-${who}`, (sys) => rivals.program(sys, who, seed)),
  );
  kernel.run();
  for (const { error, status } of reports) {
    if (error !== null) throw error;
    expect(status).toBe(0);
  }
  kernel.checkInvariants();
  expect(kernel.shutdown()).toBe(0);
  return { bytes: kernel.parts.disk.contents.medium.toBytes(), rivals };
}

describe('tasks that change one volume at the same time', () => {
  for (const type of ['ext2', 'ext3'] as const) {
    for (const cpus of [1, 2, 4]) {
      testWithTools(
        `${type}, ${cpus} CPUs: every file is what its writers made it, and e2fsck is content`,
        ['e2fsck'],
        (e2fsck) => {
          let [won, lost] = [0, 0];
          for (let seed = 1; seed <= (CAMPAIGN ? 100 : 2); seed++) {
            const { bytes, rivals } = run({ type, cpus, seed, small: seed % 2 === 0 });
            expect(check(bytes).problems, `seed ${seed}`).toEqual([]);
            expect(fsck(e2fsck, bytes), `seed ${seed}`).toBe('');
            rivals.compare(open(bytes, true));
            won += rivals.contested.won;
            lost += rivals.contested.lost + rivals.contested.full;
          }
          expect(won).toBeGreaterThan(3);
          expect(lost).toBeGreaterThan(0);
        },
        3_600_000,
      );
    }
  }

  test('the same seed leaves the same disk', () => {
    const setting = { type: 'ext3', cpus: 2, seed: 9, small: false } as const;
    expect(Buffer.compare(run(setting).bytes, run(setting).bytes)).toBe(0);
  });
});
