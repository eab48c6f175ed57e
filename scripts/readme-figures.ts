/**
 * Exact figures of a README, each with the command that prints them. A comment
 * `<!-- figures: COMMAND -->` stands right before a table or a `text` block:
 *
 * - Of a text block, every line has to be printed, in this order; `…` stands for any text.
 * - Of a table, every number of a row has to be printed in one line, in this order, by COMMAND; or,
 *   where COMMAND holds `{}`, anywhere and in any order by the command with the first cell in its
 *   place. Separators of thousands do not count.
 */

import { lineMatches } from './readme-examples.js';

/** One comment and what it vouches for. */
export interface ReadmeFigures {
  /** Line of the comment, from 1. */
  readonly line: number;
  /** `hotpath ...` or `examples/NAME.ts`, perhaps with `{}`. */
  readonly command: string;
  readonly lines: readonly string[];
  /** Cells of the rows; empty for a text block. */
  readonly rows: readonly (readonly string[])[];
}

const MARK = /<!-- figures: (.+?) -->\n+(?:```text\n([\s\S]*?)```|((?:\|.*\n)+))/g;

/** Every vouched block of `markdown` in order. */
export function readFigures(markdown: string): ReadmeFigures[] {
  return [...markdown.matchAll(MARK)].map((match) => ({
    line: markdown.slice(0, match.index).split('\n').length,
    command: match[1]!,
    lines: match[2]?.trimEnd().split('\n') ?? [],
    rows: (match[3] ?? '').trimEnd().split('\n').slice(2).map(cells),
  }));
}

function cells(row: string): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', ''));
}

/** The command of each row, or one command for all. */
export function commandsOf({ command, rows }: ReadmeFigures): string[] {
  if (!command.includes('{}')) return [command];
  return rows.map((row) => command.replace('{}', row[0]!.replaceAll(' ', '')));
}

/** What the README says and `printed`, the output of {@link commandsOf} in order, does not. */
export function unprinted(figures: ReadmeFigures, printed: readonly string[]): string[] {
  const [first] = printed;
  if (figures.rows.length === 0) return missingLines(figures.lines, first!.split('\n'));
  return figures.rows
    .filter((row, at) =>
      figures.command.includes('{}')
        ? !numbersOf(row).every((number) => numbersOf([printed[at]!]).includes(number))
        : !first!.split('\n').some((line) => inOrder(numbersOf(row), numbersOf([line]))),
    )
    .map((row) => row.join(' | '));
}

function missingLines(claimed: readonly string[], printed: readonly string[]): string[] {
  let from = 0;
  return claimed.filter((line) => {
    const at = printed.findIndex((other, index) => index >= from && lineMatches(line, other));
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

function numbersOf(row: readonly string[]): string[] {
  const text = row.join(' ').replace(/(?<=\d),(?=\d{3})/g, '');
  return text.match(/\d+(?:\.\d+)?/g) ?? [];
}

function inOrder(wanted: readonly string[], found: readonly string[]): boolean {
  let at = 0;
  for (const number of found) if (number === wanted[at]) at++;
  return wanted.length > 0 && at === wanted.length;
}
