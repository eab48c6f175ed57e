/** Programs that show tables of /proc: free, slabtop, vmstat. */
import { parseArguments, secondsToNs, wholeNumber } from '../arguments.js';
import { type Process, type Step, UsageError, type UserProgram } from '../process.js';
import { linesOf } from './lines.js';

/** `Name: 12 kB` lines of a file as numbers. */
function* numbersOf(process: Process, path: string): Step<Map<string, number>> {
  const text = yield* process.readFile(path);
  if (typeof text === 'number') {
    yield* process.fail(path, text);
    return new Map();
  }
  return new Map(
    linesOf(text).map((line) => {
      const [name, value] = line.split(/:?\s+/);
      return [name, Number(value)];
    }),
  );
}

/** `free` */
export const free: UserProgram = {
  name: 'free',
  summary: 'memory in KiB: all, used, free, in the page cache',
  usage: '[-m]',
  options: [['-m', 'in MiB']],
  *main(process, args) {
    const { flags } = parseArguments(args, 'km');
    const numbers = yield* numbersOf(process, '/proc/meminfo');
    const get = (name: string): number => numbers.get(name) ?? 0;
    const cells = [
      get('MemTotal'),
      get('MemTotal') - get('MemFree'),
      get('MemFree'),
      get('Cached'),
      get('Dirty'),
    ].map((kib) => String(Math.round(flags.has('m') ? kib / 1024 : kib)).padStart(11));
    yield* process.print('           total        used        free      cached       dirty\n');
    yield* process.print(`Mem: ${cells.join(' ')}\n`);
    return 0;
  },
};

/** `slabtop` */
export const slabtop: UserProgram = {
  name: 'slabtop',
  summary: 'caches of the slab allocator, the largest first',
  usage: '[-n COUNT]',
  options: [['-n COUNT', 'how many; default 15']],
  *main(process, args) {
    const { values } = parseArguments(args, 'on:');
    const count = wholeNumber('count', values.get('n') ?? '15', 1, 1000);
    const text = yield* process.readFile('/proc/slabinfo');
    if (typeof text === 'number') {
      yield* process.fail('/proc/slabinfo', text);
      return 1;
    }
    // name active total size objects-per-slab pages-per-slab
    const rows = linesOf(text)
      .filter((line) => /^[^#\s]+\s+\d/.test(line))
      .map((line) => line.split(/\s+/))
      .map(([name, ...cells]) => ({ name, cells: cells.map(Number) }));
    rows.sort((a, b) => b.cells[1] * b.cells[2] - a.cells[1] * a.cells[2]);
    yield* process.print('  ACTIVE   TOTAL USE  OBJ BYTES  CACHE KIB NAME\n');
    for (const { cells, name } of rows.slice(0, count)) {
      const [active, total, bytes] = cells;
      const share = total === 0 ? '-' : `${Math.round((100 * active) / total)}%`;
      const kib = String(Math.ceil((total * bytes) / 1024));
      yield* process.print(
        `${String(active).padStart(8)} ${String(total).padStart(7)} ${share.padStart(4)} ` +
          `${String(bytes).padStart(9)} ${kib.padStart(10)} ${name}\n`,
      );
    }
    return 0;
  },
};

const COLUMNS = [
  ['procs_running', 'r'],
  ['procs_blocked', 'b'],
  ['nr_free_kib', 'free'],
  ['nr_cached_kib', 'cache'],
  ['nr_dirty_kib', 'dirty'],
] as const;
const RATES = [
  ['pgfault', 'flt'],
  ['pgpgin', 'in'],
  ['pgpgout', 'out'],
  ['intr', 'irq'],
  ['ctxt', 'cs'],
  ['dtlb_misses', 'tlb'],
] as const;

/** `vmstat` */
export const vmstat: UserProgram = {
  name: 'vmstat',
  summary:
    'tasks, memory in KiB, and counts since the last line: faults, pages, interrupts, switches',
  usage: '[SECONDS [COUNT]]',
  *main(process, args) {
    const { operands } = parseArguments(args, '');
    if (operands.length > 2) throw new UsageError('too many operands');
    const periodNs = secondsToNs(operands[0] ?? '1');
    const count = operands.length === 0 ? 1 : wholeNumber('count', operands[1] ?? '1', 1, 1e9);
    const heading = [...COLUMNS, ...RATES].map(([, title]) => title.padStart(8)).join('');
    yield* process.print(`${heading}\n`);
    let before = new Map<string, number>();
    for (let line = 0; line < count; line++) {
      if (line > 0) yield* process.sys.sleep(periodNs);
      const now = yield* numbersOf(process, '/proc/vmstat');
      const cells = [
        ...COLUMNS.map(([name]) => now.get(name) ?? 0),
        ...RATES.map(([name]) => (now.get(name) ?? 0) - (before.get(name) ?? 0)),
      ];
      yield* process.print(`${cells.map((cell) => String(cell).padStart(8)).join('')}\n`);
      yield* process.flush();
      before = now;
    }
    return 0;
  },
};
