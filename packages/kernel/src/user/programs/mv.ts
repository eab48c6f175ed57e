import { EXDEV, isErrno } from '@hotpath/hw-x86';
import { parseArguments } from '../arguments.js';
import { leadsToDirectory } from '../files.js';
import type { UserProgram } from '../process.js';
import { copyFile, targetsOf } from './cp.js';

/** `mv` */
export const mv: UserProgram = {
  name: 'mv',
  summary: 'move or rename files; between file systems files are copied',
  usage: 'SOURCE... TARGET',
  *main(process, args) {
    const { operands } = parseArguments(args, 'f');
    for (const [from, to] of yield* targetsOf(process, operands)) {
      const status = yield* process.sys.rename(from, to);
      if (status !== EXDEV || (yield* leadsToDirectory(process, from))) {
        if (isErrno(status)) yield* process.fail(`${from} to ${to}`, status);
        continue;
      }
      const before = process.status;
      process.status = 0;
      yield* copyFile(process, from, to);
      if (process.status === 0) {
        const removed = yield* process.sys.unlink(from);
        if (isErrno(removed)) yield* process.fail(from, removed);
      }
      process.status = Math.max(process.status, before);
    }
    return 0;
  },
};
