import { parseArguments } from '../arguments.js';
import type { UserProgram } from '../process.js';
import { filesOrInput, linesOf, textOf } from './lines.js';

function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function byNumber(a: string, b: string): number {
  return (Number.parseFloat(a) || 0) - (Number.parseFloat(b) || 0) || byText(a, b);
}

/** `sort` */
export const sort: UserProgram = {
  name: 'sort',
  summary: 'print lines in order',
  usage: '[-nru] [FILE...]',
  options: [
    ['-n', 'by the numbers that they begin with'],
    ['-r', 'backwards'],
    ['-u', 'equal lines once'],
  ],
  *main(process, args) {
    const { flags, operands } = parseArguments(args, 'nru');
    let lines: string[] = [];
    for (const path of filesOrInput(operands)) {
      const text = yield* textOf(process, path);
      if (text !== null) lines.push(...linesOf(text));
    }
    lines.sort(flags.has('n') ? byNumber : byText);
    if (flags.has('r')) lines.reverse();
    if (flags.has('u')) lines = lines.filter((line, index) => line !== lines[index - 1]);
    for (const line of lines) yield* process.print(`${line}\n`);
    return 0;
  },
};
