import { parseArguments } from '../arguments.js';
import type { UserProgram } from '../process.js';
import { readAccounts, seconds } from './accounts.js';

/** `ps` */
export const ps: UserProgram = {
  name: 'ps',
  summary: 'list tasks: number, parent, state, nice, memory, CPU seconds',
  usage: '',
  *main(process, args) {
    parseArguments(args, 'aefx');
    yield* process.print('  PID  PPID S  NI     RSS       TIME COMMAND\n');
    for (const row of yield* readAccounts(process)) {
      if (row.state === 'X') continue;
      yield* process.print(
        `${String(row.task).padStart(5)} ${String(Math.max(0, row.parent)).padStart(5)} ${row.state} ` +
          `${String(row.nice).padStart(3)} ${String(row.residentKib).padStart(7)} ` +
          `${seconds(row.cpuNs).padStart(10)} ${row.name}\n`,
      );
    }
    return 0;
  },
};
