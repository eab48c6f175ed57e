import { isErrno } from '@hotpath/hw-x86';
import { isDirectory, isRegular, isSymbolicLink } from '../../vfs/modes.js';
import { wholeNumber } from '../arguments.js';
import { modeOf } from '../files.js';
import { type Process, type Step, UsageError, type UserProgram } from '../process.js';

const LIMIT = Number.MAX_SAFE_INTEGER;
const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '-eq': (a, b) => a === b,
  '-ne': (a, b) => a !== b,
  '-lt': (a, b) => a < b,
  '-le': (a, b) => a <= b,
  '-gt': (a, b) => a > b,
  '-ge': (a, b) => a >= b,
};

function* ofOne(process: Process, operator: string, operand: string): Step<boolean> {
  if (operator === '-n') return operand !== '';
  if (operator === '-z') return operand === '';
  const mode = yield* modeOf(process, operand, operator !== '-L');
  if (isErrno(mode)) return false;
  if (operator === '-e') return true;
  if (operator === '-d') return isDirectory(mode);
  if (operator === '-f') return isRegular(mode);
  if (operator === '-L') return isSymbolicLink(mode);
  if (operator === '-s') return process.sys.status.size > 0;
  throw new UsageError(`unknown operator '${operator}'`);
}

function* evaluate(process: Process, words: readonly string[]): Step<boolean> {
  if (words[0] === '!') return !(yield* evaluate(process, words.slice(1)));
  if (words.length === 0) return false;
  if (words.length === 1) return words[0] !== '';
  if (words.length === 2) return yield* ofOne(process, words[0], words[1]);
  const [left, operator, right, ...rest] = words;
  if (rest.length > 0) throw new UsageError('too many words');
  if (operator === '=') return left === right;
  if (operator === '!=') return left !== right;
  const compare = Object.hasOwn(COMPARISONS, operator) ? COMPARISONS[operator] : undefined;
  if (compare === undefined) throw new UsageError(`unknown operator '${operator}'`);
  return compare(
    wholeNumber('number', left, -LIMIT, LIMIT),
    wholeNumber('number', right, -LIMIT, LIMIT),
  );
}

const USAGE = 'EXPRESSION';
const OPTIONS = [
  ['-e -f -d -L -s', 'there is a file, regular, directory, link, not empty'],
  ['-n -z', 'the text is not empty, is empty'],
  ['= !=', 'texts'],
  ['-eq -ne -lt ...', 'numbers'],
  ['!', 'not'],
] as const;

/** `test` */
export const test: UserProgram = {
  name: 'test',
  summary: 'judge an expression: status 0 where it is true',
  usage: USAGE,
  options: OPTIONS,
  *main(process, args) {
    return (yield* evaluate(process, args)) ? 0 : 1;
  },
};

/** `[` */
export const bracket: UserProgram = {
  name: '[',
  summary: test.summary,
  usage: `${USAGE} ]`,
  options: OPTIONS,
  *main(process, args) {
    if (args[args.length - 1] !== ']') throw new UsageError("missing ']'");
    return (yield* evaluate(process, args.slice(0, -1))) ? 0 : 1;
  },
};
