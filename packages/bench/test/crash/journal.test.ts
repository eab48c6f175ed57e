import { createArenaMemory, LOG_MARK, SparseBlocks } from '@hotpath/hw-x86/model';
import { afterAll, describe, expect, test } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import { E2fsck } from '../../src/crash/e2fsck.js';
import { exploreRecording } from '../../src/crash/explore.js';
import { judge } from '../../src/crash/judge.js';
import type { CrashOperation } from '../../src/crash/operation.js';
import { makeStart, record, recordRecovery, type StartVolume } from '../../src/crash/recording.js';

const CAMPAIGN = process.env['HOTPATH_CAMPAIGN'] === '1';
const memory = createArenaMemory(2 * 2 ** 20);
const start = makeStart({ memory }, []);
/** The same with the log's length, a word of the journal's superblock, made a quarter. */
const short = shorten(start, 256);

function shorten(volume: StartVolume, journalBlocks: number): StartVolume {
  const bytes = volume.bytes.slice();
  const superblock = Buffer.from([0xc0, 0x3b, 0x39, 0x98, 0, 0, 0, 4]);
  const at = Buffer.from(bytes.buffer).indexOf(superblock);
  const view = new DataView(bytes.buffer);
  expect(view.getUint32(at + 16)).toBe(1024);
  view.setUint32(at + 16, journalBlocks);
  return { ...volume, bytes, blocks: SparseBlocks.fromBytes(bytes, 1024) };
}

let fill = 0;

function write(path: string, length: number, at = 0): CrashOperation {
  return { call: 'write', path, at, length, fill: fill++ };
}

/** What an image writes in one change. */
const PIECE = 128 * 1024;

/** Makes a file of new contents. */
function put(path: string, length: number): CrashOperation[] {
  const operations: CrashOperation[] = [{ call: 'create', path }];
  for (let at = 0; at < length; at += PIECE) {
    operations.push(write(path, Math.min(PIECE, length - at), at));
  }
  return operations;
}

const sync: CrashOperation = { call: 'sync' };

function calls(call: 'mkdir' | 'unlink' | 'rmdir' | 'fsync', ...paths: string[]): CrashOperation[] {
  return paths.map((path) => ({ call, path }));
}

function rename(path: string, to: string): CrashOperation {
  return { call: 'rename', path, to };
}

/** A bit of everything, with promises between. */
const EVERYTHING = [
  ...calls('mkdir', '/a'),
  ...put('/a/x', 3000),
  ...calls('fsync', '/a/x'),
  ...put('/a/y', 5000),
  rename('/a/y', '/a/z'),
  sync,
  write('/a/z', 20_000, 5000),
  ...calls('fsync', '/a/z'),
  ...calls('unlink', '/a/x'),
  ...put('/b', 4000),
  sync,
  { call: 'truncate', path: '/a/z', size: 100 } as const,
  ...calls('mkdir', '/a/d'),
  rename('/a', '/c'),
  ...calls('fsync', '/c/z'),
];

/** Blocks that held metadata become data: without revoke records a replay would overwrite them. */
const METADATA_BECOMES_DATA = [
  ...put('/large', 300_000),
  ...calls('mkdir', '/d'),
  sync,
  ...calls('unlink', '/large'),
  ...calls('rmdir', '/d'),
  sync,
  ...[0, 1, 2, 3].flatMap((i) => [...put(`/new-${i}`, 90_000), ...calls('fsync', `/new-${i}`)]),
];

/** A file is overwritten by name, as editors do. */
const REPLACED_BY_RENAME = [
  ...put('/f', 2000),
  sync,
  ...[0, 1, 2].flatMap((i) => [
    ...put('/f.new', 2000 + i),
    ...calls('fsync', '/f.new'),
    rename('/f.new', '/f'),
    ...calls('fsync', '/f'),
  ]),
];

/** Data that a committed size names. */
const ORDERED_DATA = [
  ...put('/f', 1000),
  sync,
  write('/f', 6000, 1000),
  ...calls('fsync', '/f'),
  write('/f', 3000, 500),
  ...calls('fsync', '/f'),
];

/** Freed and wanted again at once: not before the freeing is durable may the blocks be written. */
const FREED_AND_USED_AGAIN = [
  ...[0, 1, 2].flatMap((i) => put(`/old-${i}`, 250_000)),
  sync,
  ...[0, 1, 2].flatMap((i) => [...calls('unlink', `/old-${i}`), ...put(`/new-${i}`, 260_000)]),
  sync,
];

/** Transactions until the log has gone round: its tail must move, and only after what it frees. */
const AROUND_THE_LOG = Array.from({ length: 14 }, (_, i) => [
  ...calls(
    i % 2 === 0 ? 'mkdir' : 'rmdir',
    ...Array.from({ length: 12 }, (_unused, k) => `/d${k}`),
  ),
  ...(i === 0 ? put('/f', 900) : [write('/f', 900 + i)]),
  sync,
]).flat();

describe('after a power cut', () => {
  for (const [what, operations, statesPerCut] of [
    ['everything', EVERYTHING, 8],
    ['metadata becomes data', METADATA_BECOMES_DATA, 4],
    ['a file replaced by rename', REPLACED_BY_RENAME, 6],
    ['ordered data', ORDERED_DATA, 16],
    ['blocks freed and used again', FREED_AND_USED_AGAIN, 4],
  ] as const) {
    test(`${what}: what was synced is there, and the checker finds nothing`, () => {
      const recording = record(start, operations);
      expect(recording.operations).toEqual(operations);
      const report = exploreRecording(recording, {
        memory,
        statesPerCut: CAMPAIGN ? statesPerCut * 16 : statesPerCut,
      });
      expect(report.failure?.story).toBeUndefined();
      expect(report.states).toBeGreaterThan(50);
    }, 3_600_000);
  }

  test('a log that has gone round keeps its promises', () => {
    const recording = record(short, AROUND_THE_LOG, { unmount: false });
    const report = exploreRecording(recording, { memory, statesPerCut: CAMPAIGN ? 16 : 1 });
    expect(report.failure?.story).toBeUndefined();
  }, 3_600_000);

  test('a cut in the middle of a replay loses nothing either', () => {
    const recovery = recordRecovery(record(start, EVERYTHING, { unmount: false }), memory);
    expect(recovery.log.entries.filter(({ kind }) => kind !== LOG_MARK).length).toBeGreaterThan(5);
    const report = exploreRecording(recovery, { memory, statesPerCut: CAMPAIGN ? 512 : 32 });
    expect(report.failure?.story).toBeUndefined();
    expect(report.states).toBeGreaterThan(20);
  }, 3_600_000);

  testWithTools(
    'e2fsck replays the raw journal and finds no more to do, and nothing after our own replay',
    ['e2fsck'],
    (path) => {
      const e2fsck = new E2fsck(path);
      afterAll(() => e2fsck.close());
      const recording = record(start, EVERYTHING);
      const report = exploreRecording(recording, {
        memory,
        statesPerCut: CAMPAIGN ? 32 : 1,
        check: (state) =>
          e2fsck.recover(state.disk) ?? judge(recording, state, memory) ?? e2fsck.check(state.disk),
      });
      expect(report.failure?.story).toBeUndefined();
      expect(report.states).toBeGreaterThan(20);
    },
    3_600_000,
  );

  test('the same workload makes the same log', () => {
    const entries = (): string[] =>
      record(start, EVERYTHING).log.entries.map(({ block, kind }) => `${kind}:${block}`);
    expect(entries()).toEqual(entries());
  });
});
