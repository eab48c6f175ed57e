/** `perf why -c`: where the time of system calls went. */
import { requestTable } from '../../observe.js';
import type { Process, Step } from '../../process.js';
import { milliseconds } from './times.js';

/** Each call with its kinds of time, the one with most time first. */
export function* showCalls(process: Process, names: readonly string[]): Step {
  const rows = yield* requestTable(process, 'calls');
  if (rows === null) return;
  const [kinds, ...calls] = rows;
  for (const [name, count, errors, longest, ...times] of calls) {
    if (names.length > 0 && !names.includes(name)) continue;
    const spent = times.map(Number);
    const total = spent.reduce((sum, value) => sum + value, 0);
    const failed = errors === '0' ? '' : `, ${errors} failed`;
    yield* process.print(
      `${name}: ${count} calls${failed}, ${milliseconds(total)} ms, ` +
        `longest ${milliseconds(Number(longest))} ms\n`,
    );
    const shares = kinds
      .map((kind, index) => [kind, spent[index]] as const)
      .filter(([, value]) => value > 0)
      .sort(([, a], [, b]) => b - a);
    for (const [kind, value] of shares) {
      const share = ((100 * value) / total).toFixed(1);
      yield* process.print(
        `  ${kind.padEnd(12)} ${milliseconds(value).padStart(12)} ms ${share.padStart(6)} %\n`,
      );
    }
  }
}
