import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createInodeImage, TABLE_BLOCKS } from '../../src/extents/extent-layout.js';
import { ExtentMap } from '../../src/extents/extent-map.js';

const ENOSPC = -28;
const EFBIG = -27;

describe('ExtentMap', () => {
  it('keeps a file that grows alone in one extent', () => {
    const map = new ExtentMap(4096);
    const inode = map.create('log');
    const first = map.allocate(inode, 0);
    for (let page = 1; page < 1000; page++) expect(map.allocate(inode, page)).toBe(first + page);
    map.checkInvariants();
  });

  it('keeps two files that grow in turn apart, each in one piece', () => {
    const map = new ExtentMap(4096);
    const a = map.create('a');
    const b = map.create('b');
    for (let page = 0; page < 200; page++) {
      map.allocate(a, page);
      map.allocate(b, page);
    }
    expect(map.blockOf(a, 199) - map.blockOf(a, 0)).toBe(199);
    expect(map.blockOf(b, 199) - map.blockOf(b, 0)).toBe(199);
  });

  it('reads a page that was never written as a hole', () => {
    const map = new ExtentMap(1024);
    const inode = map.create('sparse');
    map.allocate(inode, 7);
    expect(map.blockOf(inode, 6)).toBe(-1);
    expect(map.blockOf(inode, 7)).toBeGreaterThan(TABLE_BLOCKS);
  });

  it('answers ENOSPC on a full disk and EFBIG when a file has no extent left', () => {
    const full = new ExtentMap(TABLE_BLOCKS + 3);
    const inode = full.create('x');
    expect(full.allocate(inode, 0)).toBeGreaterThan(0);
    expect(full.allocate(inode, 1)).toBeGreaterThan(0);
    expect(full.allocate(inode, 2)).toBe(ENOSPC);
    const map = new ExtentMap(8192);
    const holes = map.create('holes');
    for (let i = 0; i < 5; i++) map.allocate(holes, i * 10);
    expect(map.allocate(holes, 99)).toBe(EFBIG);
    map.checkInvariants();
  });

  it('gives no block to another file before the table that frees it is durable', () => {
    const map = new ExtentMap(TABLE_BLOCKS + 2);
    const a = map.create('a');
    const block = map.allocate(a, 0);
    map.truncate(a, 0);
    const b = map.create('b');
    expect(map.allocate(b, 0)).toBe(ENOSPC);
    map.release(a, map.givenUpMark(a));
    expect(map.allocate(b, 0)).toBe(block);
  });

  it('comes back from its images as it was', () => {
    const step = fc.record({
      file: fc.nat(5),
      page: fc.nat(40),
      cut: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const map = new ExtentMap(2048);
        for (const { file, page, cut } of steps) {
          const name = `file-${file}`;
          const inode = map.lookup(name) >= 0 ? map.lookup(name) : map.create(name);
          if (cut) map.truncate(inode, page);
          else map.allocate(inode, page);
          map.size[inode] = page * 100;
          map.checkInvariants();
        }
        const again = new ExtentMap(2048);
        const image = createInodeImage();
        for (let inode = 0; inode < 6; inode++) {
          map.encode(inode, image);
          again.decode(inode, image);
        }
        again.checkInvariants();
        expect(again.list()).toEqual(map.list());
        for (const name of map.list()) {
          const inode = map.lookup(name);
          expect(again.size[inode]).toBe(map.size[inode]);
          for (let page = 0; page < 50; page++) {
            expect(again.blockOf(inode, page)).toBe(map.blockOf(inode, page));
          }
        }
      }),
    );
  });

  it('refuses an image whose blocks another file has', () => {
    const map = new ExtentMap(1024);
    const image = createInodeImage();
    const a = map.create('a');
    map.allocate(a, 0);
    map.encode(a, image);
    const again = new ExtentMap(1024);
    again.decode(0, image);
    image.name[0] = 98;
    expect(() => again.decode(1, image)).toThrow(expect.objectContaining({ code: 'ERR_INODE' }));
  });
});
