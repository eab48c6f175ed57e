import { describe, expect, test } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import { type Ext2Image, ImageCallError, ImageError, openImage } from '../../src/ext2/index.js';
import {
  changeWithTool,
  check,
  diskOver,
  FailingDevice,
  fsck,
  makeImage,
  memory,
  NOW,
  open,
  pattern,
} from './support/host-image.js';

/** One after the other, each alone; what was refused. */
function attempt(image: Ext2Image): number[] {
  const errnos: number[] = [];
  const calls: (() => void)[] = [
    () => image.mkdir('/dir'),
    () => image.writeFile('/dir/one', pattern(30_000, 1)),
    () => image.symlink('x'.repeat(100), '/dir/slow'),
    () => image.link('/dir/one', '/two'),
    () => image.rename('/two', '/three'),
    () => image.mkdir('/dir/sub'),
    () => image.rename('/dir/sub', '/sub'),
    () => image.truncate('/three', 5000),
    () => image.sync(),
    () => image.unlink('/three'),
    () => image.unlink('/dir/slow'),
    () => image.rmdir('/sub'),
    () => image.writeFile('/dir/two', pattern(300_000, 2)),
  ];
  for (const call of calls) {
    try {
      call();
    } catch (error) {
      if (!(error instanceof ImageCallError)) throw error;
      errnos.push(error.errno);
    }
  }
  return errnos;
}

describe('a full disk', () => {
  for (const type of ['ext2', 'ext3'] as const) {
    testWithTools(
      `${type}: with any number of blocks left every call works or says ENOSPC, and all stays clean`,
      ['e2fsck'],
      (e2fsck) => {
        let refused = 0;
        for (let left = 0; left < 24; left += type === 'ext2' ? 1 : 3) {
          const bytes = makeImage(type === 'ext2' ? 1024 : 4096, 1024, type);
          const image = open(bytes);
          fill(image, left);
          const errnos = attempt(image);
          expect(errnos.every((errno) => errno === -28 || errno === -2)).toBe(true);
          refused += errnos.length;
          expect(image.fs.problems).toEqual([]);
          image.close();
          expect(check(bytes).problems, `${left} blocks left`).toEqual([]);
          if (left % 6 === 0) expect(fsck(e2fsck, bytes)).toBe('');
        }
        expect(refused).toBeGreaterThan(10);
      },
    );
  }

  test('without inodes left nothing can be made, and what is removed can be made again', () => {
    const bytes = makeImage(1024, 1024, 'ext2', 32);
    const image = open(bytes);
    let made = 0;
    const fillUp = (): void => {
      for (; ; made++) image.writeFile(`/f${made}`, new Uint8Array(0));
    };
    expect(fillUp).toThrow('No space left on device');
    expect(made).toBe(image.status().inodes - 11);
    expect(() => image.mkdir('/d')).toThrow('No space left on device');
    image.unlink('/f3');
    image.mkdir('/d');
    image.close();
    expect(check(bytes).problems).toEqual([]);
  });
});

/** Fills the volume with a file until only so many blocks are free. */
function fill(image: Ext2Image, left: number): void {
  image.writeFile('/filler', new Uint8Array(0));
  const inode = image.find('/filler');
  for (let at = 0; ; at += 65_536) {
    try {
      image.writeAt(inode, at, pattern(65_536, at & 255));
    } catch {
      break;
    }
  }
  for (let size = image.stat('/filler').size; image.status().freeBlocks > left; ) {
    try {
      image.writeAt(inode, size, pattern(1024, 1));
    } catch {
      break;
    }
    size += 4096;
  }
  const { size } = image.stat('/filler');
  const missing = left - image.status().freeBlocks;
  if (missing > 0) image.truncate('/filler', Math.max(0, size - missing * 1024));
  image.sync();
}

describe('failing requests', () => {
  for (const type of ['ext2', 'ext3'] as const) {
    testWithTools(
      `${type}: whichever request fails, calls end, no pin stays, and a check repairs or finds all well`,
      ['e2fsck'],
      (e2fsck) => {
        const start = makeImage(4096, 1024, type);
        const total = runFailing(start.slice(), 0).requests;
        expect(total).toBeGreaterThan(30);
        for (let nth = 1; nth <= total; nth += nth > 40 ? 7 : 2) {
          const bytes = start.slice();
          const { image } = runFailing(bytes, nth);
          if (image !== null) {
            image.fs.checkInvariants();
            expect(pinsOf(image), `request ${nth}`).toBe(0);
          }
          if (nth % 5 !== 0) continue;
          const repaired = changeWithTool(e2fsck, ['-fy'], bytes);
          expect(repaired.status, repaired.output).toBeLessThan(4);
          expect(fsck(e2fsck, repaired.bytes)).toBe('');
        }
      },
    );
  }
});

/** The workload with request `nth` failing; 0: none. */
function runFailing(bytes: Uint8Array, nth: number): { image: Ext2Image | null; requests: number } {
  const device = new FailingDevice(diskOver(bytes));
  device.fails = (number) => number === nth;
  let image: Ext2Image | null = null;
  try {
    image = openImage({ device, memory, now: () => NOW });
    attempt(image);
    image.close();
  } catch (error) {
    if (!(error instanceof ImageCallError) && !(error instanceof ImageError)) throw error;
  }
  return { image, requests: device.requests };
}

/** Pins that somebody still has on a slot of the image's cache. */
function pinsOf(image: Ext2Image): number {
  let pins = 0;
  for (let slot = 0; slot < image.cache.size; slot++) pins += image.cache.holdCount(slot);
  return pins;
}
