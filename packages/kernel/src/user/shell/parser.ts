/** The shell's grammar (POSIX.1-2024, 2.10): lists, and-or lists, pipelines, commands. */
import { SyntaxProblem, type Token, tokenize } from './tokens.js';
import { plainText, type Word } from './words.js';

/** `2>> name`, `2>&1`. */
export interface Redirection {
  readonly fd: number;
  readonly operator: string;
  readonly target: Word;
}

/** A program or builtin with its words, and assignments before it. */
export interface SimpleCommand {
  readonly kind: 'simple';
  readonly assignments: readonly (readonly [string, Word])[];
  readonly words: readonly Word[];
  readonly redirections: readonly Redirection[];
}

/** `( list )` and the compound commands. */
export interface CompoundCommand {
  readonly kind: 'subshell' | 'while' | 'until' | 'if' | 'for';
  readonly redirections: readonly Redirection[];
  /** Condition of while and if. */
  readonly condition: List;
  readonly body: List;
  /** Else branch of if. */
  readonly otherwise: List;
  /** Variable and words of for. */
  readonly variable: string;
  readonly words: readonly Word[];
}

export type Command = SimpleCommand | CompoundCommand;

/** Commands whose outputs are the next one's inputs. */
export interface Pipeline {
  readonly negated: boolean;
  readonly commands: readonly Command[];
  /** As it was typed, about: for `jobs`. */
  readonly text: string;
}

/** Pipelines joined with `&&` and `||`. */
export interface AndOr {
  readonly first: Pipeline;
  readonly rest: readonly { readonly operator: '&&' | '||'; readonly pipeline: Pipeline }[];
  readonly background: boolean;
}

export type List = readonly AndOr[];

const NONE: List = [];
const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=/;
/** Words that end a list where a command would begin. */
const CLOSERS = ['do', 'done', 'then', 'else', 'elif', 'fi'];

/**
 * Parses a text of any number of lines.
 * @throws SyntaxProblem
 */
