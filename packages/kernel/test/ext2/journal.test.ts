import { createRecordingDevice, WriteLog } from '@hotpath/hw-x86/model';
import { expect, test } from 'vitest';
import { openImage } from '../../src/ext2/index.js';
import { diskOver, makeImage, memory, open } from './support/host-image.js';

test("a block that begins like the journal's own comes back as it was", () => {
  const target = `\xc0\x3b\x39\x98${'x'.repeat(100)}`;
  const bytes = makeImage(4096, 1024, 'ext3');
  const log = new WriteLog(1024);
  const cut = openImage({ device: createRecordingDevice(diskOver(bytes), log), memory });
  cut.run((wait) => cut.fs.symlink(wait, 2, 'magic', target, 0));
  cut.sync();
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
