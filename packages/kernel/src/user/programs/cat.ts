import { isErrno } from '@hotpath/hw-x86';
import { O_RDONLY } from '../../syscall/flags.js';
import { parseArguments } from '../arguments.js';
import {
  BUFFER_BYTES,
  type Process,
  STDIN,
  STDOUT,
  type Step,
  type UserProgram,
} from '../process.js';

/** Copies what is left of one descriptor to another through the program's memory: told where it fails. */
export function* copyAll(
  process: Process,
  from: number,
  to: number,
  names: { readonly from: string; readonly to: string },
): Step<number> {
  const { sys } = process;
  let total = 0;
  for (;;) {
    const count = yield* sys.read(from, process.inputBuffer, BUFFER_BYTES);
    if (count === 0) return total;
    if (isErrno(count)) {
      yield* process.fail(names.from, count);
      return total;
    }
    const status = yield* process.writeFrom(to, process.inputBuffer, count);
    if (isErrno(status)) {
      yield* process.fail(names.to, status);
      return total;
    }
    total += count;
  }
}

/** `cat` */
export const cat: UserProgram = {
  name: 'cat',
  summary: 'write files one after the other to standard output',
  usage: '[FILE...]',
  options: [['-', 'standard input; also without a FILE']],
  *main(process, args) {
    const { operands } = parseArguments(args, '');
    for (const path of operands.length === 0 ? ['-'] : operands) {
      const fd = path === '-' ? STDIN : yield* process.sys.open(path, O_RDONLY);
      if (isErrno(fd)) {
        yield* process.fail(path, fd);
        continue;
      }
      yield* copyAll(process, fd, STDOUT, { from: path, to: 'write error' });
      if (fd !== STDIN) yield* process.sys.close(fd);
    }
    return 0;
  },
};
