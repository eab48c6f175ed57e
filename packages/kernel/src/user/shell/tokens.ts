/**
 * The shell's tokens (POSIX.1-2024, Shell Command Language, 2.3): words with their quotes resolved, and
 * operators. Aliases and here-documents are not part of it.
 */
import type { Word, WordPart } from './words.js';

/** A token: an operator, the end of a line, or a word. */
export type Token =
  | { readonly kind: 'operator'; readonly text: string }
  | { readonly kind: 'redirection'; readonly text: string; readonly fd: number }
  | { readonly kind: 'word'; readonly word: Word };

/** The text makes no sense. */
export class SyntaxProblem extends Error {
  override readonly name = 'SyntaxProblem';
  /** True if more text could still make sense of it: an open quote, a loop without its end. */
  readonly isIncomplete: boolean;

  constructor(message: string, isIncomplete = false) {
    super(message);
    this.isIncomplete = isIncomplete;
  }
}

const OPERATORS = ['&&', '||', ';', '&', '|', '(', ')', '\n'];
const REDIRECTIONS = ['>>', '>&', '<&', '>', '<'];
const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;
const SPECIAL = /^[?$!#0-9]/;

/**
 * Cuts a text into tokens.
 * @throws SyntaxProblem
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at, at + 2);
    if (rest[0] === ' ' || rest[0] === '\t' || rest[0] === '\r') at += 1;
    else if (rest === '\\\n') at += 2;
    else if (rest[0] === '#') {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end;
    } else {
      const found = operatorAt(text, at);
      if (found === null) at = readWord(text, at, tokens);
      else {
        tokens.push(found.token);
        at += found.length;
      }
    }
  }
  return tokens;
}

function operatorAt(text: string, at: number): { token: Token; length: number } | null {
  const digits = /^\d+(?=[<>])/.exec(text.slice(at, at + 8))?.[0] ?? '';
  const behind = at + digits.length;
  const redirection = REDIRECTIONS.find((each) => text.startsWith(each, behind));
  if (redirection !== undefined) {
    const fd = digits === '' ? (redirection.startsWith('<') ? 0 : 1) : Number(digits);
    const token: Token = { kind: 'redirection', text: redirection, fd };
    return { token, length: digits.length + redirection.length };
  }
  const operator = OPERATORS.find((each) => text.startsWith(each, at));
  if (operator === undefined) return null;
  return { token: { kind: 'operator', text: operator }, length: operator.length };
}

function readWord(text: string, start: number, tokens: Token[]): number {
  const parts: WordPart[] = [];
  let plain = '';
  const endPlain = (): void => {
    if (plain !== '') parts.push({ kind: 'text', value: plain, quoted: false });
    plain = '';
  };
  let at = start;
  while (at < text.length && !/[\s;&|()<>]/.test(text[at])) {
    const character = text[at];
    if (character === '\\') {
      if (at + 1 >= text.length) throw new SyntaxProblem('a backslash at the end', true);
      endPlain();
      if (text[at + 1] !== '\n') parts.push({ kind: 'text', value: text[at + 1], quoted: true });
      at += 2;
    } else if (character === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) throw new SyntaxProblem("unterminated ' quote", true);
      endPlain();
      parts.push({ kind: 'text', value: text.slice(at + 1, end), quoted: true });
      at = end + 1;
    } else if (character === '"') {
      endPlain();
      at = readDoubleQuotes(text, at + 1, parts);
    } else if (character === '$') {
      endPlain();
      at = readDollar(text, at, parts, false);
    } else {
      plain += character;
      at += 1;
    }
  }
  endPlain();
  tokens.push({ kind: 'word', word: parts });
  return at;
}

/** Behind the opening quote; where the text goes on behind the closing one. */
function readDoubleQuotes(text: string, start: number, parts: WordPart[]): number {
  let plain = '';
  const before = parts.length;
  const endPlain = (): void => {
    if (plain !== '') parts.push({ kind: 'text', value: plain, quoted: true });
    plain = '';
  };
  for (let at = start; at < text.length; ) {
    const character = text[at];
    if (character === '"') {
      endPlain();
      // An empty pair of quotes is an empty word, not none.
      if (parts.length === before) parts.push({ kind: 'text', value: '', quoted: true });
      return at + 1;
    }
    if (character === '\\' && '$"\\`\n'.includes(text[at + 1] ?? ' ')) {
      if (text[at + 1] !== '\n') plain += text[at + 1];
      at += 2;
    } else if (character === '$') {
      endPlain();
      at = readDollar(text, at, parts, true);
    } else {
      plain += character;
      at += 1;
    }
  }
  throw new SyntaxProblem('unterminated " quote', true);
}

function readDollar(text: string, at: number, parts: WordPart[], quoted: boolean): number {
  const rest = text.slice(at + 1, at + 256);
  if (rest.startsWith('{')) {
    const end = rest.indexOf('}');
    if (end < 0) throw new SyntaxProblem('bad substitution', true);
    const value = rest.slice(1, end);
    if (value !== (NAME.exec(value) ?? SPECIAL.exec(value))?.[0]) {
      throw new SyntaxProblem(`bad substitution \${${value}}`);
    }
    parts.push({ kind: 'variable', value, quoted });
    return at + 2 + end;
  }
  if (rest.startsWith('(')) {
    const end = closingParenthesis(text, at + 2);
    parts.push({ kind: 'command', value: text.slice(at + 2, end), quoted });
    return end + 1;
  }
  const name = (NAME.exec(rest) ?? SPECIAL.exec(rest))?.[0];
  if (name === undefined) parts.push({ kind: 'text', value: '$', quoted });
  else parts.push({ kind: 'variable', value: name, quoted });
  return at + 1 + (name?.length ?? 0);
}

/** Where the parenthesis closes that was opened before `start`; quotes are stepped over. */
function closingParenthesis(text: string, start: number): number {
  let depth = 1;
  let quote = '';
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === "'" || character === '"') quote = character;
    else if (character === '\\') at += 1;
    else if (character === '(') depth += 1;
    else if (character === ')' && --depth === 0) return at;
  }
  throw new SyntaxProblem('$( without )', true);
}
