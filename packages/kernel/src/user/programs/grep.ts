import { parseArguments } from '../arguments.js';
import { UsageError, type UserProgram } from '../process.js';
import { filesOrInput, linesOf, textOf } from './lines.js';

function expressionOf(pattern: string, flags: ReadonlySet<string>): RegExp {
  const source = flags.has('F') ? pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : pattern;
  try {
    return new RegExp(source, flags.has('i') ? 'iu' : 'u');
  } catch {
    throw new UsageError(`pattern '${pattern}' is not a regular expression`);
  }
}

/** `grep` */
export const grep: UserProgram = {
  name: 'grep',
  summary: 'print lines that match a pattern; status 1 where none does',
  usage: '[-Fcinv] PATTERN [FILE...]',
  options: [
    ['-F', 'the pattern is plain text'],
    ['-c', 'how many lines'],
    ['-i', 'capitals and small letters alike'],
    ['-n', 'with line numbers'],
    ['-q', 'print nothing'],
    ['-v', 'lines that do not match'],
  ],
  *main(process, args) {
    const { flags, operands } = parseArguments(args, 'FEcinqv');
    const [pattern, ...paths] = operands;
    if (pattern === undefined) throw new UsageError('needs a pattern');
    const expression = expressionOf(pattern, flags);
    let found = false;
    for (const path of filesOrInput(paths)) {
      const text = yield* textOf(process, path);
      if (text === null) continue;
      const prefix = paths.length > 1 ? `${path}:` : '';
      let count = 0;
      for (const [index, line] of linesOf(text).entries()) {
        if (expression.test(line) === flags.has('v')) continue;
        count += 1;
        if (flags.has('c') || flags.has('q')) continue;
        yield* process.print(`${prefix}${flags.has('n') ? `${index + 1}:` : ''}${line}\n`);
      }
      if (flags.has('c')) yield* process.print(`${prefix}${count}\n`);
      found ||= count > 0;
    }
    if (process.status > 0) return 2;
    return found ? 0 : 1;
  },
};
