import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../src/command/program.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-command-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...args: string[]) {
  const printed: string[] = [];
  const errors: string[] = [];
  const status = await runProgram(args, {
    interactive: false,
    print: (line) => printed.push(line),
    error: (line) => errors.push(line),
    progress: () => {},
  });
  return { status, printed, errors };
}

const corrupt = join(folder, 'corrupt.fio');
writeFileSync(corrupt, 'FIO1 and nothing that follows from it, as one sees');
const odd = join(folder, 'odd.u32');
writeFileSync(odd, 'abcde');
const keys = join(folder, 'keys.u32');
writeFileSync(keys, new Uint32Array([1, 2, 1, 3, 1]));

describe('bad input is one line that names the value and what is allowed, exit code 2', () => {
  test.each([
    ['frobnicate', /unknown command 'frobnicate'; allowed: suite, boot, mkimage, replay, peers/],
    ['--frob', /unknown option '--frob'; allowed: .*--json/],
    ['replay', /replay needs a command; allowed: io, alloc, sched, mem/],
    ['replay disk', /unknown command 'disk'; allowed: io, alloc, sched, mem/],
    ['replay io', /missing required argument 'trace'/],
    ['replay io nothing', /'nothing' is neither a file nor one of .*io-pg-open/],
    [`replay io ${corrupt}`, /FIO1 version \d+ is unknown; allowed: 1/],
    [`replay io ${odd}`, /4-byte words; this one has 5 bytes/],
    [`replay alloc ${corrupt}`, /must begin with 'KMT1'/],
    [`replay mem ${corrupt}`, /must begin with 'MEM1'/],
    [`replay sched ${corrupt}`, /1 tab-separated columns; a task has 7/],
    ['replay io io-cc-open --policy best', /'best' is invalid; allowed: .*lru/],
    ['replay io io-cc-open --capacity 0', /'0' is invalid; allowed: a whole number 1\.\./],
    ['replay io io-cc-open --capacity 1.5', /'1.5' is invalid; allowed: a whole number/],
    ['replay io io-cc-open --seed 1', /unknown option '--seed'; allowed: --policy/],
    ['replay sched sched-mix-open --policy x', /'x' is invalid; allowed: cfs, .*mlfq/],
    ['replay sched sched-mix-open --reserve per=5/4', /allowed: TASK=RUNTIME\/PERIOD/],
    ['replay sched sched-mix-open --reserve per=4/5', /allowed: with --policy edf/],
    [
      'replay sched sched-mix-open --policy edf --reserve nobody=4/5',
      /nobody; allowed: an id or command of the recording/,
    ],
    ['replay sched sched-mix-open --cpus 33', /'33' is invalid; allowed: a whole number 1\.\.32/],
    ['replay mem mem-cc1-open --page 5000', /'5000' is invalid; allowed: 4K, 2M, 1G/],
    ['replay mem mem-cc1-open --d1 5000,4,64', /'5000,4,64' is invalid; allowed: .*powers of two/],
    ['replay mem mem-cc1-open --machine z80', /'z80' is invalid; allowed: skylake-client, /],
    ['replay mem mem-cc1-open --d1 big', /'big' is invalid; allowed: BYTES,WAYS,LINE/],
    ['peers --workload zipf-1Ki', /--workload 'zipf-1Ki' needs an area/],
    ['peers disk', /'disk' is invalid for argument 'area'; allowed: .*cache/],
    ['peers cache --workload none', /unknown workload 'none'; allowed: zipf-1Ki/],
    ['peers cache --rounds 0', /'0' is invalid; allowed: a whole number 1\.\./],
  ])('hotpath %s', async (line, message) => {
    const { status, printed, errors } = await run(...line.split(' '));
    expect(status).toBe(2);
    expect(printed).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(message);
    expect(errors[0]).toMatch(/^hotpath: /);
    expect(errors[0]).not.toContain('\n');
  });
});

test('help names every command and leaves with 0', async () => {
  const { status, printed } = await run('--help');
  expect(status).toBe(0);
  for (const command of ['suite', 'replay', 'peers']) expect(printed.join('\n')).toContain(command);
  expect((await run('replay', 'io', '--help')).printed.join('\n')).toContain('io-sqlite-open');
});

test('replay io --json prints one object with exact counts', async () => {
  const { status, printed } = await run('replay', 'io', keys, '--capacity', '2', '--json');
  expect(status).toBe(0);
  expect(printed).toHaveLength(1);
  expect(JSON.parse(printed[0]!)).toEqual({
    ...{ trace: keys, policy: 'lru', capacity: 2, requests: 5, misses: 3, hitRatio: 0.4 },
    hitHash: expect.stringMatching(/^[0-9a-f]{8}$/),
  });
});

test('replay sched --json prints the same object each time', async () => {
  const args = ['replay', 'sched', 'sched-mix-open', '--policy', 'mlfq', '--cpus', '1', '--json'];
  const first = await run(...args);
  expect(JSON.parse(first.printed[0]!)).toMatchObject({ policy: 'mlfq', cpus: 1, tasks: 56 });
  expect(await run(...args)).toEqual(first);
});

test('replay alloc --json has figures of both allocators', async () => {
  const args = ['replay', 'alloc', 'sqlite3', '--rounds', '1', '--json'];
  const { status, printed } = await run(...args);
  expect(status).toBe(0);
  const figures = {
    events: 200_000,
    objects: 98_886,
    nsPerEvent: expect.any(Number),
    peakLiveBytes: 417_211,
    peakFootprintBytes: expect.any(Number),
    errors: 0,
  };
  expect(JSON.parse(printed[0]!)).toEqual({ trace: 'sqlite3', ...figures, baseline: figures });
}, 60_000);

test('replay mem --json --machine adds what the modelled processor counted', async () => {
  const args = [
    'replay',
    'mem',
    'mem-hashbuild-open',
    '--machine',
    'skylake-client',
    '--page',
    '2M',
  ];
  const { printed } = await run(...args, '--json');
  expect(JSON.parse(printed[0]!)).toMatchObject({
    ...{ trace: 'mem-hashbuild-open', references: 1_500_000 },
    tlb: { entries: 64, pageBytes: 2 ** 21 },
    modelled: { machine: 'skylake-client', pageBytes: 2 ** 21, cycles: expect.any(Number) },
  });
}, 60_000);

test('without --json results are lines for people', async () => {
  const io = await run('replay', 'io', 'io-cc-open');
  expect(io.printed).toEqual([
    'io-cc-open: 62047 accesses of 6594 pages, lru of 659: 10515 misses, hit ratio 83.05 %, hits ' +
      '1cefa78b',
  ]);
  const mem = await run('replay', 'mem', 'mem-cc1-open');
  expect(mem.printed.join('\n')).toMatch(/reads\s+295882\s+3463\s+930/);
});
