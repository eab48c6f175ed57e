import { isErrno } from '@hotpath/hw-x86';
import { parseArguments } from '../arguments.js';
import type { UserProgram } from '../process.js';
import { targetsOf } from './cp.js';

/** `ln` */
export const ln: UserProgram = {
  name: 'ln',
  summary: 'give files further names',
  usage: '[-s] FILE... NAME',
  options: [['-s', 'symbolic links']],
  *main(process, args) {
    const { flags, operands } = parseArguments(args, 's');
    for (const [from, to] of yield* targetsOf(process, operands)) {
      const { sys } = process;
      const status = flags.has('s') ? yield* sys.symlink(from, to) : yield* sys.link(from, to);
      if (isErrno(status)) yield* process.fail(`${to} to ${from}`, status);
    }
    return 0;
  },
};
