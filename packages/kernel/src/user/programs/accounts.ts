/** /proc/accounts as programs read it: what the kernel counted of each task, also of ended ones. */
import type { Process, Step } from '../process.js';
import { linesOf } from './lines.js';

/** One task. Times are nanoseconds. */
export interface Account {
  readonly task: number;
  readonly name: string;
  /** R, S, Z, or X for one that has ended. */
  readonly state: string;
  readonly nice: number;
  readonly parent: number;
  readonly residentKib: number;
  readonly switches: number;
  /** The longest it waited for a CPU at once. */
  readonly queueNsMax: number;
  /** CPU time. */
  readonly cpuNs: number;
  /** By kind of time. */
  readonly kinds: ReadonlyMap<string, number>;
}

/** All tasks that the kernel remembers, by number; empty when that failed: told. */
export function* readAccounts(process: Process): Step<Account[]> {
  const text = yield* process.readFile('/proc/accounts');
  if (typeof text === 'number') {
    yield* process.fail('/proc/accounts', text);
    return [];
  }
  const [heading, ...lines] = linesOf(text);
  const kinds = heading.split('\t').slice(9);
  return lines.map((line) => {
    const cells = line.split('\t');
    const [task, , , nice, parent, residentKib, switches, queueNsMax, cpuNs, ...times] =
      cells.map(Number);
    return {
      task,
      name: cells[1],
      state: cells[2],
      nice,
      parent,
      residentKib,
      switches,
      queueNsMax,
      cpuNs,
      kinds: new Map(kinds.map((kind, index) => [kind, times[index]])),
    };
  });
}

/** Seconds with four digits behind the point. */
export function seconds(nanoseconds: number): string {
  return (nanoseconds / 1e9).toFixed(4);
}
