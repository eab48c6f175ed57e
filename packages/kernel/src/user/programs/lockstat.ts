import { parseArguments } from '../arguments.js';
import { requestTable } from '../observe.js';
import { UsageError, type UserProgram } from '../process.js';

function microseconds(nanoseconds: string): string {
  return (Number(nanoseconds) / 1e3).toFixed(3).padStart(12);
}

/** `lockstat` */
export const lockstat: UserProgram = {
  name: 'lockstat',
  summary: 'classes of kernel locks: how often taken, how often waited for, how long',
  usage: '',
  *main(process, args) {
    const { operands } = parseArguments(args, '');
    if (operands.length > 0) throw new UsageError(`unknown operand '${operands[0]}'`);
    const rows = yield* requestTable(process, 'locks');
    if (rows === null) return 1;
    yield* process.print(
      `${'class'.padEnd(20)} acquisitions  contended      wait us  max wait us      hold us  max hold us\n`,
    );
    for (const [name, acquisitions, contended, ...times] of rows) {
      yield* process.print(
        `${name.padEnd(20)} ${acquisitions.padStart(12)} ${contended.padStart(10)} ` +
          `${times.map(microseconds).join(' ')}\n`,
      );
    }
    return 0;
  },
};
