import { EFAULT, LARGE_PAGE_BYTES, MIB, OK, PAGE_BYTES } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boot,
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  O_CREAT,
  O_RDWR,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from '../../src/index.js';

const PAGES = 24;
const BASE = 2 ** 40 + 5 * PAGE_BYTES;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;
const PROTECTIONS = [PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE];

/** A range of pages within the window. */
const range = fc
  .tuple(fc.integer({ min: 0, max: PAGES - 1 }), fc.integer({ min: 1, max: 9 }))
  .map(([from, count]) => ({ from, count: Math.min(count, PAGES - from) }));
const protection = fc.constantFrom(...PROTECTIONS);
const command = fc.oneof(
  fc.record({ kind: fc.constant('map' as const), range, protection }),
  fc.record({ kind: fc.constant('unmap' as const), range }),
  fc.record({ kind: fc.constant('protect' as const), range, protection }),
  fc.record({ kind: fc.constant('drop' as const), range }),
  fc.record({
    kind: fc.constant('store' as const),
    page: fc.integer({ min: 0, max: PAGES - 1 }),
    value: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({ kind: fc.constant('load' as const), page: fc.integer({ min: 0, max: PAGES - 1 }) }),
);

describe('the areas of a space', () => {
  it('agree with a plain map of pages, whatever is mapped, protected, dropped and unmapped', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const kernel = boot({ strict: true, memoryBytes: 64 * MIB });
        const model = new Map<number, { protection: number; value: number }>();
        const report = kernel.spawn('model', function* (sys) {
          const heap = yield* sys.brk(0);
          yield* sys.brk(heap + PAGE_BYTES);
          const fd = yield* sys.open('probe', O_CREAT | O_RDWR);
          const all = ({ from, count }: { from: number; count: number }) =>
            Array.from({ length: count }, (_, i) => from + i);
          for (const it of commands) {
            if (it.kind === 'store' || it.kind === 'load') {
              const at = BASE + it.page * PAGE_BYTES;
              const page = model.get(it.page);
              // A system call as probe: a bad pointer is EFAULT, and the program lives.
              const readable = page !== undefined && page.protection !== PROT_NONE;
              expect(yield* sys.write(fd, at, 1)).toBe(readable ? 1 : EFAULT);
              if (readable) expect(yield* sys.load8(at)).toBe(page.value);
              if (it.kind === 'load') continue;
              const writable = readable && (page.protection & PROT_WRITE) !== 0;
              yield* sys.lseek(fd, 0);
              yield* sys.store8(heap, it.value);
              yield* sys.write(fd, heap, 1);
              yield* sys.lseek(fd, 0);
              expect(yield* sys.read(fd, at, 1)).toBe(writable ? 1 : EFAULT);
              if (writable) page.value = it.value;
              continue;
            }
            const start = BASE + it.range.from * PAGE_BYTES;
            const bytes = it.range.count * PAGE_BYTES;
            const pages = all(it.range);
            const covered = pages.every((page) => model.has(page));
            if (it.kind === 'map') {
              expect(yield* sys.mmap(start, bytes, it.protection, ANONYMOUS | MAP_FIXED)).toBe(
                start,
              );
              for (const page of pages) model.set(page, { protection: it.protection, value: 0 });
            } else if (it.kind === 'unmap') {
              expect(yield* sys.munmap(start, bytes)).toBe(OK);
              for (const page of pages) model.delete(page);
            } else if (it.kind === 'protect') {
              expect((yield* sys.mprotect(start, bytes, it.protection)) === OK).toBe(covered);
              if (!covered) continue;
              for (const page of pages) model.get(page)!.protection = it.protection;
            } else {
              expect((yield* sys.madvise(start, bytes, MADV_DONTNEED)) === OK).toBe(covered);
              if (covered) for (const page of pages) model.get(page)!.value = 0;
            }
            const space = kernel.parts.tasks.space[sys.task];
            space?.checkInvariants();
          }
          const space = kernel.parts.tasks.space[sys.task];
          let mapped = 0;
          for (let i = 0; i < (space?.areas.count ?? 0); i++) {
            const from = space!.areas.start[i];
            if (from >= BASE && from < BASE + PAGES * PAGE_BYTES) {
              mapped += (space!.areas.end[i] - from) / PAGE_BYTES;
            }
          }
          expect(mapped).toBe(model.size);
        });
        kernel.run();
        if (report.error !== null) throw report.error;
        expect(report.status).toBe(0);
        expect(kernel.parts.userFrames.liveCount).toBe(0);
        kernel.checkInvariants();
      }),
      { numRuns: process.env['HOTPATH_CAMPAIGN'] === undefined ? 8 : 500 },
    );
  });
});

