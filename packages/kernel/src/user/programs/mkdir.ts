import { EEXIST, isErrno } from '@hotpath/hw-x86';
import { parseArguments } from '../arguments.js';
import { leadsToDirectory } from '../files.js';
import { UsageError, type UserProgram } from '../process.js';

/** `mkdir` */
export const mkdir: UserProgram = {
  name: 'mkdir',
  summary: 'make directories',
  usage: '[-p] DIRECTORY...',
  options: [['-p', 'also those above; one that is there is no error']],
  *main(process, args) {
    const { flags, operands } = parseArguments(args, 'p');
    if (operands.length === 0) throw new UsageError('needs a directory');
    for (const path of operands) {
      const parts = path.split('/');
      const first = flags.has('p') ? 1 : parts.length;
      for (let count = first; count <= parts.length; count++) {
        const part = parts.slice(0, count).join('/');
        if (part === '') continue;
        const status = yield* process.sys.mkdir(part, 0o777);
        if (!isErrno(status)) continue;
        if (flags.has('p') && status === EEXIST && (yield* leadsToDirectory(process, part)))
          continue;
        yield* process.fail(part, status);
        break;
      }
    }
    return 0;
  },
};

/** `rmdir` */
export const rmdir: UserProgram = {
  name: 'rmdir',
  summary: 'remove empty directories',
  usage: 'DIRECTORY...',
  *main(process, args) {
    const { operands } = parseArguments(args, '');
    if (operands.length === 0) throw new UsageError('needs a directory');
    for (const path of operands) {
      const status = yield* process.sys.rmdir(path);
      if (isErrno(status)) yield* process.fail(path, status);
    }
    return 0;
  },
};
