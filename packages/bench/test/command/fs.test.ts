import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCommand } from './run-command.js';

describe('hotpath fs', () => {
  test('makes an image, puts a file in, lists, reads, takes out, checks and removes it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hotpath-fs-'));
    try {
      const [image, file, out] = ['image', 'file', 'out'].map((name) => join(folder, name));
      writeFileSync(file, 'hello\n');
      await runCommand('fs', 'mkfs', image, '--size', '8', '--type', 'ext3');
      await runCommand('fs', 'mkdir', image, '/etc');
      await runCommand('fs', 'put', image, file, '/etc/motd');
      const { printed } = await runCommand('fs', 'ls', image, '/etc');
      expect(printed.join('\n')).toMatch(/^- 0644 {3}1 {12}6 {2}motd$/);
      expect((await runCommand('fs', 'cat', image, '/etc/motd')).printed).toEqual(['hello']);
      await runCommand('fs', 'get', image, '/etc/motd', out);
      expect(readFileSync(out, 'utf8')).toBe('hello\n');
      const checked = await runCommand('fs', 'check', image);
      expect(checked.printed.at(-1)).toMatch(/ 0 problems$/);
      await runCommand('fs', 'rm', image, '/etc/motd');
      await runCommand('fs', 'rm', image, '/etc');
      const bytes = readFileSync(image);
      // The first block bitmap says that a used block is free.
      bytes[1024 + 12] ^= 1;
      writeFileSync(image, bytes);
      const damaged = await runCommand('fs', 'check', image);
      expect(damaged.status).toBe(1);
      expect(damaged.printed[0]).toContain('free-count: superblock: free blocks');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
