import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';

const folder = mkdtempSync(join(tmpdir(), 'hotpath-mkimage-'));
afterAll(() => rmSync(folder, { recursive: true }));
const CLI = join(import.meta.dirname, '../../src/cli.ts');

function hotpath(args: readonly string[], input = ''): { status: number | null; text: string } {
  const node = ['--conditions=@hotpath/source', '--import', 'tsx', CLI, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, node, { input, encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

describe('hotpath mkimage', () => {
  testWithTools(
    'makes an image of a folder that e2fsck finds clean and that boots',
    ['e2fsck'],
    (e2fsck) => {
      const source = join(folder, 'source');
      const image = join(folder, 'disk.img');
      mkdirSync(join(source, 'a', 'b'), { recursive: true });
      writeFileSync(join(source, 'a', 'b', 'text'), 'hello\n');
      writeFileSync(join(source, 'large'), Buffer.alloc(300_000, 'x'));
      symlinkSync('a/b/text', join(source, 'link'));
      expect(hotpath(['mkimage', source, image, '--size', '16'])).toEqual({
        status: 0,
        text: `${image}: 5 files, folders and links\n`,
      });
      execFileSync(e2fsck, ['-fn', image]);
      expect(hotpath(['boot', image], 'cat link; wc -c large\n')).toEqual({
        status: 0,
        text: 'hello\n300000 large\n',
      });
      execFileSync(e2fsck, ['-fn', image]);
    },
    60_000,
  );

  it('refuses what is no folder, an image that exists, and a folder that does not fit', () => {
    expect(hotpath(['mkimage', CLI, join(folder, 'x.img')])).toEqual({
      status: 2,
      text: `hotpath: '${CLI}' is not a folder\n`,
    });
    const { status, text } = hotpath(['mkimage', folder, CLI]);
    expect(status).toBe(2);
    expect(text).toContain('exists; allowed: a new file');
    const source = join(folder, 'too-large');
    mkdirSync(source);
    writeFileSync(join(source, 'file'), Buffer.alloc(9 * 2 ** 20));
    const image = join(folder, 'small.img');
    const full = hotpath(['mkimage', source, image, '--size', '8']);
    expect(full.status).not.toBe(0);
    expect(full.text).toBe('hotpath: /file: No space left on device\n');
    expect(hotpath(['fs', 'ls', image]).status).not.toBe(0);
  }, 60_000);
});