/** A process: what it stores, and where in between it forks a child. */
interface Process {
  readonly steps: readonly { readonly at: number; readonly value: number }[];
  readonly children: readonly { readonly after: number; readonly process: Process }[];
}

const BYTES = 2 * LARGE_PAGE_BYTES;
const steps = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: BYTES - 1 }),
    value: fc.integer({ min: 1, max: 255 }),
  }),
  { maxLength: 8 },
);
/** Processes of so many generations. */
function family(generations: number): fc.Arbitrary<Process> {
  const child = fc.record({
    after: fc.integer({ min: 0, max: 8 }),
    process: generations > 1 ? family(generations - 1) : fc.constant({ steps: [], children: [] }),
  });
  return fc.record({ steps, children: fc.array(child, { maxLength: generations > 1 ? 2 : 0 }) });
}
const tree = family(3);

describe('copy-on-write', () => {
  it.each([
    [1, 'never'],
    [2, 'never'],
    [4, 'always'],
    [1, 'always'],
  ] as const)(
    'keeps the memories of a random tree of processes apart: %i CPUs, huge pages %s',
    (cpus, hugePages) => {
      fc.assert(
        fc.property(tree, fc.boolean(), (root, unmapHalf) => {
          const kernel = boot({ cpus, hugePages, strict: true, memoryBytes: 128 * MIB });
          const errors: unknown[] = [];
          let ended = 0;
          const run = (process: Process, inherited: ReadonlyMap<number, number>, base: number) =>
            function* (sys: Parameters<Parameters<typeof kernel.spawn>[1]>[0]) {
              const model = new Map(inherited);
              for (let step = 0; step <= process.steps.length; step++) {
                for (const child of process.children) {
                  if (Math.min(child.after, process.steps.length) !== step) continue;
                  const pid = yield* sys.fork(run(child.process, new Map(model), base));
                  if (pid < 0) errors.push(pid);
                }
                if (step === process.steps.length) break;
                const { at, value } = process.steps[step];
                yield* sys.store8(base + at, value);
                model.set(at, value);
              }
              for (const [at, value] of model) {
                const found = yield* sys.load8(base + at);
                if (found !== value) errors.push({ at, value, found });
              }
              ended += 1;
            };
          kernel.spawn('root', function* (sys) {
            const start = yield* sys.mmap(0, BYTES, PROT_READ | PROT_WRITE, ANONYMOUS);
            if (unmapHalf) yield* sys.munmap(start + 3 * PAGE_BYTES, PAGE_BYTES);
            if (unmapHalf) {
              yield* sys.mmap(
                start + 3 * PAGE_BYTES,
                PAGE_BYTES,
                PROT_READ | PROT_WRITE,
                ANONYMOUS | MAP_FIXED,
              );
            }
            yield* run(root, new Map(), start)(sys);
          });
          kernel.run();
          expect(errors).toEqual([]);
          const count = (process: Process): number =>
            process.children.reduce((sum, child) => sum + count(child.process), 1);
          expect(ended).toBe(count(root));
          expect(kernel.parts.userFrames.liveCount).toBe(0);
          kernel.checkInvariants();
        }),
        { numRuns: process.env['HOTPATH_CAMPAIGN'] === undefined ? 4 : 200 },
      );
    },
  );
});
