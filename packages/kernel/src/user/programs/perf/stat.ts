/** `perf stat`: what the machine's counters say about a command. */
import { EBUSY, EINVAL } from '@hotpath/hw-x86';
import { COUNTER_EVENTS } from '@hotpath/pmc-trace';
import { become, runChild, STATUS_OWN_FAILURE } from '../../children.js';
import { request, requestError, requestTable } from '../../observe.js';
import { type Process, STDERR, type Step, UsageError } from '../../process.js';
import { secondsText } from './times.js';

const EVENTS = [...COUNTER_EVENTS, 'dtlb-misses'];
/** What is modelled in the full mode only. */
const NEEDS_FULL = /^(llc|l1|l2|l3|dtlb|itlb|branch-misses)/;
/** What a figure is shown as a share of. */
const SHARES: Readonly<Record<string, readonly [string, string]>> = {
  'branch-misses': ['branches', 'of all branches'],
  'llc-misses': ['llc-references', 'of all LL-cache references'],
};

/** Runs the command, prints the counts on standard error: the command's status. */
export function* countCommand(process: Process, args: readonly string[]): Step<number> {
  let events: readonly string[] = [];
  let command = args;
  if (args[0] === '-e') {
    if (args[1] === undefined) throw new UsageError('-e needs events');
    events = args[1].split(',');
    command = args.slice(2);
  }
  const unknown = events.find((name) => !EVENTS.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`event '${unknown}'; allowed: ${EVENTS.join(', ')}`);
  }
  if (command.length === 0) throw new UsageError('stat needs a command');
  const ended = yield* runChild(process, function* (child): Step<number> {
    const begun = yield* request(child, `stat begin ${events.join(' ')}`.trim());
    if (typeof begun === 'number') {
      yield* child.complain(beginError(begun, events));
      return STATUS_OWN_FAILURE;
    }
    return yield* become(child, command);
  });
  if (ended === null) return 1;
  if (ended.status === STATUS_OWN_FAILURE) return STATUS_OWN_FAILURE;
  const rows = yield* requestTable(process, 'stat end');
  if (rows === null) return 1;
  const text = countsText(command, new Map(rows.map(([name, value]) => [name, Number(value)])));
  yield* process.writeBytes(STDERR, new TextEncoder().encode(text));
  return ended.status;
}

function beginError(errno: number, events: readonly string[]): string {
  if (errno === EBUSY) return 'another perf stat has the counters; allowed: one at a time';
  if (errno === EINVAL) return `${events.join(',')}: more events than counters; use fewer`;
  return requestError(errno);
}

function countsText(command: readonly string[], counts: ReadonlyMap<string, number>): string {
  const get = (name: string): number => counts.get(name) ?? 0;
  const isFull = get('full') === 1;
  const line = (value: string, name: string, note = ''): string =>
    `${`${value.padStart(18)}  ${name.padEnd(20)}${note === '' ? '' : ` # ${note}`}`.trimEnd()}\n`;
  const elapsed = get('elapsed');
  const clock = get('task-clock');
  let text = `\n Performance counter stats for '${command.join(' ')}':\n\n`;
  text += line(
    (clock / 1e6).toFixed(3),
    'msec task-clock',
    `${ratio(clock, elapsed)} CPUs utilized`,
  );
  for (const name of ['context-switches', 'cpu-migrations', 'page-faults']) {
    text += line(grouped(get(name)), name);
  }
  for (const [name, count] of counts) {
    if (!EVENTS.includes(name)) continue;
    if (!isFull && NEEDS_FULL.test(name)) {
      text += line('<not modelled>', name, 'boot in full mode');
      continue;
    }
    text += line(grouped(count), name, noteOf(name, counts));
  }
  return `${text}\n${secondsText(elapsed).padStart(18)} seconds time elapsed\n\n`;
}

function noteOf(name: string, counts: ReadonlyMap<string, number>): string {
  const get = (other: string): number => counts.get(other) ?? 0;
  if (name === 'cycles' && get('task-clock') > 0) {
    return `${ratio(get('cycles'), get('task-clock'))} GHz`;
  }
  if (name === 'instructions' && get('cycles') > 0) {
    return `${ratio(get('instructions'), get('cycles'))} insn per cycle`;
  }
  const [whole, words] = SHARES[name] ?? [];
  if (whole === undefined || get(whole) === 0) return '';
  return `${((100 * get(name)) / get(whole)).toFixed(2)}% ${words}`;
}

function ratio(over: number, under: number): string {
  return under === 0 ? '0.000' : (over / under).toFixed(3);
}

/** 1,234,567 */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}
