import { isErrno } from '@hotpath/hw-x86';
import { O_RDONLY } from '../../syscall/flags.js';
import { parseArguments, wholeNumber } from '../arguments.js';
import { type Process, STDIN, type Step, type UserProgram } from '../process.js';
import { filesOrInput, linesOf, textOf } from './lines.js';

/** Prints some lines of one file. */
type PrintLines = (process: Process, path: string, count: number) => Step;

/** Reads no further than it must: what feeds a pipe may never end. */
function* printFirst(process: Process, path: string, count: number): Step {
  const fd = path === '-' ? STDIN : yield* process.sys.open(path, O_RDONLY);
  if (isErrno(fd)) return yield* process.fail(path, fd);
  const decoder = new TextDecoder();
  let left = count;
  while (left > 0) {
    const bytes = yield* process.readBytes(fd);
    if (typeof bytes === 'number') yield* process.fail(path, bytes);
    if (bytes === null || typeof bytes === 'number') break;
    let end = 0;
    while (left > 0 && end < bytes.length) {
      const newline = bytes.indexOf(10, end);
      end = newline < 0 ? bytes.length : newline + 1;
      if (newline >= 0) left -= 1;
    }
    yield* process.print(decoder.decode(bytes.subarray(0, end), { stream: true }));
  }
  if (fd !== STDIN) yield* process.sys.close(fd);
}

function* printLast(process: Process, path: string, count: number): Step {
  const text = yield* textOf(process, path);
  if (text === null || count === 0) return;
  for (const line of linesOf(text).slice(-count)) yield* process.print(`${line}\n`);
}

function lineProgram(name: string, summary: string, printLines: PrintLines): UserProgram {
  return {
    name,
    summary,
    usage: '[-n COUNT] [FILE...]',
    options: [['-n COUNT', 'how many; default 10']],
    *main(process, args) {
      // -5 as in the days before getopt.
      const modern = args.flatMap((arg) => (/^-\d+$/.test(arg) ? ['-n', arg.slice(1)] : [arg]));
      const { operands, values } = parseArguments(modern, 'n:');
      const count = wholeNumber('count', values.get('n') ?? '10', 0, 1e9);
      for (const [index, path] of filesOrInput(operands).entries()) {
        if (operands.length > 1) {
          yield* process.print(`${index > 0 ? '\n' : ''}==> ${path} <==\n`);
        }
        yield* printLines(process, path, count);
      }
      return 0;
    },
  };
}

/** `head` */
export const head = lineProgram('head', 'print the first lines', printFirst);

/** `tail` */
export const tail = lineProgram('tail', 'print the last lines', printLast);
