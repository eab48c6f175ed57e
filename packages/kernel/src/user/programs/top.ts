import { isErrno } from '@hotpath/hw-x86';
import { TCGETS } from '../../syscall/flags.js';
import { parseArguments, secondsToNs, wholeNumber } from '../arguments.js';
import { type Process, STDOUT, type Step, type UserProgram } from '../process.js';
import { type Account, readAccounts, seconds } from './accounts.js';

const ROWS = 18;
const CLEAR = '\u001b[H\u001b[2J';

function* screen(
  process: Process,
  rows: readonly Account[],
  before: ReadonlyMap<number, number>,
  elapsedNs: number,
): Step {
  const used = (row: Account): number => row.cpuNs - (before.get(row.task) ?? 0);
  const live = rows.filter((row) => row.state !== 'X');
  const busy = live.reduce((sum, row) => sum + used(row), 0);
  const running = live.filter((row) => row.state === 'R').length;
  const uptime = (yield* process.sys.clock()) / 1e9;
  yield* process.print(
    `top - up ${uptime.toFixed(2)} s, ${live.length} tasks, ${running} running, ` +
      `${((100 * busy) / elapsedNs).toFixed(1)} % CPU\n` +
      '  PID S  NI     RSS   %CPU       TIME COMMAND\n',
  );
  const order = [...live].sort((a, b) => used(b) - used(a) || a.task - b.task);
  for (const row of order.slice(0, ROWS)) {
    const share = ((100 * used(row)) / elapsedNs).toFixed(1);
    yield* process.print(
      `${String(row.task).padStart(5)} ${row.state} ${String(row.nice).padStart(3)} ` +
        `${String(row.residentKib).padStart(7)} ${share.padStart(6)} ` +
        `${seconds(row.cpuNs).padStart(10)} ${row.name}\n`,
    );
  }
}

/** `top` */
export const top: UserProgram = {
  name: 'top',
  summary: 'show what uses the CPUs, again and again until Ctrl-C',
  usage: '[-d SECONDS] [-n COUNT]',
  options: [
    ['-d SECONDS', 'between two screens; default 1'],
    ['-n COUNT', 'so many screens; default: without end on a terminal, else 1'],
  ],
  *main(process, args) {
    const { values } = parseArguments(args, 'bd:n:');
    const periodNs = secondsToNs(values.get('d') ?? '1');
    const onTerminal = !isErrno(yield* process.sys.ioctl(STDOUT, TCGETS, process.scratch));
    const given = values.get('n');
    const limit =
      given === undefined ? (onTerminal ? Infinity : 1) : wholeNumber('count', given, 1, 1e9);
    let before = new Map<number, number>();
    let last = 0;
    for (let shown = 0; shown < limit; shown++) {
      if (shown > 0) yield* process.sys.sleep(periodNs);
      const now = yield* process.sys.clock();
      const rows = yield* readAccounts(process);
      if (onTerminal) yield* process.print(CLEAR);
      yield* screen(process, rows, before, Math.max(1, now - last));
      yield* process.flush();
      before = new Map(rows.map((row) => [row.task, row.cpuNs]));
      last = now;
    }
    return 0;
  },
};
