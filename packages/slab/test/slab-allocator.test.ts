import { MIB, NIL } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import {
  PageAllocator,
  SlabAllocator,
  SlabHandles,
  slabInfo,
  slabInfoText,
  slabTopText,
} from '../src/index.js';
import { codeOf } from './plain-memory.js';

function allocator(byteCount = 1 * MIB): SlabAllocator {
  const pages = new PageAllocator({ ranges: [{ start: 4096, byteCount }] });
  return new SlabAllocator({ pages });
}

describe('slab allocator', () => {
  test('bulk allocation gives all or nothing', () => {
    const slabs = allocator(4 * 4096);
    const cache = slabs.createCache({ name: 'page', objectBytes: 4096 });
    const target = new Float64Array(5);
    expect(cache.allocateBulk(target, 5)).toBe(false);
    expect(cache.liveObjects).toBe(0);
    expect(cache.allocateBulk(target, 4)).toBe(true);
    expect(new Set(target.subarray(0, 4)).size).toBe(4);
    cache.freeBulk(target, 4);
    expect(cache.liveObjects).toBe(0);
    expect(codeOf(() => cache.allocateBulk(target, 6))).toBe('ERR_COUNT');
  });

  test('after prefill so many allocations succeed, whatever others take and shrink', () => {
    const slabs = allocator(64 * 4096);
    const cache = slabs.createCache({ name: 'kept', objectBytes: 500 });
    const greedy = slabs.createCache({ name: 'greedy', objectBytes: 4096 });
    expect(cache.prefill(100)).toBe(true);
    slabs.shrink();
    while (greedy.allocate() !== NIL);
    for (let i = 0; i < 100; i += 1) expect(cache.allocate()).not.toBe(NIL);
    cache.prefill(0);
    expect(cache.prefill(10_000)).toBe(false);
  });

  test('a handle ends with its object, also when another lies there or the slab was remade', () => {
    const slabs = allocator();
    const handles = new SlabHandles(slabs.createCache({ name: 'entity', objectBytes: 48 }));
    const first = handles.allocate();
    const address = handles.resolve(first);
    expect(handles.exists(first)).toBe(true);
    handles.free(first);
    expect(handles.exists(first)).toBe(false);
    const second = handles.allocate();
    expect(handles.resolve(second)).toBe(address);
    expect(second).not.toBe(first);
    expect(handles.exists(first)).toBe(false);
    expect(codeOf(() => handles.free(first))).toBe('ERR_STALE_HANDLE');
    handles.free(second);
    handles.cache.shrink();
    expect(slabs.pages.usedPages).toBe(0);
    const third = handles.allocate();
    expect(handles.exists(first) || handles.exists(second)).toBe(false);
    expect(handles.exists(third)).toBe(true);
    for (const wrong of [0, -1, Number.NaN, 1e300, 0.5]) expect(handles.exists(wrong)).toBe(false);
  });

  test('slabinfo and slabtop tell what there is', () => {
    const slabs = allocator();
    const a = slabs.createCache({ name: 'dentry', objectBytes: 192 });
    slabs.createCache({ name: 'unused', objectBytes: 64 });
    for (let i = 0; i < 30; i += 1) a.allocate();
    expect(slabInfo(slabs)[0]).toEqual({
      name: 'dentry',
      activeObjs: 30,
      numObjs: 42,
      objSize: 192,
      objPerSlab: 21,
      pagesPerSlab: 1,
      limit: 42,
      activeSlabs: 2,
      numSlabs: 2,
      sharedAvail: 12,
    });
    const lines = slabInfoText(slabs).split('\n');
    expect(lines[0]).toBe('slabinfo - version: 2.1');
    expect(lines[2].replace(/ +/g, ' ')).toBe(
      'dentry 30 42 192 21 1 : tunables 42 21 0 : slabdata 2 2 12',
    );
    const top = slabTopText(slabs);
    expect(top).toContain('Active / Total Objects (% used)    : 30 / 42 (71.4%)');
    expect(top.trimEnd().split('\n').at(-1)?.replace(/ +/g, ' ')).toBe(
      ' 42 30 71% 0.19K 2 21 8K dentry',
    );
  });

  test('a destroyed cache leaves its id to the next, and their objects are not mistaken', () => {
    const slabs = allocator();
    const first = slabs.createCache({ name: 'first', objectBytes: 64 });
    const old = first.allocate();
    first.free(old);
    expect(slabs.destroyCache(first).objectCount).toBe(0);
    const second = slabs.createCache({ name: 'second', objectBytes: 64 });
    expect(second.id).toBe(first.id);
    const p = second.allocate();
    expect(codeOf(() => first.free(p))).toBe('ERR_FOREIGN_POINTER');
    expect([first.isLive(p), second.isLive(p)]).toEqual([false, true]);
    expect(second.liveObjects).toBe(1);
  });

  test('in memory that begins above 0 and grows, what is freed is what was named', () => {
    const pages = new PageAllocator({ ranges: [{ start: 4 * MIB, byteCount: 4 * MIB }] });
    const more = () => {
      if (pages.lowPages * 4096 >= 16 * MIB) return false;
      pages.extend(4 * MIB);
      return true;
    };
    const slabs = new SlabAllocator({ pages, more });
    expect(slabs.base).toBe(4 * MIB);
    const cache = slabs.createCache({ name: 'page', objectBytes: 4096 });
    const all: number[] = [];
    for (let p = cache.allocate(); p !== -1; p = cache.allocate()) all.push(p);
    expect(all.length).toBe((16 * MIB) / 4096);
    for (const address of all) {
      expect(cache.isLive(address)).toBe(true);
      cache.free(address);
      expect(cache.isLive(address)).toBe(false);
    }
    cache.checkInvariants();
  });

  test('options out of range are refused and make nothing', () => {
    const slabs = allocator();
    const make = (options: object) =>
      codeOf(() => slabs.createCache({ name: 'x', objectBytes: 64, ...options }));
    expect(make({ objectBytes: 0 })).toBe('ERR_OBJECT_BYTES');
    expect(make({ objectBytes: 32769 })).toBe('ERR_OBJECT_BYTES');
    expect(make({ objectBytes: 1.5 })).toBe('ERR_OBJECT_BYTES');
    expect(make({ align: 24 })).toBe('ERR_ALIGN');
    expect(make({ align: 8192 })).toBe('ERR_ALIGN');
    expect(make({ magazineObjects: 0 })).toBe('ERR_MAGAZINE');
    expect(make({ minEmpty: -1 })).toBe('ERR_MIN_EMPTY');
    expect(slabs.list()).toEqual([]);
  });
});
