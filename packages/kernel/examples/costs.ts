/**
 * What the kernel's basic operations cost: simulated nanoseconds of the modelled machine in full mode
 * beside the range that real machines show, and host time in both modes.
 *
 *   npx tsx --conditions=@hotpath/source packages/kernel/examples/costs.ts
 */
import {
  boot,
  type Kernel,
  MAP_SHARED,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  type Program,
  type SystemCalls,
} from '@hotpath/kernel';

type Body = (sys: SystemCalls, kernel: Kernel) => Program;

interface Row {
  readonly name: string;
  /** Operations of one run. */
  readonly count: number;
  /** Nanoseconds on real hardware, from the literature. */
  readonly real: readonly [number, number];
  readonly prepare?: Body;
  readonly run: Body;
}

const PAGE = 4096;

const rows: readonly Row[] = [
  {
    name: 'null syscall (getpid)',
    count: 20_000,
    real: [50, 150],
    *run(sys) {
      for (let i = 0; i < this.count; i++) yield* sys.getpid();
    },
  },
  {
    name: 'pread of 4 KiB, cached',
    count: 20_000,
    real: [250, 500],
    *run(sys) {
      const heap = yield* sys.brk(0);
      for (let i = 0; i < this.count; i++) yield* sys.pread(3, heap - 2 * PAGE, PAGE, 0);
    },
  },
  {
    name: 'pipe ping-pong, one CPU',
    count: 1000,
    real: [2000, 5000],
    *run(sys) {
      const { count } = this;
      const heap = (yield* sys.brk(0)) - 2 * PAGE;
      yield* sys.pipe(heap);
      yield* sys.pipe(heap + 8);
      const ends: number[] = [];
      for (let i = 0; i < 4; i++) ends.push(yield* sys.load32(heap + i * 4));
      const [from, to, back, answer] = ends as [number, number, number, number];
      yield* sys.fork(function* (own) {
        for (let i = 0; i < count; i++) {
          yield* own.read(from, heap, 1);
          yield* own.write(answer, heap, 1);
        }
      });
      for (let i = 0; i < count; i++) {
        yield* sys.write(to, heap, 1);
        yield* sys.read(back, heap, 1);
      }
      yield* sys.wait();
      for (const end of ends) yield* sys.close(end);
    },
  },
  {
    name: 'anonymous page fault',
    count: 2000,
    real: [250, 700],
    // Frames that the host's own memory has had before: its first touch of a page costs it a fault, too.
    *prepare(sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 2 * this.count * PAGE);
      for (let i = 0; i < 2 * this.count; i++) yield* sys.store32(heap + i * PAGE, i);
      yield* sys.brk(heap);
    },
    *run(sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + this.count * PAGE);
      for (let i = 0; i < this.count; i++) yield* sys.store32(heap + i * PAGE, i);
    },
  },
  {
    name: 'fault on a cached file page',
    count: 2048,
    real: [100, 500],
    *prepare(sys) {
      const heap = yield* sys.brk(0);
      const fd = yield* sys.open('mapped', O_CREAT | O_RDWR);
      for (let page = 0; page < this.count; page++) {
        yield* sys.pwrite(fd, heap - 2 * PAGE, PAGE, page * PAGE);
      }
    },
    *run(sys) {
      const fd = yield* sys.open('mapped', O_RDONLY);
      const length = this.count * PAGE;
      const at = yield* sys.mmap(0, length, PROT_READ, MAP_SHARED, fd, 0);
      for (let page = 0; page < this.count; page++) yield* sys.load32(at + page * PAGE);
      yield* sys.munmap(at, length);
      yield* sys.close(fd);
    },
  },
  {
    // A process of 128 pages whose child writes 16 of them, as a small shell's does.
    name: 'fork + exit + wait, 128 pages',
    count: 100,
    real: [50_000, 150_000],
    *run(sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 128 * PAGE);
      for (let page = 0; page < 128; page++) yield* sys.store32(heap + page * PAGE, 1);
      for (let i = 0; i < this.count; i++) {
        yield* sys.fork(function* (own) {
          for (let page = 0; page < 16; page++) yield* own.store32(heap + page * PAGE, 2);
          yield* own.exitThread(0);
        });
        yield* sys.wait();
      }
    },
  },
  {
    name: 'thread + exit',
    count: 200,
    real: [5000, 20_000],
    *run(sys) {
      for (let i = 0; i < this.count; i++) {
        yield* sys.thread(child);
        yield* sys.yield();
      }
    },
  },
  {
    name: 'context switch (yield between two)',
    count: 5000,
    real: [1000, 2000],
    *run(sys) {
      const { count } = this;
      yield* sys.fork(function* (own) {
        for (let i = 0; i < count / 2; i++) yield* own.yield();
      });
      for (let i = 0; i < count / 2; i++) yield* sys.yield();
      yield* sys.wait();
    },
  },
];

