import { createMemoryDisk } from '@hotpath/hw-x86/host';
import type { CrashDisk } from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import {
  type CrashRecording,
  type CrashRun,
  type CrashTestOptions,
  exploreRecording,
  recordRecovery,
  recordWorkload,
} from '../../src/ext2/index.js';
import { changeWithTool, fsck, memory, open, pattern } from './support/host-image.js';

const CAMPAIGN = process.env['HOTPATH_CAMPAIGN'] === '1';

const options: CrashTestOptions = {
  memory,
  disk: (bytes, blockBytes) =>
    createMemoryDisk({ blockBytes, blockCount: bytes.length / blockBytes, bytes }),
  blockCount: 2560,
};

function record(workload: (run: CrashRun) => void, unmount = false): CrashRecording {
  return recordWorkload(options, workload, unmount);
}

/** A bit of everything, with promises between. */
function everything(run: CrashRun): void {
  run.mkdir('/a');
  run.write('/a/x', pattern(3000, 7));
  run.fsync('/a/x');
  run.write('/a/y', pattern(5000, 8));
  run.rename('/a/y', '/a/z');
  run.sync();
  run.append('/a/z', pattern(20_000, 9));
  run.fsync('/a/z');
  run.unlink('/a/x');
  run.write('/b', pattern(4000, 3));
  run.sync();
  run.truncate('/a/z', 100);
  run.mkdir('/a/d');
  run.rename('/a', '/c');
  run.fsync('/c/z');
}

/** Blocks that held metadata become data: without revoke records a replay would overwrite them. */
function metadataBecomesData(run: CrashRun): void {
  run.write('/large', pattern(300_000, 1));
  run.mkdir('/d');
  run.sync();
  run.unlink('/large');
  run.rmdir('/d');
  run.sync();
  for (let i = 0; i < 4; i++) {
    run.write(`/new-${i}`, pattern(90_000, i + 5));
    run.fsync(`/new-${i}`);
  }
}

/** Transactions until the log has gone round: its tail must move, and only after what it frees. */
function aroundTheLog(run: CrashRun): void {
  for (let i = 0; i < 44; i++) {
    for (let k = 0; k < 12; k++) {
      if (i % 2 === 0) run.mkdir(`/d${k}`);
      else run.rmdir(`/d${k}`);
    }
    run.write(`/f${i % 5}`, pattern(900 + i, i));
    run.sync();
  }
}

/** A file is overwritten by name, as editors do. */
function replaceByRename(run: CrashRun): void {
  run.write('/f', pattern(2000, 1));
  run.sync();
  for (let i = 0; i < 3; i++) {
    run.write('/f.new', pattern(2000 + i, i));
    run.fsync('/f.new');
    run.rename('/f.new', '/f');
    run.fsync('/f');
  }
}

/** Data that a committed size names. */
function orderedData(run: CrashRun): void {
  run.write('/f', pattern(1000, 1));
  run.sync();
  run.append('/f', pattern(6000, 2));
  run.fsync('/f');
}

/** Freed and wanted again at once: not before the freeing is durable may the blocks be written. */
function freedAndUsedAgain(run: CrashRun): void {
  for (let i = 0; i < 3; i++) run.write(`/old-${i}`, pattern(250_000, i));
  run.sync();
  for (let i = 0; i < 3; i++) {
    run.unlink(`/old-${i}`);
    run.write(`/new-${i}`, pattern(260_000, i + 7));
  }
  run.sync();
}

describe('after a power cut', () => {
  for (const [what, workload, statesPerCut] of [
    ['everything', everything, 8],
    ['metadata becomes data', metadataBecomesData, 4],
    ['a file replaced by rename', replaceByRename, 6],
    ['ordered data', orderedData, 16],
    ['blocks freed and used again', freedAndUsedAgain, 4],
  ] as const) {
    test(`${what}: what was synced is there, and the checker finds nothing`, () => {
      const report = exploreRecording(record(workload, true), {
        memory,
        statesPerCut: CAMPAIGN ? statesPerCut * 16 : statesPerCut,
      });
      expect(report.failure?.story).toBeUndefined();
      expect(report.states).toBeGreaterThan(50);
    }, 3_600_000);
  }

  test('a log that has gone round keeps its promises', () => {
    const report = exploreRecording(record(aroundTheLog), {
      memory,
      statesPerCut: CAMPAIGN ? 8 : 1,
    });
    expect(report.failure?.story).toBeUndefined();
  }, 3_600_000);

  test('a cut in the middle of a replay loses nothing either', () => {
    const recovery = recordRecovery(record(everything), options);
    const report = exploreRecording(recovery, { memory, statesPerCut: CAMPAIGN ? 512 : 32 });
    expect(report.failure?.story).toBeUndefined();
    expect(report.states).toBeGreaterThan(20);
  });

  test("a block that begins like the journal's own comes back as it was", () => {
    const target = `\xc0\x3b\x39\x98${'x'.repeat(100)}`;
    const { bytes, log } = record((run) => {
      run.image.run((wait) => run.image.fs.symlink(wait, 2, 'magic', target, 0));
      run.sync();
    });
    // In the log no block may pass for the journal's own: types are 1 to 5.
    const starts = log.entries.flatMap(({ data }) =>
      Array.from({ length: data.length / 1024 }, (_, i) => data.subarray(i * 1024, i * 1024 + 8)),
    );
    expect(starts.some((start) => start[0] === 0xc0 && start[1] === 0x3b && start[7] > 5)).toBe(
      false,
    );
    const image = open(bytes);
    expect(image.fs.recovery?.replayed).toBeGreaterThan(3);
    const into = { name: '' };
    image.run((wait) => image.fs.readlink(wait, image.find('/magic'), into));
    expect(into.name).toBe(target);
    image.close();
  });

  testWithTools(
    'e2fsck replays the raw journal and finds no more to do, and nothing after our own replay',
    ['e2fsck'],
    (e2fsck) => {
      const judge = (disk: CrashDisk, phase: 'raw' | 'recovered'): string | null => {
        const bytes = new Uint8Array(disk.blockBytes * disk.blockCount);
        for (let b = 0; b < disk.blockCount; b++) disk.readBlock(b, bytes, b * disk.blockBytes);
        if (phase === 'recovered') return fsck(e2fsck, bytes) || null;
        const replayed = changeWithTool(e2fsck, ['-fy'], bytes);
        if (replayed.status > 1) return `e2fsck -fy says ${replayed.status}: ${replayed.output}`;
        if (/Fix|Clear\?|UNEXPECTED/.test(replayed.output))
          return `it repaired: ${replayed.output}`;
        return fsck(e2fsck, replayed.bytes) || null;
      };
      const report = exploreRecording(record(everything, true), {
        memory,
        statesPerCut: CAMPAIGN ? 32 : 1,
        judge,
      });
      expect(report.failure?.story).toBeUndefined();
      expect(report.states).toBeGreaterThan(20);
    },
    3_600_000,
  );

  test('the same workload makes the same log', () => {
    const [one, two] = [record(everything), record(everything)];
    expect(one.log.entries.length).toBe(two.log.entries.length);
    expect(one.log.entries.map(({ block, kind }) => `${kind}:${block}`)).toEqual(
      two.log.entries.map(({ block, kind }) => `${kind}:${block}`),
    );
  });
});
