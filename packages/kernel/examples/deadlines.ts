/**
 * A periodic task beside a file copy and two programs that compute: how often it misses its deadline
 * under each scheduler. Every 10 ms it has 2 ms of work to do before the period ends.
 *
 *   npx tsx --conditions=@hotpath/source packages/kernel/examples/deadlines.ts
 */
import { boot, O_CREAT, O_RDWR, SCHEDULERS, SEEK_SET, type SystemCalls } from '@hotpath/kernel';

/** What one run showed. */
export interface DeadlineResult {
  readonly scheduler: string;
  readonly misses: number;
  readonly worstMs: number;
  readonly copiedKiB: number;
}

const PERIOD_NS = 10_000_000;
const WORK_NS = 2_000_000;

/** Runs the mix under one scheduler, until the periodic task has done its jobs. */
export function deadlines(scheduler: string, jobs: number): DeadlineResult {
  const kernel = boot({ scheduler, disk: 'nvme', pageCachePages: 256 });
  const { frequencyHz } = kernel.parts.machine;
  let misses = 0;
  let worst = 0;
  let copied = 0;
  let over = false;
  const reservation = { runtimeNs: WORK_NS + 500_000, periodNs: PERIOD_NS };
  const options = scheduler === 'deadline' ? { reservation } : {};
  const reports = [
    kernel.spawn(
      'periodic',
      function* (sys) {
        const start = yield* sys.clock();
        for (let job = 0; job < jobs; job++) {
          const released = start + job * PERIOD_NS;
          const now = yield* sys.clock();
          if (now < released) yield* sys.sleep(released - now);
          yield* sys.compute(Math.round((WORK_NS * frequencyHz) / 1e9));
          const response = (yield* sys.clock()) - released;
          worst = Math.max(worst, response);
          if (response > PERIOD_NS) misses += 1;
        }
        over = true;
      },
      options,
    ),
    kernel.spawn('copy', function* (sys) {
      const heap = yield* sys.brk(0);
      yield* sys.brk(heap + 65_536);
      const from = yield* sys.open('from', O_CREAT | O_RDWR);
      const to = yield* sys.open('to', O_CREAT | O_RDWR);
      for (let i = 0; i < 32; i++) yield* sys.write(from, heap, 65_536);
      while (!over) {
        yield* sys.lseek(from, 0, SEEK_SET);
        yield* sys.lseek(to, 0, SEEK_SET);
        for (let i = 0; i < 32 && !over; i++) {
          copied += yield* sys.read(from, heap, 65_536);
          yield* sys.write(to, heap, 65_536);
        }
        yield* sys.fsync(to);
      }
    }),
  ];
  const hog = function* (sys: SystemCalls) {
    while (!over) yield* sys.compute(1_000_000);
  };
  reports.push(kernel.spawn('hog 1', hog), kernel.spawn('hog 2', hog));
  kernel.run();
  for (const { error } of reports) if (error !== null) throw error;
  return {
    scheduler,
    misses,
    worstMs: worst / 1e6,
    copiedKiB: copied / 1024,
  };
}

/** The whole table as text. */
export function deadlineTable(jobs: number): string {
  const lines = ['scheduler   misses   longest response   copied meanwhile'];
  for (const scheduler of Object.keys(SCHEDULERS)) {
    const { misses, worstMs, copiedKiB } = deadlines(scheduler, jobs);
    lines.push(
      `${scheduler.padEnd(10)} ${`${misses}/${jobs}`.padStart(7)} ${`${worstMs.toFixed(1)} ms`.padStart(18)} ${`${copiedKiB} KiB`.padStart(18)}`,
    );
  }
  return lines.join('\n');
}

if (process.argv[1]?.endsWith('deadlines.ts')) console.log(deadlineTable(100));
