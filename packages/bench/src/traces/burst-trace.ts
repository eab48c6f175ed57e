import { TraceError } from './trace-error.js';

const COLUMN_COUNT = 7;
const ENDS = ['exit', 'blocked', 'runnable'] as const;

/** One task of a recording: when it came, and what it wanted of a CPU. */
export interface BurstTask {
  readonly id: number;
  /** Id of the task that made it, -1 for a root. */
  readonly parent: number;
  readonly spawnUs: number;
  /** -20 (most CPU) to 19. */
  readonly nice: number;
  readonly command: string;
  /** How the recording left it. */
  readonly end: (typeof ENDS)[number];
  /** Microseconds: run, sleep, run, ... Time spent waiting for a CPU is in neither. */
  readonly bursts: Float64Array;
}

/**
 * Decodes a recording of run and sleep bursts (unpacked tab-separated text).
 * @throws TraceError with a code that names the line and the value
 */
export function decodeBurstTrace(bytes: Uint8Array): BurstTask[] {
  const lines = new TextDecoder().decode(bytes).split('\n');
  const tasks: BurstTask[] = [];
  lines.forEach((line, index) => {
    if (line !== '' && !line.startsWith('#')) tasks.push(decodeTask(line, index + 1));
  });
  if (tasks.length === 0) {
    throw new TraceError('ERR_TRACE_FORMAT', 'not a scheduling trace: it has no line with a task');
  }
  checkIds(tasks);
  return tasks;
}

function decodeTask(line: string, number: number): BurstTask {
  const columns = line.split('\t');
  if (columns.length !== COLUMN_COUNT) {
    throw new TraceError(
      'ERR_TRACE_FORMAT',
      `line ${number} has ${columns.length} tab-separated columns; a task has ${COLUMN_COUNT}`,
    );
  }
  const [id, parent, spawn, nice, command, end, bursts] = columns as [
    ...[string, string, string, string, string, string, string],
  ];
  if (!ENDS.includes(end as BurstTask['end'])) {
    throw wrong(number, 'end', end, ENDS.join(', '));
  }
  return {
    id: whole(number, 'id', id, 0, 2 ** 31 - 1),
    parent: whole(number, 'parent', parent, -1, 2 ** 31 - 1),
    spawnUs: whole(number, 'spawn_us', spawn, 0, Number.MAX_SAFE_INTEGER),
    nice: whole(number, 'nice', nice, -20, 19),
    command,
    end: end as BurstTask['end'],
    bursts: decodeBursts(number, bursts),
  };
}

function decodeBursts(line: number, text: string): Float64Array {
  if (text === '') return new Float64Array(0);
  return Float64Array.from(text.split(','), (burst) =>
    whole(line, 'burst', burst, 0, Number.MAX_SAFE_INTEGER),
  );
}

function checkIds(tasks: readonly BurstTask[]): void {
  const ids = new Set<number>();
  for (const { id } of tasks) {
    if (ids.has(id)) throw new TraceError('ERR_TRACE_VALUE', `two tasks have the id ${id}`);
    ids.add(id);
  }
  for (const { id, parent } of tasks) {
    if (parent === -1 || ids.has(parent)) continue;
    throw new TraceError('ERR_TRACE_VALUE', `task ${id} has the unknown parent ${parent}`);
  }
}

function whole(line: number, what: string, text: string, low: number, high: number): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= low && value <= high) return value;
  throw wrong(line, what, text, `a whole number ${low}..${high}`);
}

function wrong(line: number, what: string, found: string, allowed: string): TraceError {
  return new TraceError(
    'ERR_TRACE_VALUE',
    `line ${line}: ${what} is '${found}'; allowed: ${allowed}`,
  );
}
