import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import * as CPUProfile from '@paulirish/trace_engine/models/cpu_profile/cpu_profile.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import {
  ByteCollector,
  type ByteSink,
  CallStack,
  type Profile,
  SamplingProfiler,
  writeCollapsed,
  writeCpuProfile,
  writePprof,
} from '../../src/index.js';

const LONG = 'x'.repeat(4096);
const ODD = ['</script><b>', 'read "a"', 'a;b\nc\u2028d', LONG];

/** 7 samples in main, 10, 30, 2 and 1 below it, 3 lost. One sample is a millisecond. */
function profile(): SamplingProfiler {
  const profiler = new SamplingProfiler({ period: 1_000_000 });
  const stack = new CallStack();
  const [script, quoted, lines, long] = ODD.map((name) => profiler.register(name, 'k.ts', 12));
  stack.enter(profiler.register('main', 'k.ts', 1));
  profiler.sample(stack, 7);
  stack.enter(quoted);
  profiler.sample(stack, 10);
  stack.enter(script);
  profiler.sample(stack, 30);
  stack.unwind(1);
  stack.enter(lines);
  profiler.sample(stack, 2);
  stack.enter(long);
  profiler.sample(stack, 1);
  profiler.lose(3);
  return profiler;
}

function bytes(write: (profile: Profile, sink: ByteSink) => void): Uint8Array {
  const sink = new ByteCollector();
  write(profile(), sink);
  return sink.bytes();
}

const text = (write: (profile: Profile, sink: ByteSink) => void): string =>
  new TextDecoder().decode(bytes(write));

