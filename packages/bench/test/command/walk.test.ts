import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const CLI = join(import.meta.dirname, '../../src/cli.ts');
const PROMPT = '/ $ ';
const folder = mkdtempSync(join(tmpdir(), 'hotpath-walk-'));

function hotpath(args: readonly string[], input = ''): string {
  const node = [
    '--conditions=@hotpath/source',
    '--import',
    import.meta.resolve('tsx'),
    CLI,
    ...args,
  ];
  const options = { cwd: folder, input, encoding: 'utf8' } as const;
  const { status, stderr, stdout } = spawnSync(process.execPath, node, options);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
}

/** Figures become `#`: they change whenever the kernel does more or less. */
function shape(text: string): string[] {
  return text.split('\n').map((line) =>
    line
      .replace(/\d+(\.\d+)?/g, '#')
      .replace(/ +/g, ' ')
      .trim(),
  );
}

/** Row of a task in `perf sched latency`: run time, switches, average and longest wait. */
function rowsOf(output: string, name: string): number[][] {
  return output
    .split('\n')
    .filter((line) => line.startsWith(`${name}:`) && !line.includes(','))
    .map((line) => line.trim().split(/ +/).slice(1).map(Number));
}

it('the walk shows what it says, and what it says of the figures is true', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/walk.md'), 'utf8');
  const sessions = [...text.matchAll(/<!-- session: (.*) -->\n\n```text\n([^`]*)```/g)];
  expect(sessions.length).toBe(3);
  const outputs = sessions.map(([, command, shown]) => {
    const lines = shown!.split('\n');
    const isCommand = (line: string): boolean => line.startsWith(PROMPT);
    const typed = lines.filter(isCommand).map((line) => line.slice(PROMPT.length));
    const output = hotpath(command!.split(' '), `${typed.join('\n')}\n`);
    const expected = lines.filter((line) => !isCommand(line)).join('\n');
    expect(shape(output).sort()).toEqual(shape(expected).sort());
    return output;
  });
  const [interactiveMlfq, interactiveCfs] = outputs
    .slice(1)
    .map((output) => rowsOf(output, 'stress-interactive')[0]!);
  const [longestMlfq, longestCfs] = outputs
    .slice(1)
    .map((output) => Math.max(...rowsOf(output, 'stress-cpu').map((row) => row[3]!)));
  expect(interactiveCfs![3]).toBeLessThan(0.002);
  expect(interactiveMlfq![3]).toBeGreaterThan(10);
  expect(interactiveMlfq![2]).toBeLessThan(0.2);
  expect(longestMlfq).toBeGreaterThan(50);
  expect(longestCfs).toBeLessThan(10);
  expect(hotpath(['trace', 'check', 'run.perfetto-trace'])).toContain('valid');
  rmSync(folder, { recursive: true });
}, 120_000);
