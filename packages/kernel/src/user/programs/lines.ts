/** The text of programs that work line by line. */
import { isErrno } from '@hotpath/hw-x86';
import { O_RDONLY } from '../../syscall/flags.js';
import { type Process, STDIN, type Step } from '../process.js';

/** Text of a file by its path, `-` is standard input; null: told. */
export function* textOf(process: Process, path: string): Step<string | null> {
  const fd = path === '-' ? STDIN : yield* process.sys.open(path, O_RDONLY);
  const text = isErrno(fd) ? fd : yield* process.readText(fd);
  if (!isErrno(fd) && fd !== STDIN) yield* process.sys.close(fd);
  if (typeof text === 'string') return text;
  yield* process.fail(path, text);
  return null;
}

/** Lines without their ends. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines[lines.length - 1] === '') lines.pop();
  return lines;
}

/** Standard input where no file is named. */
export function filesOrInput(operands: readonly string[]): readonly string[] {
  return operands.length === 0 ? ['-'] : operands;
}
