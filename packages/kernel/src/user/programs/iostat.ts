import { parseArguments, secondsToNs, wholeNumber } from '../arguments.js';
import { requestTable } from '../observe.js';
import { type Process, type Step, UsageError, type UserProgram } from '../process.js';

const KIB_A_BLOCK = 4;

/** Sums since boot; times are nanoseconds. */
interface DiskSums {
  readonly time: number;
  readonly busy: number;
  readonly wait: number;
  readonly requests: ReadonlyMap<string, number>;
  readonly blocks: ReadonlyMap<string, number>;
}

function microseconds(nanoseconds: string): string {
  return (Number(nanoseconds) / 1e3).toFixed(1).padStart(10);
}

function sumsOf(rows: readonly string[][], time: number): DiskSums {
  const totals = rows.find(([kind]) => kind === 'totals') ?? [];
  const operations = rows.filter(([kind]) => kind === 'operation');
  const column = (at: number): Map<string, number> =>
    new Map(operations.map((row) => [row[1], Number(row[at])]));
  return {
    time,
    busy: Number(totals[1]),
    wait: Number(totals[2]),
    requests: column(2),
    blocks: column(3),
  };
}

/** As `iostat -x` of Linux: rates since the last time, requests in the queue on average, how busy. */
function* showRates(process: Process, now: DiskSums, before: DiskSums | null): Step {
  const seconds = Math.max(1, now.time - (before?.time ?? 0)) / 1e9;
  const since = (map: keyof Pick<DiskSums, 'requests' | 'blocks'>, name: string): number =>
    ((now[map].get(name) ?? 0) - (before?.[map].get(name) ?? 0)) / seconds;
  const cells = [
    since('requests', 'read').toFixed(1),
    (since('blocks', 'read') * KIB_A_BLOCK).toFixed(1),
    since('requests', 'write').toFixed(1),
    (since('blocks', 'write') * KIB_A_BLOCK).toFixed(1),
    since('requests', 'flush').toFixed(1),
    ((now.wait - (before?.wait ?? 0)) / 1e9 / seconds).toFixed(2),
    (((now.busy - (before?.busy ?? 0)) / 1e9 / seconds) * 100).toFixed(1),
  ];
  const titles = ['r/s', 'rkB/s', 'w/s', 'wkB/s', 'f/s', 'aqu-sz', '%util'];
  yield* process.print(`Device${titles.map((title) => title.padStart(11)).join('')}\n`);
  yield* process.print(`root  ${cells.map((cell) => cell.padStart(11)).join('')}\n`);
}

function* showStages(process: Process, rows: readonly string[][]): Step {
  yield* process.print('\noperation stage    count    mean us  median us     99% us     max us\n');
  for (const [kind, operation, stage, count, ...times] of rows) {
    if (kind !== 'stage') continue;
    yield* process.print(
      `${operation.padEnd(9)} ${stage.padEnd(6)} ${count.padStart(7)} ` +
        `${times.map(microseconds).join(' ')}\n`,
    );
  }
}

/** `iostat` */
export const iostat: UserProgram = {
  name: 'iostat',
  summary: 'rates of the disk, and where the time of its requests goes: cache, queue, device, wake',
  usage: '[-l] [SECONDS [COUNT]]',
  options: [
    ['-l', 'latency by stage since boot, too'],
    ['SECONDS', 'again after so long; the first figures are since boot'],
  ],
  *main(process, args) {
    const { flags, operands } = parseArguments(args, 'l');
    if (operands.length > 2) throw new UsageError('too many operands');
    const periodNs = secondsToNs(operands[0] ?? '1');
    const count = operands.length === 0 ? 1 : wholeNumber('count', operands[1] ?? '1', 1, 1e9);
    let before: DiskSums | null = null;
    for (let shown = 0; shown < count; shown++) {
      if (shown > 0) yield* process.sys.sleep(periodNs);
      const rows = yield* requestTable(process, 'io');
      if (rows === null) return 1;
      const now = sumsOf(rows, yield* process.sys.clock());
      yield* showRates(process, now, before);
      if (flags.has('l')) yield* showStages(process, rows);
      yield* process.flush();
      before = now;
    }
    return 0;
  },
};