describe('profile formats', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hotpath-profile-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('collapsed stacks have one line per stack, and names cannot break it', () => {
    expect(text(writeCollapsed).split('\n')).toEqual([
      'main 7',
      'main;read "a" 10',
      'main;read "a";</script><b> 30',
      'main;a:b c d 2',
      `main;a:b c d;${LONG} 1`,
      '[lost] 3',
      '',
    ]);
  });

  test('a .cpuprofile has as many hits as samples and its deltas cover its time', () => {
    const file = JSON.parse(text(writeCpuProfile));
    const hits = file.nodes.map((node: { hitCount: number }) => node.hitCount);
    expect(hits.reduce((sum: number, count: number) => sum + count)).toBe(53);
    expect(file.samples).toHaveLength(file.timeDeltas.length);
    const total = file.timeDeltas.reduce((sum: number, delta: number) => sum + delta);
    expect([file.startTime, file.endTime, total]).toEqual([0, 53_000, 53_000]);
    const ids = new Set(file.nodes.map((node: { id: number }) => node.id));
    for (const id of file.samples) expect(ids.has(id)).toBe(true);
    expect(text(writeCpuProfile)).not.toMatch(/<|\u2028/);
  });

  test('DevTools reads the .cpuprofile: its model finds every function with its own and its whole time', () => {
    const file = JSON.parse(text(writeCpuProfile));
    const model = new CPUProfile.CPUProfileDataModel.CPUProfileDataModel(file);
    const rows = new Map<string, [number, number]>();
    const visit = (node: CPUProfile.CPUProfileDataModel.CPUProfileNode): void => {
      rows.set(node.functionName, [Math.round(node.self), Math.round(node.total)]);
      for (const child of node.children) visit(child as typeof node);
    };
    visit(model.profileHead as CPUProfile.CPUProfileDataModel.CPUProfileNode);
    expect([...rows.keys()]).toEqual(expect.arrayContaining(ODD));
    // In milliseconds, of which one is a sample.
    expect(rows.get('main')).toEqual([7, 50]);
    expect(rows.get('read "a"')).toEqual([10, 40]);
    expect(rows.get('</script><b>')).toEqual([30, 30]);
    expect(rows.get(LONG)).toEqual([1, 1]);
    expect(rows.get('[lost]')).toEqual([3, 3]);
  });

  test('every format goes out in chunks while it is written, however large the tree', () => {
    const profiler = new SamplingProfiler({ period: 1000 });
    const stack = new CallStack();
    for (let number = 0; number < 20_000; number += 1) {
      stack.enter(profiler.register(`function number ${number}`));
      profiler.sample(stack, number + 1);
      if (number % 3 === 2) stack.unwind(Math.max(0, stack.depth - 3));
    }
    for (const write of [writeCollapsed, writeCpuProfile, writePprof]) {
      const sizes: number[] = [];
      write(profiler, { write: (chunk) => sizes.push(chunk.length) });
      const total = sizes.reduce((sum, size) => sum + size);
      expect(total).toBeGreaterThan(10 * 65_536);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(65_536 + 1024);
      expect(sizes.length).toBeLessThan(total / 60_000 + 2);
    }
  });

  testWithTools('go tool pprof shows every function with its exact weight', ['go'], (go) => {
    const path = join(folder, 'profile.pb');
    writeFileSync(path, bytes(writePprof));
    const env = { ...process.env, PPROF_TMPDIR: folder, HOME: folder };
    const run = (...options: string[]): string =>
      execFileSync(go, ['tool', 'pprof', ...options, path], {
        encoding: 'utf8',
        env,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const top = run('-top', '-sample_index=samples');
    expect(top).toContain('Showing nodes accounting for 53');
    expect(top).toContain('3 samples lost\n');
    const rows = top
      .split('\n')
      .map((line) => /^ *(\d+) +[\d.]+% +[\d.]+% +(\d+) +[\d.]+% {2}(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map(([, flat, cumulative, name]) => `${flat} ${cumulative} ${name}`);
    expect(rows).toContain('30 30 </script><b>');
    expect(rows).toContain('10 40 read "a"');
    expect(rows).toContain('7 50 main');
    expect(rows).toContain('3 3 [lost]');
    expect(rows.some((row) => row === `1 1 ${LONG}`)).toBe(true);
    const raw = run('-raw');
    expect(raw).toContain('Period: 1000000');
    expect(raw).toContain('30   30000000: ');
    expect(raw).toContain('main k.ts:1 s=1');
  });

  testWithTools(
    'speedscope in Chromium shows the same table from all three formats',
    ['chromium'],
    async (chromium) => {
      const own = createRequire(import.meta.url).resolve('speedscope/package.json');
      const page = join(dirname(own), 'dist', 'release', 'index.html');
      const show = async (name: string, contents: Uint8Array): Promise<string> => {
        const script = join(folder, `${name}.js`);
        const data = Buffer.from(contents).toString('base64');
        writeFileSync(script, `speedscope.loadFileFromBase64("${name}", "${data}")`);
        const { stdout } = await promisify(execFile)(
          chromium,
          [
            ...['--headless', '--no-sandbox', '--disable-gpu', '--allow-file-access-from-files'],
            ...[`--user-data-dir=${join(folder, `ud-${name}`)}`, '--virtual-time-budget=3000'],
            ...['--dump-dom', `file://${page}#localProfilePath=${script}&view=sandwich`],
          ],
          { encoding: 'utf8', maxBuffer: 1 << 26, timeout: 50_000 },
        );
        return stdout.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
      };
      const shown = await Promise.all([
        show('c.txt', bytes(writeCollapsed)),
        show('c.cpuprofile', bytes(writeCpuProfile)),
        show('c.pb', bytes(writePprof)),
      ]);
      for (const table of shown) {
        // Total, self and name, in samples or in time by format.
        expect(table).toMatch(/30(\.00ms)? \(57%\) 30(\.00ms)? \(57%\) &lt;\/script&gt;&lt;b&gt;/);
        expect(table).toMatch(/40(\.00ms)? \(75%\) 10(\.00ms)? \(19%\) read "a"/);
        expect(table).toMatch(/50(\.00ms)? \(94%\) 7(\.00ms)? \(13%\) main/);
        expect(table).toMatch(/3(\.00ms)? \(5\.7%\) 3(\.00ms)? \(5\.7%\) \[lost\]/);
        // Its lines are broken in collapsed stacks only; the tool itself turns them into spaces.
        expect(table).toMatch(/3(\.00ms)? \(5\.7%\) 2(\.00ms)? \(3\.8%\) a[;:]b c.d/);
        expect(table).toContain(` ${LONG} `);
      }
    },
    60_000,
  );
});
