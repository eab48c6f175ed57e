import { LARGE_PAGE_BYTES, MIB, OK, PAGE_BYTES, SUPERVISOR, USER } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import {
  boot,
  directAddress,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
  STATUS_SEGV,
} from '../../src/index.js';

const RW = PROT_READ | PROT_WRITE;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;

describe('the stack', () => {
  it('grows down page by page to its limit, and not a byte below', () => {
    const kernel = boot({ strict: true });
    const sizes: number[] = [];
    const deep = kernel.spawn('deep', function* (sys) {
      const space = kernel.parts.tasks.space[sys.task]!;
      const { stackTop } = space.layout;
      for (const depth of [PAGE_BYTES, MIB, 8 * MIB]) {
        yield* sys.store32(stackTop - depth, depth);
        expect(yield* sys.load32(stackTop - depth)).toBe(depth);
        sizes.push(stackTop - space.areas.start[space.findArea(stackTop - 1)]);
      }
      yield* sys.store32(stackTop - 8 * MIB - 4, 1);
    });
    kernel.run();
    expect(deep.error).toBe(null);
    expect(sizes).toEqual([128 * 1024, MIB, 8 * MIB]);
    expect(deep.status).toBe(STATUS_SEGV);
  });

  it('does not grow into the gap above another mapping, and nothing is placed in its way', () => {
    const kernel = boot();
    const report = kernel.spawn('neighbour', function* (sys) {
      const space = kernel.parts.tasks.space[sys.task]!;
      const { stackTop } = space.layout;
      const below = stackTop - 4 * MIB;
      expect(yield* sys.mmap(below, PAGE_BYTES, RW, ANONYMOUS | MAP_FIXED)).toBe(below);
      yield* sys.store32(below + PAGE_BYTES + MIB, 1);
      // Hints into the gap are not taken.
      const hinted = yield* sys.mmap(below + 2 * PAGE_BYTES, PAGE_BYTES, RW, ANONYMOUS);
      expect(hinted).not.toBe(below + 2 * PAGE_BYTES);
      yield* sys.store32(below + MIB, 1);
    });
    kernel.run();
    expect(report.error).toBe(null);
    expect(report.status).toBe(STATUS_SEGV);
  });
});

describe('address-space randomisation', () => {
  it('puts every process elsewhere, the same for the same seed, and off by default', () => {
    const places = (seed: number, aslr: boolean) => {
      const kernel = boot({ seed, aslr });
      const found: number[] = [];
      for (let i = 0; i < 2; i++) {
        kernel.spawn(`p${i}`, function* (sys) {
          const heap = yield* sys.brk(0);
          yield* sys.brk(heap + PAGE_BYTES);
          yield* sys.store32(heap, 1);
          const at = yield* sys.mmap(0, PAGE_BYTES, RW, ANONYMOUS);
          yield* sys.store32(at, 1);
          const { stackTop } = kernel.parts.tasks.space[sys.task]!.layout;
          yield* sys.store32(stackTop - 4, 1);
          found.push(heap, at, stackTop);
        });
      }
      kernel.run();
      kernel.checkInvariants();
      expect(found.length).toBe(6);
      return found;
    };
    const once = places(7, true);
    expect(places(7, true)).toEqual(once);
    expect(new Set(once).size).toBe(6);
    expect(places(8, true)).not.toEqual(once);
    const fixed = places(7, false);
    expect(fixed.slice(0, 3)).toEqual(fixed.slice(3));
  });
});

describe('user and kernel', () => {
  it('are apart: SMAP and SMEP hold for the kernel, and no program reaches the kernel half', () => {
    const kernel = boot();
    const { current } = kernel.parts;
    const outcome: number[] = [];
    const report = kernel.spawn('probe', function* (sys) {
      const at = yield* sys.mmap(0, PAGE_BYTES, RW, ANONYMOUS);
      yield* sys.store32(at, 1);
      const { cpu } = current;
      cpu.enter(SUPERVISOR);
      outcome.push(cpu.mmu.load32(at), cpu.mmu.fetch32(at));
      cpu.mmu.setAlignmentCheck(true);
      outcome.push(cpu.mmu.load32(at), cpu.mmu.fetch32(at));
      cpu.mmu.setAlignmentCheck(false);
      cpu.enter(USER);
      outcome.push(cpu.mmu.load32(directAddress(LARGE_PAGE_BYTES)), cpu.mmu.fetch32(at));
      outcome.push(yield* sys.mprotect(at, PAGE_BYTES, PROT_READ));
    });
    kernel.run();
    expect(report.error).toBe(null);
    // Refused, but for the load with SMAP lifted; code is fetched from no page that is data.
    expect(outcome).toEqual([-1, -1, 1, -1, -1, -1, OK]);
  });
});

describe('TLB shootdown', () => {
  it('reaches the other threads of a process: none reads the frame that copy-on-write has left', () => {
    const kernel = boot({ cpus: 2, strict: true });
    const seen: number[] = [];
    let remote = 0;
    const report = kernel.spawn('threads', function* (sys) {
      const at = yield* sys.mmap(0, PAGE_BYTES, RW, ANONYMOUS);
      yield* sys.store32(at, 1);
      // A child that lives long keeps the page shared, and so read-only.
      yield* sys.fork(function* (child) {
        yield* child.sleep(2e6);
      });
      yield* sys.thread(function* (thread) {
        let last = 0;
        while (last !== 2) {
          const value = yield* thread.load32(at);
          if (value !== last) seen.push(value);
          last = value;
          yield* thread.compute(2000);
        }
        // Its end takes its kernel stack out of every TLB, which is another round.
        yield* thread.compute(400_000);
      });
      yield* sys.compute(300_000);
      const before = kernel.parts.shootdown.remoteCount;
      yield* sys.store32(at, 2);
      remote = kernel.parts.shootdown.remoteCount - before;
      yield* sys.compute(300_000);
    });
    kernel.run({ cycles: 4e7 });
    expect(report.error).toBe(null);
    expect(seen).toEqual([1, 2]);
    expect(remote).toBe(1);
    kernel.checkInvariants();
  });

  it('is one round for a large range, and leaves CPUs alone that do not run the space', () => {
    const kernel = boot({ cpus: 4, strict: true });
    const { shootdown } = kernel.parts;
    let flushes = 0;
    let remote = 0;
    kernel.spawn(
      'owner',
      function* (sys) {
        const at = yield* sys.mmap(0, 4 * MIB, RW, ANONYMOUS);
        for (let page = 0; page < 1024; page++) yield* sys.store32(at + page * PAGE_BYTES, 1);
        const before = [shootdown.flushCount, shootdown.remoteCount];
        yield* sys.munmap(at, 4 * MIB);
        flushes = shootdown.flushCount - before[0];
        remote = shootdown.remoteCount - before[1];
      },
      { affinity: 1 },
    );
    for (let cpu = 1; cpu < 4; cpu++) {
      kernel.spawn(
        `other-${cpu}`,
        function* (sys) {
          yield* sys.compute(3_000_000);
        },
        { affinity: 1 << cpu },
      );
    }
    kernel.run();
    expect([flushes, remote]).toEqual([1, 0]);
    expect(kernel.parts.pages.usedPages).toBeGreaterThan(0);
    kernel.checkInvariants();
  });
});
