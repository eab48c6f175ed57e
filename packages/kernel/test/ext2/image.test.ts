import { describe, expect, test } from 'vitest';
import { testWithTools } from '../../../../scripts/testing/tools.js';
import { openImage } from '../../src/ext2/index.js';
import {
  changeWithTool,
  check,
  diskOver,
  fsck,
  makeImage,
  memory,
  mke2fs,
  open,
  pattern,
  runTool,
} from './support/host-image.js';
import { describeImage } from './support/tree.js';

function exercise(bytes: Uint8Array): string[] {
  const image = open(bytes);
  image.mkdir('/etc');
  for (let i = 0; i < 40; i++) image.writeFile(`/etc/file-${i}`, pattern(i * 137, i));
  image.writeFile('/large', pattern(3_000_000, 1));
  image.symlink('etc/file-3', '/short');
  image.symlink('/long'.repeat(30), '/slow');
  image.link('/large', '/etc/hard');
  for (let i = 0; i < 40; i += 2) image.unlink(`/etc/file-${i}`);
  image.mkdir('/etc/below');
  image.rename('/etc/below', '/moved');
  image.rename('/etc/file-1', '/etc/file-3');
  image.truncate('/large', 1_234_567);
  const tree = describeImage(image);
  expect(image.fs.problems).toEqual([]);
  image.close();
  return tree;
}

