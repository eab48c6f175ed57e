import { IDLE, MIB, PAGE_BYTES } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BootOptions,
  boot,
  O_CREAT,
  O_RDWR,
  type Program,
  SEEK_SET,
  type SystemCalls,
} from '../src/index.js';

const FILE_WORDS = 24_000;
const BUFFER_WORDS = 4096;

type Step =
  | { kind: 'write'; at: number; words: number; salt: number }
  | { kind: 'read'; at: number; words: number }
  | { kind: 'fsync' | 'yield' | 'fork' }
  | { kind: 'sleep' | 'compute'; amount: number }
  | { kind: 'touch'; page: number };

const place = { at: fc.nat(FILE_WORDS - 1), words: fc.integer({ min: 1, max: BUFFER_WORDS }) };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('write'), ...place, salt: fc.nat(999) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read'), ...place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('fsync', 'yield', 'fork') }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('sleep', 'compute'), amount: fc.nat(300_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('touch'), page: fc.nat(40) }) },
) as fc.Arbitrary<Step>;

const options: fc.Arbitrary<BootOptions> = fc.record({
  seed: fc.nat(1000),
  cpus: fc.constantFrom(1, 2, 4),
  scheduler: fc.constantFrom('cfs', 'eevdf', 'mlfq', 'rr'),
  disk: fc.constantFrom('nvme', 'ssd', 'hdd'),
  mode: fc.constantFrom('flat', 'full'),
  pageCachePages: fc.constantFrom(1, 2, 5, 64),
  blockCacheBlocks: fc.constantFrom(16, 64),
  strict: fc.constant(true),
  memoryBytes: fc.constant(64 * MIB),
});

/** One process with a file of its own, checked against an array after every read. */
function* worker(
  sys: SystemCalls,
  name: string,
  steps: readonly Step[],
  model: Int32Array,
): Program {
  let size = 0;
  const heap = yield* sys.brk(0);
  yield* sys.brk(heap + BUFFER_WORDS * 4 + 41 * PAGE_BYTES);
  const fd = yield* sys.open(name, O_CREAT | O_RDWR);
  let forks = 0;
  for (const now of steps) {
    if (now.kind === 'write') {
      const words = Math.min(now.words, FILE_WORDS - now.at);
      for (let i = 0; i < words; i += 16) yield* sys.store32(heap + i * 4, now.salt + i);
      yield* sys.lseek(fd, now.at * 4, SEEK_SET);
      expect(yield* sys.write(fd, heap, words * 4)).toBe(words * 4);
      for (let i = 0; i < words; i += 16) model[now.at + i] = now.salt + i;
      // Words between the stored ones hold what the buffer held: not compared.
      for (let i = 0; i < words; i++) if (i % 16 !== 0) model[now.at + i] = -1;
      size = Math.max(size, now.at + words);
    } else if (now.kind === 'read') {
      const words = Math.max(0, Math.min(now.words, size - now.at));
      yield* sys.lseek(fd, now.at * 4, SEEK_SET);
      expect(yield* sys.read(fd, heap, now.words * 4)).toBe(words * 4);
      for (let i = 0; i < words; i++) {
        const wanted = model[now.at + i]!;
        if (wanted === -1) continue;
        const word = yield* sys.load32(heap + i * 4);
        if (word !== wanted)
          throw new Error(`${name}: word ${now.at + i} is ${word}, not ${wanted}`);
      }
    } else if (now.kind === 'fsync') {
      expect(yield* sys.fsync(fd)).toBe(0);
    } else if (now.kind === 'yield') {
      yield* sys.yield();
    } else if (now.kind === 'sleep') {
      yield* sys.sleep(now.amount);
    } else if (now.kind === 'compute') {
      yield* sys.compute(now.amount);
    } else if (now.kind === 'touch') {
      yield* sys.store32(heap + BUFFER_WORDS * 4 + now.page * PAGE_BYTES, now.page);
    } else {
      forks += 1;
      yield* sys.fork(function* (own) {
        yield* own.store32(heap, 1);
        yield* own.compute(20_000);
      });
    }
  }
  for (; forks > 0; forks--) expect(yield* sys.wait()).toBeGreaterThan(0);
}

describe('the whole kernel', () => {
  it('does what a model says under every mix of options, and keeps it over a remount', () => {
    const scripts = fc.array(fc.array(step, { maxLength: 12 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(options, scripts, (chosen, script) => {
        const kernel = boot(chosen);
        const models = script.map(() => new Int32Array(FILE_WORDS));
        const reports = script.map((steps, i) =>
          kernel.spawn(`worker-${i}`, (sys) => worker(sys, `file-${i}`, steps, models[i]!)),
        );
        expect(kernel.run()).toBe(IDLE);
        for (const { error, status } of reports) {
          if (error !== null) throw error;
          expect(status).toBe(0);
        }
        kernel.checkInvariants();
        expect(kernel.parts.open.liveCount).toBe(0);
        expect(kernel.parts.spaces.liveCount).toBe(0);
        expect(kernel.parts.userFrames.liveCount).toBe(0);
        expect(kernel.parts.vmalloc.mappedBytes).toBe(0);
        expect(kernel.sync()).toBe(0);
        checkAfterRemount(chosen, kernel, models);
      }),
      { numRuns: process.env['HOTPATH_CAMPAIGN'] ? 150 : 8 },
    );
  }, 1_200_000);
});

function checkAfterRemount(
  chosen: BootOptions,
  kernel: ReturnType<typeof boot>,
  models: readonly Int32Array[],
): void {
  kernel.parts.disk.cutPower();
  const again = boot({ ...chosen, image: kernel.parts.disk.contents.medium });
  const report = again.spawn('reader', function* (sys) {
    const heap = yield* sys.brk(0);
    yield* sys.brk(heap + FILE_WORDS * 4);
    for (const [i, model] of models.entries()) {
      const fd = yield* sys.open(`file-${i}`);
      const bytes = yield* sys.read(fd, heap, FILE_WORDS * 4);
      for (let word = 0; word < bytes / 4; word++) {
        if (model[word] === -1) continue;
        const found = yield* sys.load32(heap + word * 4);
        if (found !== model[word]) throw new Error(`file-${i}: word ${word} is ${found} on disk`);
      }
    }
  });
  again.run();
  if (report.error !== null) throw report.error;
  again.checkInvariants();
}
