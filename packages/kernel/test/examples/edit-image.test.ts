import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import { editImage } from '../../examples/edit-image.js';

testWithTools(
  'an image of mke2fs is changed in place, twice, and passes e2fsck',
  ['mke2fs', 'e2fsck', 'debugfs'],
  (mke2fs, e2fsck, debugfs) => {
    const folder = mkdtempSync(join(tmpdir(), 'edit-image-'));
    try {
      const path = join(folder, 'disk.img');
      execFileSync(mke2fs, ['-q', '-t', 'ext3', path, '16384'], { stdio: 'pipe' });
      editImage(path, 'one');
      expect(editImage(path, 'two')).toBe('one\ntwo\n');
      execFileSync(e2fsck, ['-fn', path], { stdio: 'pipe' });
      const args = ['-R', 'cat /etc/motd', path];
      expect(execFileSync(debugfs, args, { encoding: 'utf8', stdio: 'pipe' })).toBe('one\ntwo\n');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