function* child(own: SystemCalls): Program {
  yield* own.exitThread(0);
}

interface Cost {
  simulatedNs: number;
  hostNs: number;
}

function measure(row: Row, mode: 'flat' | 'full', repeat: number): Cost {
  const best: Cost = { simulatedNs: 0, hostNs: Number.POSITIVE_INFINITY };
  for (let round = 0; round < repeat; round++) {
    const kernel = boot({ mode, scheduler: 'rr' });
    const cost = { simulatedNs: 0, hostNs: 0 };
    const report = kernel.spawn('costs', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 4 * PAGE);
      yield* sys.store32(heap, 1);
      yield* sys.store32(heap + 2 * PAGE, 1);
      for (let fd = 0; fd < 4; fd++) yield* sys.open('file', O_CREAT | O_RDWR);
      yield* sys.write(3, heap, PAGE);
      if (row.prepare !== undefined) yield* row.prepare(sys, kernel);
      yield* row.run(sys, kernel);
      const simulated = yield* sys.clock();
      const host = process.cpuUsage();
      yield* row.run(sys, kernel);
      const spent = process.cpuUsage(host);
      cost.simulatedNs = ((yield* sys.clock()) - simulated) / row.count;
      cost.hostNs = ((spent.user + spent.system) * 1000) / row.count;
    });
    kernel.run();
    if (report.error !== null) throw report.error;
    best.simulatedNs = cost.simulatedNs;
    best.hostNs = Math.min(best.hostNs, cost.hostNs);
  }
  return best;
}

/** One row of the table: host figures are null where they are not asked for. */
export interface MeasuredCost {
  readonly name: string;
  readonly real: readonly [number, number];
  readonly simulatedNs: number;
  readonly hostFlatNs: number;
  readonly hostFullNs: number;
}

/** Measures every operation whose name holds `only`; host times are the least of `rounds` in each mode. */
export function* measureCosts(rounds: number, only = ''): Generator<MeasuredCost> {
  for (const row of rows) {
    if (!row.name.includes(only)) continue;
    const flat = measure(row, 'flat', rounds);
    const full = measure(row, 'full', rounds);
    const { simulatedNs } = full;
    yield {
      name: row.name,
      real: row.real,
      simulatedNs,
      hostFlatNs: flat.hostNs,
      hostFullNs: full.hostNs,
    };
  }
}

function print(only: string | undefined): void {
  console.log(
    'operation                            simulated ns      real ns   host ns flat   full',
  );
  for (const { hostFlatNs, hostFullNs, name, real, simulatedNs } of measureCosts(5, only)) {
    const cells = [
      name.padEnd(36),
      simulatedNs.toFixed(0).padStart(12),
      `${real[0]}-${real[1]}`.padStart(13),
      hostFlatNs.toFixed(0).padStart(12),
      hostFullNs.toFixed(0).padStart(8),
    ];
    console.log(...cells);
  }
}

if (/costs\.m?[jt]s$/.test(process.argv[1] ?? '')) print(process.argv[2]);
