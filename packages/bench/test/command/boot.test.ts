import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-boot-'));
afterAll(() => rmSync(folder, { recursive: true }));
const CLI = join(import.meta.dirname, '../../src/cli.ts');

function hotpath(args: readonly string[], input = ''): string {
  const node = ['--conditions=@hotpath/source', '--import', 'tsx', CLI, ...args];
  return execFileSync(process.execPath, node, { input, encoding: 'utf8' });
}

describe('hotpath boot', () => {
  testWithTools(
    'writes files to an image that e2fsck finds clean',
    ['e2fsck'],
    (e2fsck) => {
      const image = join(folder, 'disk.img');
      hotpath(['fs', 'mkfs', image, '--size', '16', '--block', '4096']);
      const script =
        'mkdir -p a/b; echo hello > a/b/f; dd if=/dev/zero of=z bs=64K count=9 2> /dev/null\n';
      expect(
        hotpath(['boot', image], `${script}rm z; sleep 9 > open & echo done; poweroff\necho no\n`),
      ).toBe('done\n');
      execFileSync(e2fsck, ['-fn', image]);
      expect(hotpath(['fs', 'cat', image, '/a/b/f'])).toBe('hello\n');
      // What it finds at the next boot; the end of the input switches off, too.
      expect(hotpath(['boot', image], 'cat /a/b/f; rm -r a; ls -d a')).toBe(
        'hello\nls: a: No such file or directory\n',
      );
      execFileSync(e2fsck, ['-fn', image]);
    },
    60_000,
  );

  it('makes a disk in memory by default, and a trace that is valid', () => {
    const trace = join(folder, 'run.json');
    const output = hotpath(
      ['boot', '--cpus', '2', '--trace', trace],
      'stress -c 3 -t 0.02; df / | wc -l\n',
    );
    expect(output).toBe('2\n');
    const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8')) as { traceEvents: unknown[] };
    expect(traceEvents.length).toBeGreaterThan(100);
    expect(hotpath(['trace', 'check', trace])).toContain('valid');
  }, 60_000);

  it('refuses what is no image and what is no ending of a trace', () => {
    for (const [args, text] of [
      [['boot', join(folder, 'absent')], 'does not exist'],
      [['boot', CLI], 'allowed'],
      [['boot', '--trace', 'x.txt'], 'allowed endings'],
      [['boot', '--cpus', '99'], 'allowed'],
    ] as const) {
      try {
        hotpath(args);
        expect.unreachable();
      } catch (error) {
        expect((error as { status: number }).status).toBe(2);
        expect((error as { stderr: string }).stderr).toContain(text);
      }
    }
  }, 60_000);
});
