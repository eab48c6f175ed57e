import { HUGE_PAGE_BYTES, LARGE_PAGE_BYTES, MIB, NIL, OK, PAGE_BYTES } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { boot, STATUS_SEGV } from '../../src/index.js';

describe('user memory', () => {
  it('is mapped on first touch, zeroed, one frame a page', () => {
    const kernel = boot({ strict: true });
    const words: number[] = [];
    kernel.spawn('toucher', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 100 * PAGE_BYTES);
      const before = kernel.parts.faults.anonymousCount;
      for (let page = 0; page < 3; page++) {
        words.push(yield* sys.load32(heap + page * PAGE_BYTES));
        yield* sys.store32(heap + page * PAGE_BYTES + 8, page + 1);
        words.push(yield* sys.load32(heap + page * PAGE_BYTES + 8));
      }
      words.push(kernel.parts.faults.anonymousCount - before);
    });
    kernel.run();
    expect(words).toEqual([0, 1, 0, 2, 0, 3, 3]);
  });

  it('is separate for each task', () => {
    const kernel = boot();
    const words: number[] = [];
    for (const value of [11, 22]) {
      kernel.spawn(`owner of ${value}`, function* (sys) {
        const heap = yield* sys.brk(0);
        yield* sys.brk(heap + PAGE_BYTES);
        yield* sys.store32(heap, value);
        yield* sys.yield();
        yield* sys.yield();
        words.push(yield* sys.load32(heap));
      });
    }
    kernel.run();
    expect(words.sort()).toEqual([11, 22]);
  });

  it.each([
    ['below the heap', 4096],
    ['above brk', 2 ** 44 + 2 ** 40],
    ['not canonical', 2 ** 50],
    ['a kernel address', -(2 ** 46)],
  ])('an access %s kills the task with SIGSEGV', (_where, address) => {
    const kernel = boot();
    const load = kernel.spawn('load', function* (sys) {
      yield* sys.load32(address);
    });
    const store = kernel.spawn('store', function* (sys) {
      yield* sys.store32(address, 1);
    });
    kernel.run();
    expect([load.status, store.status]).toEqual([STATUS_SEGV, STATUS_SEGV]);
    kernel.checkInvariants();
  });

  it('can be reached without yield*: NIL asks for a plain yield, then the access works', () => {
    const kernel = boot();
    const answers: number[] = [];
    kernel.spawn('direct', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + PAGE_BYTES);
      answers.push(sys.tryStore32(heap, 5));
      yield;
      answers.push(sys.tryStore32(heap, 6), sys.tryLoad32(heap));
    });
    kernel.run();
    expect(answers).toEqual([NIL, OK, 6]);
  });

  it('grows and keeps its contents through brk', () => {
    const kernel = boot();
    const seen: number[] = [];
    kernel.spawn('grower', function* (sys) {
      const start = yield* sys.brk(0);
      expect(yield* sys.brk(start + 100)).toBe(start + 100);
      yield* sys.store32(start + 96, 77);
      expect(yield* sys.brk(start + 3 * PAGE_BYTES)).toBe(start + 3 * PAGE_BYTES);
      yield* sys.store32(start + 2 * PAGE_BYTES, 88);
      seen.push(yield* sys.load32(start + 96), yield* sys.load32(start + 2 * PAGE_BYTES));
      seen.push((yield* sys.brk(-5)) - start, (yield* sys.brk(2 ** 60)) - start);
    });
    const report = kernel.run();
    expect(report).toBe(1);
    expect(seen).toEqual([77, 88, 3 * PAGE_BYTES, 3 * PAGE_BYTES]);
  });
});

