import { parseArguments } from '../arguments.js';
import { requestTable } from '../observe.js';
import { UsageError, type UserProgram } from '../process.js';

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(2)}%`;
}

/** `cachestat` */
export const cachestat: UserProgram = {
  name: 'cachestat',
  summary: 'page cache, block cache and the TLBs of each processor: hits, misses, walks',
  usage: '',
  *main(process, args) {
    const { operands } = parseArguments(args, '');
    if (operands.length > 0) throw new UsageError(`unknown operand '${operands[0]}'`);
    const rows = yield* requestTable(process, 'caches');
    if (rows === null) return 1;
    const caches = ['hits', 'misses', 'ratio', 'resident', 'dirty', 'read', 'written', 'evicted'];
    yield* process.print(
      `${'cache'.padEnd(12)}${caches.map((title) => title.padStart(10)).join('')}\n`,
    );
    for (const [name, ...cells] of rows) {
      if (name === 'tlb') continue;
      const [resident, dirty, hits, misses, read, written, evicted] = cells;
      const ratio = percent(Number(hits), Number(hits) + Number(misses));
      const shown = [hits, misses, ratio, resident, dirty, read, written, evicted];
      yield* process.print(
        `${name.padEnd(12)}${shown.map((cell) => cell.padStart(10)).join('')}\n`,
      );
    }
    const tlbs = ['load L2', 'store L2', 'fetch L2', 'load walk', 'store walk', 'fetch walk'];
    yield* process.print(
      `\n${'TLB'.padEnd(12)}${[...tlbs, 'walk cycles', 'shootdowns'].map((title) => title.padStart(12)).join('')}\n`,
    );
    for (const [name, cpu, , ...cells] of rows) {
      if (name !== 'tlb') continue;
      yield* process.print(
        `${`CPU ${cpu}`.padEnd(12)}${cells.map((cell) => cell.padStart(12)).join('')}\n`,
      );
    }
    return 0;
  },
};
