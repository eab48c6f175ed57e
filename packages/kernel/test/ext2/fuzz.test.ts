import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Ext2Image, ImageCallError, ImageError } from '../../src/ext2/index.js';
import { check, makeImage, open, pattern } from './support/host-image.js';

const RUNS = process.env['HOTPATH_CAMPAIGN'] === '1' ? 10_000 : 150;

/** An image with everything in it: deep and sparse files, links, directories, a journal to replay. */
function richImage(type: 'ext2' | 'ext3'): Uint8Array {
  const bytes = makeImage(4096, 1024, type);
  const image = open(bytes);
  image.mkdir('/d');
  for (let i = 0; i < 60; i++) image.writeFile(`/d/file-${i}`, pattern(i * 40, i));
  image.writeFile('/large', pattern(400_000, 1));
  image.writeAt(image.find('/large'), 70_000_000, pattern(3000, 1));
  image.symlink('x'.repeat(90), '/slow');
  image.symlink('d/file-3', '/fast');
  image.link('/large', '/d/hard');
  image.mkdir('/d/e');
  image.sync();
  // Left as a power cut would: ext3 has a journal to replay.
  if (type === 'ext2') image.close();
  return bytes;
}

/** Reads every name, and what is not too long for a test. */
function readAll(image: Ext2Image, path: string, depth = 0): void {
  for (const { name } of image.list(path === '' ? '/' : path)) {
    const child = `${path}/${name}`;
    try {
      const { mode, size } = image.stat(child);
      if (mode >>> 12 === 4 && depth < 4) readAll(image, child, depth + 1);
      else if (mode >>> 12 === 10) image.readlink(child);
      else if (size < 500_000 || size > 2 ** 31) image.readFile(child);
      else image.fs.isReserved(image.find(child), 17_000);
    } catch (error) {
      if (!(error instanceof ImageCallError)) throw error;
    }
  }
}

/** Everything that reads and writes; errors with names are fine. */
function useAll(bytes: Uint8Array): void {
  const trying = (call: () => void): void => {
    try {
      call();
    } catch (error) {
      if (!(error instanceof ImageCallError) && !(error instanceof ImageError)) throw error;
      expect(error.message.length).toBeGreaterThan(5);
    }
  };
  trying(() => {
    const image = open(bytes);
    const calls: (() => void)[] = [
      () => readAll(image, ''),
      () => image.writeFile('/d/new', pattern(20_000, 9)),
      () => image.truncate('/large', 1000),
      () => image.rename('/d/file-9', '/d/e/moved'),
      () => image.unlink('/d/file-7'),
      () => image.mkdir('/d/more'),
      () => image.rmdir('/d/e'),
      () => image.unlink('/d/hard'),
      () => image.unlink('/large'),
      () => image.sync(),
    ];
    for (const call of calls) trying(call);
    image.fs.checkInvariants();
    trying(() => image.close());
  });
}

describe('damaged images', () => {
  for (const type of ['ext2', 'ext3'] as const) {
    const rich = richImage(type);
    // Where there is something to damage: most of an image is zeros.
    const places: number[] = [];
    for (let at = 1024; at < rich.length; at += 4) {
      if (rich[at] !== 0 || rich[at + 1] !== 0) places.push(at);
    }
    const metadata = places.filter((at) => at < 400 * 1024);

    test(`${type}: any damage gives a clear error or a mount, and never a hang, a panic or a write outside`, () => {
      const damage = fc.record({
        at: fc.oneof(fc.constantFrom(...metadata), fc.constantFrom(...places), fc.nat(1024 + 264)),
        bytes: fc.array(fc.oneof(fc.constantFrom(0, 1, 255), fc.nat(255)), {
          minLength: 1,
          maxLength: 8,
        }),
      });
      fc.assert(
        fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (list) => {
          const bytes = new Uint8Array(rich.length + 4096).fill(0xa5);
          bytes.set(rich);
          for (const { at, bytes: damaged } of list) bytes.set(damaged, Math.max(at, 1024));
          check(bytes.subarray(0, rich.length));
          useAll(bytes.subarray(0, rich.length));
          expect(bytes.subarray(rich.length).every((byte) => byte === 0xa5)).toBe(true);
          check(bytes.subarray(0, rich.length));
        }),
        { numRuns: RUNS / 2 },
      );
    }, 3_600_000);
  }
});
