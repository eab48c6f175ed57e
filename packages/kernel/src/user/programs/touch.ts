import { ENOENT, isErrno } from '@hotpath/hw-x86';
import { O_CREAT, O_WRONLY, UTIME_NOW } from '../../syscall/flags.js';
import { parseArguments } from '../arguments.js';
import { UsageError, type UserProgram } from '../process.js';

/** `touch` */
export const touch: UserProgram = {
  name: 'touch',
  summary: 'set the times of files to now; make those that are not there',
  usage: '[-c] FILE...',
  options: [['-c', 'make none']],
  *main(process, args) {
    const { flags, operands } = parseArguments(args, 'c');
    if (operands.length === 0) throw new UsageError('needs a file');
    const { sys } = process;
    for (const path of operands) {
      let status = yield* sys.utimens(path, UTIME_NOW, UTIME_NOW);
      if (status === ENOENT) {
        if (flags.has('c')) continue;
        status = yield* sys.open(path, O_WRONLY | O_CREAT);
        if (!isErrno(status)) status = yield* sys.close(status);
      }
      if (isErrno(status)) yield* process.fail(path, status);
    }
    return 0;
  },
};
