import { DTLB_LOAD_WALKS, LARGE_PAGE_BYTES, MIB, OK, PAGE_BYTES } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import {
  boot,
  type HugePages,
  MADV_DONTNEED,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MAP_ANONYMOUS,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from '../../src/index.js';

const RW = PROT_READ | PROT_WRITE;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;
const LARGE = LARGE_PAGE_BYTES;

describe('pages of 2 MiB', () => {
  it.each([
    ['never', MADV_HUGEPAGE, 0],
    ['madvise', null, 0],
    ['madvise', MADV_HUGEPAGE, 2],
    ['always', null, 2],
    ['always', MADV_NOHUGEPAGE, 0],
  ] as const)(
    'policy %s, advice %s: %i of two are used at the first touch',
    (hugePages, advice, expected) => {
      const kernel = boot({ hugePages, strict: true });
      let large = -1;
      let resident = -1;
      kernel.spawn('toucher', function* (sys) {
        const at = yield* sys.mmap(0, 2 * LARGE, RW, ANONYMOUS);
        expect(at % LARGE).toBe(0);
        if (advice !== null) expect(yield* sys.madvise(at, 2 * LARGE, advice)).toBe(OK);
        yield* sys.store32(at + 5 * PAGE_BYTES, 1);
        yield* sys.store32(at + LARGE + 7 * PAGE_BYTES, 2);
        expect(yield* sys.load32(at + 5 * PAGE_BYTES)).toBe(1);
        expect(yield* sys.load32(at + 6 * PAGE_BYTES)).toBe(0);
        const space = kernel.parts.tasks.space[sys.task];
        large = space?.largePages ?? -1;
        resident = space?.residentPages ?? -1;
      });
      kernel.run();
      expect(large).toBe(expected);
      expect(resident).toBe(expected > 0 ? 1024 : 3);
      expect(kernel.parts.userFrames.liveCount).toBe(0);
      kernel.checkInvariants();
    },
  );

  it('are split where a part is unmapped, dropped or protected, and the rest keeps its contents', () => {
    const kernel = boot({ hugePages: 'always', strict: true });
    const left: number[] = [];
    const report = kernel.spawn('splitter', function* (sys) {
      const at = yield* sys.mmap(0, 4 * LARGE, RW, ANONYMOUS);
      for (let i = 0; i < 4; i++) yield* sys.store32(at + i * LARGE + 9 * PAGE_BYTES, i + 1);
      const space = kernel.parts.tasks.space[sys.task]!;
      left.push(space.largePages);
      yield* sys.munmap(at + PAGE_BYTES, PAGE_BYTES);
      left.push(space.largePages);
      yield* sys.mprotect(at + LARGE + PAGE_BYTES, PAGE_BYTES, PROT_READ);
      left.push(space.largePages);
      yield* sys.madvise(at + 2 * LARGE + PAGE_BYTES, PAGE_BYTES, MADV_DONTNEED);
      left.push(space.largePages);
      yield* sys.mprotect(at + 3 * LARGE, LARGE, PROT_READ);
      left.push(space.largePages);
      for (let i = 0; i < 4; i++) {
        expect(yield* sys.load32(at + i * LARGE + 9 * PAGE_BYTES)).toBe(i + 1);
      }
      expect(kernel.parts.userFrames.liveCount).toBe(4 * 512 - 2);
    });
    kernel.run();
    expect(report.error).toBe(null);
    expect(left).toEqual([4, 3, 2, 1, 1]);
    expect(kernel.parts.userFrames.liveCount).toBe(0);
    kernel.checkInvariants();
  });

  it('fall back to small ones where memory has no such block', () => {
    const kernel = boot({ hugePages: 'always', memoryBytes: 64 * MIB });
    const { large, pages } = kernel.parts;
    const held: number[] = [];
    // Every other frame is taken: no two neighbours are free.
    for (let frame = pages.allocate(); frame >= 0; frame = pages.allocate()) held.push(frame);
    for (const frame of held) if ((frame / PAGE_BYTES) % 2 === 0) pages.free(frame);
    const report = kernel.spawn('toucher', function* (sys) {
      const at = yield* sys.mmap(0, LARGE, RW, ANONYMOUS);
      yield* sys.store32(at, 1);
    });
    kernel.run();
    expect(report.status).toBe(0);
    expect(large.fallbackCount).toBe(1);
    expect(kernel.parts.faults.largeCount).toBe(0);
  });

  it('are made of 512 small ones by the collapsing daemon, contents and all; another CPU runs on', () => {
    const kernel = boot({ cpus: 2, hugePages: 'madvise', strict: true });
    const { collapser } = kernel.parts;
    const report = kernel.spawn('owner', function* (sys) {
      const at = yield* sys.mmap(0, LARGE, RW, ANONYMOUS);
      for (let page = 0; page < 512; page++) yield* sys.store32(at + page * PAGE_BYTES, page);
      yield* sys.madvise(at, LARGE, MADV_HUGEPAGE);
      const space = kernel.parts.tasks.space[sys.task]!;
      for (let turn = 0; turn < 1000 && space.largePages === 0; turn++) {
        yield* sys.store32(at + (turn % 512) * PAGE_BYTES + 4, turn);
        yield* sys.sleep(100_000);
      }
      expect(space.largePages).toBe(1);
      for (let page = 0; page < 512; page++) {
        expect(yield* sys.load32(at + page * PAGE_BYTES)).toBe(page);
      }
      yield* sys.store32(at, 77);
      expect(yield* sys.load32(at)).toBe(77);
    });
    kernel.spawn('collapser', collapser.daemon(1e6, 8), { kernelThread: true });
    kernel.run({ cycles: 4e8 });
    expect(report.error).toBe(null);
    expect(report.status).toBe(0);
    expect(collapser.count).toBe(1);
    expect(kernel.parts.userFrames.liveCount).toBe(0);
    kernel.checkInvariants();
  });

  it('are made of small ones by the daemon that an option starts, and that ends with the last process', () => {
    const kernel = boot({ collapseNs: 1_000_000, strict: true });
    let before = -1;
    let after = -1;
    const report = kernel.spawn('toucher', function* (sys) {
      const at = yield* sys.mmap(0, LARGE, RW, ANONYMOUS);
      for (let page = 0; page < 512; page++) yield* sys.store32(at + page * PAGE_BYTES, page);
      yield* sys.madvise(at, LARGE, MADV_HUGEPAGE);
      const space = kernel.parts.tasks.space[sys.task];
      before = space?.largePages ?? -1;
      yield* sys.sleep(5_000_000);
      after = space?.largePages ?? -1;
      for (let page = 0; page < 512; page++) {
        expect(yield* sys.load32(at + page * PAGE_BYTES)).toBe(page);
      }
    });
    kernel.run();
    expect(report.error).toBe(null);
    expect([before, after]).toEqual([0, 1]);
    expect(kernel.parts.tasks.liveCount).toBe(0);
    expect(kernel.parts.tasks.ended.some(({ name }) => name === 'khugepaged')).toBe(true);
    // A second process has it again.
    kernel.spawn('second', function* (sys) {
      yield* sys.sleep(3_000_000);
    });
    kernel.run();
    expect(kernel.parts.tasks.ended.filter(({ name }) => name === 'khugepaged').length).toBe(2);
  });

  it('or small, that a mapping asks for at once and memory has not, end its populating', () => {
    const kernel = boot({ memoryBytes: 64 * MIB });
    const report = kernel.spawn('greedy', function* (sys) {
      // Found by the fuzzer: 2**35 pages were tried one after another.
      yield* sys.mmap(0, 2 ** 46, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE);
    });
    kernel.run();
    expect(report.error).toBe(null);
    expect(kernel.parts.faults.anonymousCount).toBeLessThan(64 * 256);
  });

  it('save walks where memory is large, and cost more where little of it is used', () => {
    const cost = (hugePages: HugePages, touched: number, rounds: number) => {
      const kernel = boot({ hugePages, mode: 'full', memoryBytes: 128 * MIB });
      const walks = kernel.parts.machine.cpus[0].cells;
      let cycles = 0;
      let walked = 0;
      kernel.spawn('walker', function* (sys) {
        const at = yield* sys.mmap(0, 16 * LARGE, RW, ANONYMOUS);
        const before = kernel.cycles;
        const walksBefore = walks[DTLB_LOAD_WALKS];
        for (let round = 0; round < rounds; round++) {
          for (let page = 0; page < touched; page++) {
            yield* sys.load32(at + ((page * 37) % (16 * 512)) * PAGE_BYTES);
          }
        }
        cycles = kernel.cycles - before;
        walked = walks[DTLB_LOAD_WALKS] - walksBefore;
      });
      kernel.run();
      return { cycles, walked };
    };
    const [small, large] = [cost('never', 4096, 3), cost('always', 4096, 3)];
    expect(large.walked).toBeLessThan(small.walked / 4);
    // Sixteen touches bring in two pages of 2 MiB each time another is met: clearing is what they pay.
    const [sparse, wasted] = [cost('never', 16, 1), cost('always', 16, 1)];
    expect(wasted.cycles).toBeGreaterThan(sparse.cycles * 2);
  });
});
