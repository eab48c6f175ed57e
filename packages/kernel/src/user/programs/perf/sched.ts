/** `perf sched timehist` and `perf sched map`: who had which CPU when, as Linux's perf lists it. */
import { requestTable } from '../../observe.js';
import type { Process, Step } from '../../process.js';
import { milliseconds, secondsText } from './times.js';

/** One change of task. Times are nanoseconds; task -1 is the idle loop. */
interface Change {
  readonly time: number;
  readonly cpu: number;
  readonly from: number;
  readonly fromName: string;
  readonly state: string;
  readonly slept: number;
  readonly delayed: number;
  readonly ran: number;
  readonly to: number;
  readonly toName: string;
}

const IDLE = -1;
/** Letters of a task in the map: A0, B0, ..., Z0, A1, ... */
const LETTERS = 26;

function* readChanges(process: Process): Step<Change[] | null> {
  const rows = yield* requestTable(process, 'sched');
  if (rows === null) return null;
  const [[lost], ...cells] = rows;
  if (lost !== '0') yield* process.print(`${lost} earlier changes are not kept\n`);
  return cells.map((row) => {
    const [time, cpu, from, , , slept, delayed, ran, to] = row.map(Number);
    const [, , , fromName, state, , , , , toName] = row;
    return { time, cpu, from, fromName, state, slept, delayed, ran, to, toName };
  });
}

function isMeant(task: number, name: string, operands: readonly string[]): boolean {
  return operands.length === 0 || operands.includes(name) || operands.includes(String(task));
}

/** A line for each time that a task had a CPU, at its end. */
export function* showTimehist(process: Process, operands: readonly string[]): Step {
  const changes = yield* readChanges(process);
  if (changes === null) return;
  yield* process.print(
    `${'time'.padStart(15)}  cpu    ${'task name'.padEnd(24)} ${'wait time'.padStart(10)} ` +
      `${'sch delay'.padStart(10)} ${'run time'.padStart(10)}  state\n` +
      `${' '.repeat(24)}${'[tid]'.padEnd(24)} ${'(msec)'.padStart(10)} ` +
      `${'(msec)'.padStart(10)} ${'(msec)'.padStart(10)}\n`,
  );
  for (const { cpu, delayed, from, fromName, ran, slept, state, time } of changes) {
    if (from === IDLE || !isMeant(from, fromName, operands)) continue;
    const cells = [slept, delayed, ran].map((value) => milliseconds(value).padStart(10));
    yield* process.print(
      `${secondsText(time).padStart(15)} [${String(cpu).padStart(4, '0')}] ` +
        ` ${`${fromName}[${from}]`.padEnd(24)} ${cells.join(' ')}  ${state}\n`,
    );
  }
}

/** A line for each change: a column a CPU, `.` is idle, `*` marks the CPU that changed. */
export function* showMap(process: Process, operands: readonly string[]): Step {
  const changes = yield* readChanges(process);
  if (changes === null) return;
  const cpuCount = 1 + Math.max(0, ...changes.map(({ cpu }) => cpu));
  const onCpu = new Array<string>(cpuCount).fill('.');
  const letters = new Map<number, string>();
  const named = new Map<number, string>();
  for (const { cpu, from, fromName, time, to, toName } of changes) {
    let legend = '';
    // A task that has become another program is named again.
    for (const [task, name] of [
      [to, toName],
      [from, fromName],
    ] as const) {
      if (task === IDLE || named.get(task) === name) continue;
      named.set(task, name);
      if (!letters.has(task)) letters.set(task, letterOf(letters.size));
      legend += ` ${letters.get(task)} => ${name}:${task}`;
    }
    onCpu[cpu] = letters.get(to) ?? '.';
    const concerns =
      (to !== IDLE && isMeant(to, toName, operands)) ||
      (from !== IDLE && isMeant(from, fromName, operands));
    if (!concerns) continue;
    const columns = onCpu.map((letter, each) => `${each === cpu ? '*' : ' '}${letter.padEnd(3)}`);
    yield* process.print(`  ${columns.join(' ')} ${secondsText(time)} secs${legend}\n`);
  }
}

function letterOf(index: number): string {
  const letter = String.fromCharCode(65 + (index % LETTERS));
  return `${letter}${Math.floor(index / LETTERS)}`;
}
