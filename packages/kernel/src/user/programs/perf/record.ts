/** `perf record` and `perf report`: samples of kernel functions, kept in a file as collapsed stacks. */
import { EBUSY, isErrno } from '@hotpath/hw-x86';
import { O_CREAT, O_TRUNC, O_WRONLY } from '../../../syscall/flags.js';
import { parseArguments, wholeNumber } from '../../arguments.js';
import { become, runChild, STATUS_OWN_FAILURE } from '../../children.js';
import { request, requestError } from '../../observe.js';
import { type Process, STDERR, type Step, UsageError } from '../../process.js';
import { linesOf } from '../lines.js';

const FILE = 'perf.data';
const PERIOD = '100003';
const ROWS = '30';

/** Runs a command and samples it; the samples go to a file. The command's status. */
export function* recordCommand(process: Process, args: readonly string[]): Step<number> {
  const { flags, operands, values } = parseArguments(args, 'awc:o:', true);
  const period = wholeNumber('-c', values.get('c') ?? PERIOD, 100, 2 ** 40);
  const path = values.get('o') ?? FILE;
  if (operands.length === 0) throw new UsageError('record needs a command');
  const options = `${flags.has('a') ? ' all' : ''}${flags.has('w') ? ' waits' : ''}`;
  const ended = yield* runChild(process, function* (child): Step<number> {
    const begun = yield* request(child, `record begin ${period}${options}`);
    if (typeof begun === 'number') {
      yield* child.complain(
        begun === EBUSY ? 'another perf record runs; allowed: one at a time' : requestError(begun),
      );
      return STATUS_OWN_FAILURE;
    }
    return yield* become(child, operands);
  });
  if (ended === null) return 1;
  if (ended.status === STATUS_OWN_FAILURE) return STATUS_OWN_FAILURE;
  const bytes = yield* request(process, 'record end');
  if (typeof bytes === 'number') {
    yield* process.complain(requestError(bytes));
    return 1;
  }
  const fd = yield* process.sys.open(path, O_WRONLY | O_CREAT | O_TRUNC);
  const written = isErrno(fd) ? fd : yield* process.writeBytes(fd, bytes);
  if (!isErrno(fd)) yield* process.sys.close(fd);
  if (isErrno(written)) {
    yield* process.fail(path, written);
    return 1;
  }
  const { samples } = parseSamples(new TextDecoder().decode(bytes));
  const told = `[ perf record: ${samples} samples in ${path} ]\n`;
  yield* process.writeBytes(STDERR, new TextEncoder().encode(told));
  return ended.status;
}

/** What is in a file of samples. */
interface Samples {
  /** Cycles between samples. */
  readonly period: number;
  readonly samples: number;
  /** Functions, outermost first, and how many samples. */
  readonly stacks: readonly (readonly [readonly string[], number])[];
}

function parseSamples(text: string): Samples {
  const [first, ...lines] = linesOf(text);
  const heading = /^period\t(\d+)\tsamples\t(\d+)$/.exec(first ?? '');
  if (heading === null) throw new UsageError('no file of perf record');
  const stacks = lines.map((line) => {
    const blank = line.lastIndexOf(' ');
    return [line.slice(0, blank).split(';'), Number(line.slice(blank + 1))] as const;
  });
  return { period: Number(heading[1]), samples: Number(heading[2]), stacks };
}

/** Shows a file of samples: a table by function, or its stacks as flame graphs take them. */
export function* showReport(process: Process, args: readonly string[]): Step {
  const { flags, operands, values } = parseArguments(args, 'gi:n:');
  if (operands.length > 0) throw new UsageError(`unknown operand '${operands[0]}'`);
  const path = values.get('i') ?? FILE;
  const text = yield* process.readFile(path);
  if (typeof text === 'number') return yield* process.fail(path, text);
  const { period, samples, stacks } = parseSamples(text);
  if (flags.has('g')) {
    for (const [stack, count] of stacks) yield* process.print(`${stack.join(';')} ${count}\n`);
    return;
  }
  const count = wholeNumber('-n', values.get('n') ?? ROWS, 1, 10_000);
  yield* process.print(`# ${samples} samples, one every ${period} cycles\n`);
  yield* process.print('#    Self     Total  Samples  Function\n');
  for (const { name, self, total } of byFunction(stacks).slice(0, count)) {
    const cells = [self, total].map((each) => `${percent(each, samples)}%`.padStart(9));
    yield* process.print(`${cells.join(' ')} ${String(self).padStart(8)}  ${name}\n`);
  }
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0.00' : ((100 * part) / whole).toFixed(2);
}

/** Samples in each function itself, and in it or below, recursion once; the largest first. */
function byFunction(stacks: Samples['stacks']): { name: string; self: number; total: number }[] {
  const rows = new Map<string, { name: string; self: number; total: number }>();
  for (const [stack, count] of stacks) {
    for (const name of new Set(stack)) {
      const row = rows.get(name) ?? { name, self: 0, total: 0 };
      row.total += count;
      if (name === stack[stack.length - 1]) row.self += count;
      rows.set(name, row);
    }
  }
  return [...rows.values()].sort(
    (a, b) => b.self - a.self || b.total - a.total || (a.name < b.name ? -1 : 1),
  );
}