describe('vmalloc', () => {
  it.each([
    ['4 KiB', PAGE_BYTES, 300],
    ['2 MiB', LARGE_PAGE_BYTES, 3],
  ])(
    'maps %s pages that hold what is stored, and gives all back',
    (_name, pageBytes, pageCount) => {
      const kernel = boot({ strict: true });
      const { current, pages, vmalloc } = kernel.parts;
      const { mmu } = current.cpu;
      const bytes = pageBytes * pageCount - 100;
      const allocate = () =>
        pageBytes === PAGE_BYTES ? vmalloc.vmalloc(bytes) : vmalloc.vmallocHuge(bytes);
      vmalloc.vfree(allocate());
      const before = pages.usedPages;
      const start = allocate();
      for (let at = 0; at < bytes; at += 1000)
        expect(mmu.store32(start + at - (at % 4), at)).toBe(OK);
      for (let at = 0; at < bytes; at += 1000) expect(mmu.load32(start + at - (at % 4))).toBe(at);
      expect(vmalloc.mappedBytes).toBe(pageBytes * pageCount);
      vmalloc.vfree(start);
      // The tables of the window stay; every frame of the range is back.
      expect(pages.usedPages).toBe(before);
      expect(mmu.load32(start)).toBe(NIL);
      kernel.checkInvariants();
    },
  );

  it('takes large pages by itself where the length is worth it and memory has them', () => {
    const kernel = boot({ memoryBytes: 64 * MIB });
    const { kernelRoot, tables, vmalloc } = kernel.parts;
    const pageOf = (bytes: number) => {
      const start = vmalloc.vmallocAuto(bytes);
      expect(tables.find(kernelRoot, start)).not.toBe(NIL);
      const { pageBytes } = tables;
      vmalloc.vfree(start);
      return pageBytes;
    };
    expect(pageOf(PAGE_BYTES)).toBe(PAGE_BYTES);
    expect(pageOf(LARGE_PAGE_BYTES - 1)).toBe(PAGE_BYTES);
    expect(pageOf(LARGE_PAGE_BYTES)).toBe(LARGE_PAGE_BYTES);
    // The second page would be all but empty.
    expect(pageOf(LARGE_PAGE_BYTES + 1)).toBe(PAGE_BYTES);
    expect(pageOf(8 * MIB + 1)).toBe(PAGE_BYTES);
    expect(pageOf(8 * MIB - 1)).toBe(LARGE_PAGE_BYTES);
  });

  it('leaves a guard page behind every range', () => {
    const kernel = boot();
    const { current, vmalloc } = kernel.parts;
    const first = vmalloc.vmalloc(PAGE_BYTES);
    const second = vmalloc.vmalloc(PAGE_BYTES);
    expect(second - first).toBe(2 * PAGE_BYTES);
    expect(current.cpu.mmu.load32(first + PAGE_BYTES)).toBe(NIL);
  });

  it('refuses a wrong size, a wrong page size and a wrong address, by name', () => {
    const { vmalloc } = boot().parts;
    expect(() => vmalloc.vmalloc(0)).toThrow(/size is 0/);
    expect(() => vmalloc.vmalloc(Number.NaN)).toThrow(/size is NaN/);
    expect(() => vmalloc.vmallocHuge(1, 8192)).toThrow(/page size is 8192/);
    const start = vmalloc.vmalloc(3 * PAGE_BYTES);
    expect(() => vmalloc.vfree(start + PAGE_BYTES)).toThrow(/allowed: a result of vmalloc/);
    vmalloc.vfree(start);
    expect(() => vmalloc.vfree(start)).toThrow(expect.objectContaining({ code: 'ERR_VFREE' }));
  });

  it('answers NIL when memory is out, and leaves nothing half mapped', () => {
    const kernel = boot({ memoryBytes: 64 * MIB });
    const { pages, vmalloc } = kernel.parts;
    const used = pages.usedPages;
    expect(vmalloc.vmalloc(128 * MIB)).toBe(NIL);
    expect(vmalloc.vmallocHuge(128 * MIB)).toBe(NIL);
    expect(vmalloc.vmallocHuge(HUGE_PAGE_BYTES, HUGE_PAGE_BYTES)).toBe(NIL);
    expect(vmalloc.mappedBytes).toBe(0);
    // What stays is page tables of the window.
    expect(pages.usedPages - used).toBeLessThan(50);
    kernel.checkInvariants();
  });

  it('tells every CPU when a mapping goes: strict mode finds no stale entry', () => {
    const kernel = boot({ cpus: 4, strict: true });
    const { current, vmalloc } = kernel.parts;
    let range = NIL;
    let freed = 0;
    for (let i = 0; i < 4; i++) {
      kernel.spawn(
        `toucher-${i}`,
        function* (sys) {
          for (let round = 0; round < 60; round++) {
            if (i === 0 && round % 3 === 0) {
              if (range !== NIL) vmalloc.vfree(range);
              if (range !== NIL) freed += 1;
              range = vmalloc.vmalloc(4 * PAGE_BYTES);
            }
            if (range !== NIL) expect(current.cpu.mmu.store32(range + i * 8, i)).toBe(OK);
            yield* sys.compute(20_000);
          }
        },
        { kernelThread: true, affinity: 1 << i },
      );
    }
    kernel.run();
    expect(freed).toBeGreaterThan(5);
    expect(kernel.parts.shootdown.remoteCount).toBeGreaterThan(5);
  });
});