export function parse(text: string): List {
  const parser = new Parser(tokenize(text));
  const list = parser.list();
  parser.expectEnd();
  return list;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  list(): List {
    const items: AndOr[] = [];
    for (;;) {
      while (this.#takes('\n')) {
        // Empty lines.
      }
      if (this.#startsNoCommand()) return items;
      const item = this.#andOr();
      const background = this.#takes('&');
      items.push({ ...item, background });
      if (background || this.#takes(';') || this.#takes('\n')) continue;
      return items;
    }
  }

  expectEnd(): void {
    if (this.#at < this.#tokens.length) throw this.#unexpected();
  }

  #andOr(): Omit<AndOr, 'background'> {
    const first = this.#pipeline();
    const rest: { operator: '&&' | '||'; pipeline: Pipeline }[] = [];
    for (;;) {
      const operator = this.#takes('&&') ? '&&' : this.#takes('||') ? '||' : null;
      if (operator === null) return { first, rest };
      this.#skipLines();
      rest.push({ operator, pipeline: this.#pipeline() });
    }
  }

  #pipeline(): Pipeline {
    const start = this.#at;
    const negated = this.#takesWord('!');
    const commands = [this.#command()];
    while (this.#takes('|')) {
      this.#skipLines();
      commands.push(this.#command());
    }
    return { negated, commands, text: textOf(this.#tokens.slice(start, this.#at)) };
  }

  #command(): Command {
    if (this.#takes('(')) {
      const body = this.#body();
      if (!this.#takes(')')) throw this.#unexpected();
      return this.#compound('subshell', { body });
    }
    if (this.#takesWord('for')) return this.#for();
    if (this.#takesWord('if')) return this.#if();
    for (const kind of ['while', 'until'] as const) {
      if (!this.#takesWord(kind)) continue;
      const condition = this.#body();
      return this.#compound(kind, { condition, body: this.#doGroup() });
    }
    return this.#simple();
  }

  #for(): Command {
    const token = this.#tokens[this.#at++];
    const name = token?.kind === 'word' ? plainText(token.word) : null;
    if (name === null || !/^[A-Za-z_]\w*$/.test(name)) {
      this.#at -= 1;
      throw this.#unexpected();
    }
    this.#skipLines();
    const words: Word[] = [];
    this.#expectWord('in');
    for (;;) {
      const next = this.#tokens[this.#at];
      if (next?.kind !== 'word') break;
      words.push(next.word);
      this.#at += 1;
    }
    if (!this.#takes(';') && !this.#takes('\n')) throw this.#unexpected();
    this.#skipLines();
    return this.#compound('for', { variable: name, words, body: this.#doGroup() });
  }

  /** Behind `if` or `elif`. */
  #if(): Command {
    const condition = this.#body();
    this.#expectWord('then');
    const body = this.#body();
    if (this.#takesWord('elif')) {
      const nested = this.#if();
      const first: Pipeline = { negated: false, commands: [nested], text: 'if' };
      const otherwise = [{ first, rest: [], background: false }];
      return this.#compound('if', { condition, body, otherwise });
    }
    const otherwise = this.#takesWord('else') ? this.#body() : NONE;
    this.#expectWord('fi');
    return this.#compound('if', { condition, body, otherwise });
  }

  #doGroup(): List {
    this.#expectWord('do');
    const body = this.#body();
    this.#expectWord('done');
    return body;
  }

  /** A list that must not be empty. */
  #body(): List {
    const list = this.list();
    if (list.length === 0) throw this.#unexpected();
    return list;
  }

  #compound(kind: CompoundCommand['kind'], parts: Partial<CompoundCommand>): CompoundCommand {
    const redirections: Redirection[] = [];
    while (this.#redirection(redirections)) {
      // One more.
    }
    const empty = { condition: NONE, body: NONE, otherwise: NONE, variable: '', words: [] };
    return { ...empty, ...parts, kind, redirections };
  }

  #simple(): SimpleCommand {
    const assignments: (readonly [string, Word])[] = [];
    const words: Word[] = [];
    const redirections: Redirection[] = [];
    for (;;) {
      const token = this.#tokens[this.#at];
      if (token?.kind === 'word') {
        this.#at += 1;
        const assignment = words.length === 0 ? asAssignment(token.word) : null;
        if (assignment === null) words.push(token.word);
        else assignments.push(assignment);
      } else if (!this.#redirection(redirections)) break;
    }
    if (assignments.length + words.length + redirections.length === 0) throw this.#unexpected();
    return { kind: 'simple', assignments, words, redirections };
  }

  #redirection(into: Redirection[]): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'redirection') return false;
    this.#at += 1;
    const target = this.#tokens[this.#at];
    if (target?.kind !== 'word') throw this.#unexpected();
    this.#at += 1;
    into.push({ fd: token.fd, operator: token.text, target: target.word });
    return true;
  }

  #startsNoCommand(): boolean {
    const token = this.#tokens[this.#at];
    if (token === undefined) return true;
    if (token.kind === 'operator') return token.text === ')';
    return token.kind === 'word' && CLOSERS.includes(plainText(token.word) ?? '');
  }

  #takes(operator: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'operator' || token.text !== operator) return false;
    this.#at += 1;
    return true;
  }

  #takesWord(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'word' || plainText(token.word) !== text) return false;
    this.#at += 1;
    return true;
  }

  #expectWord(text: string): void {
    if (!this.#takesWord(text)) throw this.#unexpected();
  }

  #skipLines(): void {
    while (this.#takes('\n')) {
      // Empty lines.
    }
  }

  #unexpected(): SyntaxProblem {
    const token = this.#tokens[this.#at];
    if (token === undefined) return new SyntaxProblem('unexpected end', true);
    return new SyntaxProblem(`syntax error near '${textOf([token])}'`);
  }
}

function asAssignment(word: Word): readonly [string, Word] | null {
  const [first, ...rest] = word;
  const match = first?.kind === 'text' && !first.quoted ? ASSIGNMENT.exec(first.value) : null;
  if (match === null) return null;
  const value = first.value.slice(match[0].length);
  return [match[1], value === '' ? rest : [{ ...first, value }, ...rest]];
}

function textOf(tokens: readonly Token[]): string {
  const texts = tokens.map((token) => {
    if (token.kind !== 'word') return token.text === '\n' ? 'newline' : token.text;
    const parts = token.word.map((part) => {
      if (part.kind === 'text') return part.value;
      return part.kind === 'variable' ? `$${part.value}` : `$(${part.value})`;
    });
    return parts.join('');
  });
  return texts.join(' ');
}
