import { UsageError } from './process.js';

/** Options and operands of a command line. */
export interface ParsedArguments {
  /** Letters of options that were given, without values. */
  readonly flags: ReadonlySet<string>;
  /** Values of options that take one. */
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

/**
 * Short options in the manner of POSIX getopt: `-la`, `-n 5`, `-n5`, `--` ends them.
 * @param allowed - as getopt takes it: letters, with a colon behind those that take a value
 * @param stopAtOperand - options end at the first operand (programs that run another)
 * @throws UsageError for an unknown option or a missing value
 */
export function parseArguments(
  args: readonly string[],
  allowed: string,
  stopAtOperand = false,
): ParsedArguments {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const operands: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === '--') {
      operands.push(...args.slice(at + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      if (stopAtOperand) {
        operands.push(...args.slice(at));
        break;
      }
      operands.push(word);
      continue;
    }
    for (let letter = 1; letter < word.length; letter++) {
      const option = word[letter];
      const known = option === ':' ? -1 : allowed.indexOf(option);
      if (known < 0) throw new UsageError(`unknown option -- '${word.slice(letter)}'`);
      if (allowed[known + 1] !== ':') {
        flags.add(option);
        continue;
      }
      const rest = word.slice(letter + 1);
      const value = rest === '' ? args[++at] : rest;
      if (value === undefined) throw new UsageError(`option -${option} needs a value`);
      values.set(option, value);
      break;
    }
  }
  return { flags, values, operands };
}

/**
 * A whole number within a range.
 * @throws UsageError that names it and the range
 */
export function wholeNumber(what: string, text: string, low: number, high: number): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw new UsageError(`${what} is '${text}'; allowed: a whole number ${low}..${high}`);
}

/**
 * A decimal number of seconds as nanoseconds.
 * @throws UsageError
 */
export function secondsToNs(text: string): number {
  const value = /^\d+(\.\d*)?$|^\.\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 1e6) return Math.round(value * 1e9);
  throw new UsageError(`time is '${text}'; allowed: seconds from 0 to 1000000, as 0.5`);
}