describe('images of mke2fs', () => {
  for (const type of ['ext2', 'ext3']) {
    for (const blockBytes of [1024, 2048, 4096]) {
      testWithTools(
        `${type} with blocks of ${blockBytes} bytes and all defaults: used, clean, read the same by debugfs`,
        ['mke2fs', 'e2fsck', 'debugfs'],
        (make, e2fsck, debugfs) => {
          const bytes = mke2fs(make, 12_288, '-t', type, '-b', String(blockBytes));
          exercise(bytes);
          expect(fsck(e2fsck, bytes)).toBe('');
          expect(check(bytes).problems).toEqual([]);
          const { output } = runTool(debugfs, ['-R', 'ls -p /etc'], bytes);
          const names = [...output.matchAll(/^\/\d+\/\d+\/\d+\/\d+\/([^/]+)\//gm)].map((m) => m[1]);
          const image = open(bytes, true);
          const listed = image.list('/etc').map(({ name }) => name);
          expect(names.filter((name) => !name.startsWith('.')).sort()).toEqual(listed.sort());
          image.close();
        },
      );
    }
  }

  testWithTools(
    'small inodes and revision 0 are written as they are',
    ['mke2fs', 'e2fsck'],
    (make, e2fsck) => {
      for (const args of [
        ['-I', '128'],
        ['-r', '0'],
      ]) {
        const bytes = mke2fs(make, 8192, '-t', 'ext2', ...args);
        exercise(bytes);
        expect(fsck(e2fsck, bytes)).toBe('');
      }
    },
  );

  testWithTools('ext4 is refused with the names of what it needs', ['mke2fs'], (make) => {
    const bytes = mke2fs(make, 8192, '-t', 'ext4');
    expect(() => open(bytes)).toThrow(/extent, 64bit.*flex_bg|extent.*flex_bg/);
  });

  testWithTools('an unknown read-only feature allows reading and no more', ['mke2fs'], (make) => {
    const bytes = mke2fs(make, 8192, '-t', 'ext2', '-O', 'huge_file');
    const before = bytes.slice();
    const image = open(bytes);
    expect(image.fs.readOnly).toBe(true);
    expect(() => image.mkdir('/no')).toThrow('/no: Read-only file system');
    image.close();
    expect(Buffer.compare(bytes, before)).toBe(0);
  });

  testWithTools(
    'a hash-tree directory is read, and stays valid when names come and go',
    ['mke2fs', 'e2fsck', 'debugfs'],
    (make, e2fsck, debugfs) => {
      let bytes = mke2fs(make, 8192, '-t', 'ext2', '-b', '1024');
      const image = open(bytes);
      image.mkdir('/d');
      for (let i = 0; i < 300; i++) image.writeFile(`/d/name-${i}`, pattern(3, i));
      image.close();
      bytes = changeWithTool(e2fsck, ['-fyD'], bytes).bytes;
      expect(runTool(debugfs, ['-R', 'stat /d'], bytes).output).toMatch(/Flags: 0x1000/);
      for (const change of ['none', 'remove', 'add']) {
        const again = open(bytes);
        expect(again.list('/d')).toHaveLength(change === 'add' ? 299 : 300);
        if (change === 'remove') again.unlink('/d/name-17');
        if (change === 'add') again.writeFile('/d/new', pattern(1, 1));
        again.close();
        expect(fsck(e2fsck, bytes)).toBe('');
        expect(check(bytes).problems).toEqual([]);
      }
    },
  );
});

describe('images of our own', () => {
  test('the same options make the same image', () => {
    const [one, two] = [makeImage(2048, 1024, 'ext2'), makeImage(2048, 1024, 'ext2')];
    expect(Buffer.compare(one, two)).toBe(0);
  });

  testWithTools('every size and type is clean from the start', ['e2fsck'], (e2fsck) => {
    for (const kib of [2048, 9000, 20_000]) {
      for (const blockBytes of [1024, 4096]) {
        for (const type of ['ext2', 'ext3'] as const) {
          if (type === 'ext3' && kib < blockBytes * 2) continue;
          const bytes = makeImage(kib, blockBytes, type);
          expect(fsck(e2fsck, bytes), `${kib} KiB, ${blockBytes}, ${type}`).toBe('');
          expect(check(bytes).problems).toEqual([]);
        }
      }
    }
  });

  test('a file reaches through triple-indirect blocks, with holes', () => {
    const bytes = makeImage(4096, 1024, 'ext2');
    const image = open(bytes);
    image.writeFile('/sparse', pattern(10, 1));
    const inode = image.find('/sparse');
    const offsets = [12 * 1024, 268 * 1024, (268 + 65_536) * 1024, 2 ** 31 + 5, 8 * 2 ** 30];
    for (const offset of offsets) image.writeAt(inode, offset, pattern(9, offset & 255));
    expect(image.stat('/sparse').size).toBe(8 * 2 ** 30 + 9);
    expect(image.stat('/sparse').blocks).toBeLessThan(200);
    image.close();
    expect(check(bytes).problems).toEqual([]);
    const again = open(bytes);
    again.truncate('/sparse', 300 * 1024);
    expect(again.readFile('/sparse').subarray(268 * 1024, 268 * 1024 + 9)).toEqual(
      pattern(9, (268 * 1024) & 255),
    );
    again.unlink('/sparse');
    again.close();
    expect(check(bytes).problems).toEqual([]);
  });

  test('files written side by side stay in few pieces', () => {
    const bytes = makeImage(16_384, 1024, 'ext2');
    const image = open(bytes);
    for (const name of ['a', 'b']) image.writeFile(`/${name}`, new Uint8Array(0));
    const inodes = [image.find('/a'), image.find('/b')];
    for (let i = 0; i < 128; i++) {
      for (const inode of inodes) image.writeAt(inode, i * 4096, pattern(4096, i));
    }
    image.close();
    expect(piecesOf(bytes)).toBeLessThan(60);
  });

  test('an inode that is open lives on without a name, and a crash removes it', () => {
    const bytes = makeImage(4096, 1024, 'ext3');
    const image = open(bytes);
    image.writeFile('/file', pattern(50_000, 3));
    const { freeBlocks } = image.status();
    const inode = image.find('/file');
    image.run((wait) => image.fs.load(wait, inode));
    image.unlink('/file');
    expect(image.status().freeBlocks).toBe(freeBlocks);
    image.sync();
    // The power goes: nothing is unmounted.
    const again = open(bytes);
    expect(again.status().freeBlocks).toBeGreaterThan(freeBlocks + 45);
    again.close();
    expect(check(bytes).problems).toEqual([]);
  });

  test('what a path must not do is refused with its errno', () => {
    const bytes = makeImage(4096, 1024, 'ext2');
    const image = open(bytes);
    image.mkdir('/d');
    image.writeFile('/d/f', pattern(5, 1));
    const refused: [() => void, number][] = [
      [() => image.rmdir('/d'), 39],
      [() => image.unlink('/d'), 21],
      [() => image.rmdir('/d/f'), 20],
      [() => image.mkdir('/d'), 17],
      [() => image.mkdir('/no/where'), 2],
      [() => image.rename('/d', '/d/below'), 22],
      [() => image.rename('/d/f', '/d'), 21],
      [() => image.link('/d', '/e'), 1],
      [() => image.writeFile(`/${'x'.repeat(256)}`, pattern(1, 1)), 36],
      [() => image.readlink('/d'), 22],
    ];
    for (const [call, errno] of refused) {
      expect(call).toThrow(expect.objectContaining({ errno: -errno }));
    }
    image.close();
    expect(check(bytes).problems).toEqual([]);
  });

  test('a cache that is too small, and a device that is no file system, are named', () => {
    expect(() => open(new Uint8Array(1 << 20))).toThrow('magic number is 0x0');
    const bytes = makeImage(4096, 1024, 'ext2');
    const device = diskOver(bytes.subarray(0, 1 << 20));
    expect(() => openImage({ device, memory })).toThrow('do not fit the device');
  });
});

/** Runs of neighbouring blocks that the files /a and /b consist of. */
function piecesOf(bytes: Uint8Array): number {
  const image = open(bytes, true);
  let pieces = 0;
  for (const path of ['/a', '/b']) {
    const marks: number[] = [];
    for (let at = 0; at < 128; at++) marks.push(findBlock(bytes, pattern(1024, at), at));
    const { size } = image.stat(path);
    expect(size).toBe(128 * 4096);
    for (let i = 1; i < marks.length; i++) if (marks[i] - marks[i - 1] !== 4) pieces += 1;
  }
  image.close();
  return pieces;
}

/** First block of the image with these contents. */
function findBlock(bytes: Uint8Array, contents: Uint8Array, _salt: number): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(contents) / 1024;
}
