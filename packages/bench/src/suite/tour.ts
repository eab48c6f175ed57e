/**
 * A short run of the whole kernel with the tracer on: two programs of different nice values write,
 * fsync and read files and compute. Its trace is what the suite leaves behind to look at.
 */
import { assert, NIL, OK } from '@hotpath/hw-x86';
import {
  boot,
  type Kernel,
  O_CREAT,
  O_RDWR,
  type Program,
  SEEK_SET,
  type SystemCalls,
} from '@hotpath/kernel';

import { writeChromeJson } from '@hotpath/pmc-trace';

const FILE_BYTES = 256 * 1024;
const CHUNK_BYTES = 16 * 1024;
const ROUNDS = 4;

/** What the tour did; simulated, exact. */
export interface TourResult {
  readonly cycles: number;
  readonly systemCalls: number;
  readonly switches: number;
  readonly pageFaults: number;
  readonly pageCacheHits: number;
  readonly pageCacheMisses: number;
  readonly cyclesByTask: Readonly<Record<string, number>>;
}

/** The kernel that ran, for its trace, and what it did. */
export interface Tour {
  readonly kernel: Kernel;
  readonly result: TourResult;
}

/** Runs it on a kernel of its own, in full mode, two CPUs; with the tracer on unless told otherwise. */
export function runTour(seed: number, trace = true): Tour {
  const kernel = boot({ seed, mode: 'full', cpus: 2, trace });
  const reports = [
    kernel.spawn('writer', (sys) => copyAndCheck(sys, 'first', 0)),
    kernel.spawn('nice-writer', (sys) => copyAndCheck(sys, 'second', 10)),
    kernel.spawn('worker', work),
  ];
  if (kernel.parts.tracer !== null) countPages(kernel);
  kernel.run();
  for (const { name, status, error } of reports) {
    if (error !== null) throw error;
    assert(status === 0, `the tour's program ${name} did not end well`);
  }
  const { entry, faults, pageCache, scheduler } = kernel.parts;
  return {
    kernel,
    result: {
      cycles: kernel.cycles,
      systemCalls: entry.count,
      switches: scheduler.switches.reduce((sum, count) => sum + count, 0),
      pageFaults: faults.anonymousCount,
      pageCacheHits: pageCache.counters.hits,
      pageCacheMisses: pageCache.counters.misses,
      cyclesByTask: Object.fromEntries(reports.map(({ name, cycles }) => [name, cycles])),
    },
  };
}

/** Samples of the page cache every 50 us of virtual time, as counters of the trace. */
function countPages(kernel: Kernel): void {
  const { machine, pageCache, tracer } = kernel.parts;
  assert(tracer !== null, 'a tour without a tracer has no counters');
  const emitter = tracer.emitter(machine);
  const kinds = ['pages cached', 'pages dirty', 'pages being written'].map((name) =>
    tracer.registry.register({ name, category: 'pagecache', phase: 'counter' }),
  );
  const period = Math.round((SAMPLE_NS * machine.frequencyHz) / 1e9);
  let last = -1;
  const target = machine.events.register({
    event: (time) => {
      const values = [pageCache.pageCount, pageCache.dirtyCount, pageCache.writebackCount];
      kinds.forEach((kind, index) => {
        emitter.counter(kind, values[index]!);
      });
      // Nothing moves any more: the machine may come to rest.
      const now = kernel.parts.entry.count;
      if (now === last && values[2] === 0 && kernel.parts.tasks.liveCount <= 1) return;
      last = now;
      machine.events.schedule(time + period, target, 0);
    },
  });
  machine.events.schedule(machine.now() + period, target, 0);
}

const SAMPLE_NS = 50_000;

/** What a tour leaves behind. */
export interface TourOutput {
  readonly result: TourResult;
  /** Chrome trace JSON of the whole tour. */
  readonly trace: Uint8Array;
}

/** A tour whose trace is written out, so that it can leave the thread. */
export function tourOutput(seed: number): TourOutput {
  const { kernel, result } = runTour(seed);
  const { tracer } = kernel.parts;
  assert(tracer !== null, 'the tour has no tracer');
  const chunks: Uint8Array[] = [];
  writeChromeJson(tracer.snapshot(), { write: (chunk) => chunks.push(chunk) });
  return { result, trace: new Uint8Array(Buffer.concat(chunks)) };
}

function* copyAndCheck(sys: SystemCalls, name: string, nice: number): Program {
  yield* sys.nice(nice);
  const buffer = yield* sys.brk(0);
  yield* sys.brk(buffer + 2 * CHUNK_BYTES);
  const fd = yield* sys.open(name, O_CREAT | O_RDWR);
  assert(fd >= 0, 'the tour cannot open its file');
  for (let round = 0; round < ROUNDS; round++) {
    yield* sys.lseek(fd, 0, SEEK_SET);
    for (let at = 0; at < FILE_BYTES; at += CHUNK_BYTES) {
      for (let line = 0; line < CHUNK_BYTES; line += 64) {
        yield* sys.store32(buffer + line, at + line + round);
      }
      const written = yield* sys.write(fd, buffer, CHUNK_BYTES);
      assert(written === CHUNK_BYTES, 'the tour cannot write its file');
    }
    const status = yield* sys.fsync(fd);
    assert(status === OK, 'the tour cannot make its file durable');
    yield* sys.lseek(fd, 0, SEEK_SET);
    for (let at = 0; at < FILE_BYTES; at += CHUNK_BYTES) {
      const read = yield* sys.read(fd, buffer + CHUNK_BYTES, CHUNK_BYTES);
      assert(read === CHUNK_BYTES, 'the tour cannot read its file');
      const word = yield* sys.load32(buffer + CHUNK_BYTES + 64);
      assert(word === at + 64 + round, 'the tour read what it did not write');
    }
  }
  yield* sys.close(fd);
}

/** Computes, looks at its memory without `yield*`, and yields: what a busy program does. */
function* work(sys: SystemCalls): Program {
  const heap = yield* sys.brk(0);
  yield* sys.brk(heap + 1024 * 1024);
  for (let i = 0; i < 200; i++) {
    yield* sys.compute(50_000);
    while (sys.tryStore32(heap + i * 4096, i) === NIL) yield;
    yield* sys.yield();
  }
}
