import { createArenaMemory } from '@hotpath/hw-x86/model';
import { checkExt2, openImage } from '@hotpath/kernel/ext2';
import { describe, expect, test } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import { runCampaign } from '../../src/crash/campaign.js';
import { compareWithModel } from '../../src/crash/judge.js';
import { makeStart, record } from '../../src/crash/recording.js';
import { applyTo, isPossible } from '../../src/crash/tree-model.js';
import { volatileMemoryDisk } from '../../src/crash/volatile-disk.js';
import { START, sequencesOfOne, torture } from '../../src/crash/workloads.js';
import { runCommand } from '../command/run-command.js';

const CAMPAIGN = process.env['HOTPATH_CAMPAIGN'] === '1';
const memory = createArenaMemory(2 * 2 ** 20);
const start = makeStart({ memory }, START);

describe('the model of a tree', () => {
  test('agrees with the driver after long random workloads', () => {
    let runs = 0;
    for (const { operations } of torture(start.tree, 3, 60)) {
      const recording = record(start, operations);
      expect(recording.operations).toEqual(operations);
      const disk = volatileMemoryDisk(recording.end, 1024);
      const image = openImage({ device: disk, memory, readOnly: true });
      // As if the last call had been a sync: only the last tree will do.
      const promises = [{ floor: operations.length, data: new Map() }];
      const marks = [`call ${operations.length}`, 'durable 0'];
      expect(compareWithModel({ ...recording, promises }, marks, image)).toBeNull();
      if (++runs === 4) break;
    }
  });

  test('refuses what the driver would refuse', () => {
    const no = (operation: Parameters<typeof isPossible>[1]): void =>
      expect(isPossible(start.tree, operation)).toBe(false);
    no({ call: 'create', path: '/A/foo' });
    no({ call: 'create', path: '/missing/foo' });
    no({ call: 'rmdir', path: '/A' });
    no({ call: 'unlink', path: '/A' });
    no({ call: 'rename', path: '/A', to: '/A/empty/x' });
    no({ call: 'rename', path: '/A/foo', to: '/B' });
    no({ call: 'link', path: '/A', to: '/C' });
  });

  test('a renamed directory takes along what is below it', () => {
    const tree = applyTo(start.tree, { call: 'rename', path: '/A', to: '/D' }, 1);
    expect([...tree.keys()].sort()).toEqual(
      ['/', '/B', '/B/baz', '/D', '/D/bar', '/D/empty', '/D/foo'].sort(),
    );
    expect(tree.get('/D/foo')).toBe(start.tree.get('/A/foo'));
  });
});

test('every call comes with every way to make it durable', () => {
  const names = [...sequencesOfOne(start.tree)].map(({ name }) => name);
  expect(names.length).toBeGreaterThan(90);
  expect(new Set(names).size).toBe(names.length);
  for (const call of ['create', 'mkdir', 'rename', 'link', 'symlink', 'punch', 'truncate']) {
    expect(names.some((name) => name.startsWith(call))).toBe(true);
  }
});

describe('a campaign', () => {
  test('loses nothing, and a fifth of its disks lack unflushed writes', async () => {
    const states = CAMPAIGN ? 5000 : 120;
    const report = await runCampaign({ states, seed: 2 });
    expect(report.failure).toBeNull();
    expect(report.states).toBeGreaterThanOrEqual(states);
    const kinds = report.counts.map(({ workload }) => workload);
    expect(kinds).toEqual(['one', 'two', 'torture', 'sqlite']);
    expect(report.losing / report.states).toBeGreaterThan(0.2);
    if (!CAMPAIGN) return;
    const { length } = [...sequencesOfOne(start.tree)];
    expect(report.counts[0]!.runs).toBeGreaterThanOrEqual(length);
  }, 600_000);

  test('is the same for the same seed', async () => {
    const options = { workload: 'two', states: 60, seed: 5 } as const;
    const first = await runCampaign(options);
    expect(await runCampaign(options)).toEqual(first);
    expect(await runCampaign({ ...options, seed: 6 })).not.toEqual(first);
  });

  testWithTools(
    'e2fsck, too, finds nothing wrong, whether it replays the journal or we do',
    ['e2fsck'],
    async (e2fsck) => {
      const report = await runCampaign({ states: 30, seed: 3, e2fsck });
      expect(report.failure).toBeNull();
      expect(report.counts.every((count) => count.e2fsck === count.states)).toBe(true);
    },
    60_000,
  );
});

describe('a campaign on a disk or driver without a barrier', () => {
  for (const sabotage of ['drop-flush', 'drop-fua'] as const) {
    test(`${sabotage} is found, and told in few calls`, async () => {
      const { failure } = await runCampaign({ workload: 'two', states: 3000, sabotage });
      expect(failure).not.toBeNull();
      expect(failure!.calls.length).toBeLessThanOrEqual(2);
      expect(failure!.story.join('\n')).toMatch(/: LOST \(/);
    });
  }

  test('a sync that claims to be done before it begins is found', async () => {
    const { failure } = await runCampaign({ workload: 'one', states: 3000, earlyClaims: true });
    expect(failure).not.toBeNull();
    expect(failure!.calls.at(-1)).toMatch(/sync/);
  });

  test('SQLite without flushes loses money', async () => {
    const options = { workload: 'sqlite', states: 3000, sabotage: 'drop-flush' } as const;
    const { failure } = await runCampaign(options);
    expect(failure?.calls[0]).toContain('SQLite');
  });
});

describe('hotpath crash', () => {
  test('prints what it judged, and exits with 0', async () => {
    const options = ['--workload', 'two', '--states', '30', '--no-e2fsck'];
    const { status, printed } = await runCommand('crash', ...options);
    expect(status).toBe(0);
    expect(printed.at(-1)).toBe('nothing that had been made durable was lost');
  });

  test('exits with 1 and tells the calls when something is lost', async () => {
    const args = ['crash', '--workload', 'one', '--break', 'flush', '--no-e2fsck'];
    const { status, printed, errors } = await runCommand(...args);
    expect(status).toBe(1);
    expect(printed).toContain('the shortest losing sequence:');
    expect(errors[0]).toContain('something was lost');
    const json = await runCommand(...args, '--json');
    expect(JSON.parse(json.printed[0]!).failure.calls.length).toBeLessThanOrEqual(1);
  });

  test('a word that is no workload is exit code 2', async () => {
    const { status, errors } = await runCommand('crash', '--workload', 'three');
    expect(status).toBe(2);
    expect(errors[0]).toContain('allowed: all, one, two, torture, sqlite');
  });
});

test('the start of all workloads passes the checker', () => {
  const readBlock = (block: number, target: Uint8Array, offset = 0): void =>
    start.blocks.read(block, target, offset);
  expect(checkExt2({ blockBytes: 1024, blockCount: 2048, readBlock }).problems).toEqual([]);
});
