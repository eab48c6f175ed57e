/** From words to arguments (POSIX.1-2024, 2.6): parameters, commands, fields, names, quotes. */
import type { Process, Step } from '../process.js';
import { type FieldCharacter, isPattern, matchingPaths } from './patterns.js';
import type { Word } from './words.js';

/** What the shell knows and words ask for. */
export interface ExpansionSource {
  readonly process: Process;
  /** Value of a variable or of `?`, `$`, `!`, `#`, `0`..`9`; nothing set is ''. */
  variable(name: string): string;
  /** What commands print, without newlines at the end. */
  output(commands: string): Step<string>;
}

/** A word that stays one field: a value to assign, the target of a redirection. */
export function* expandToText(source: ExpansionSource, word: Word): Step<string> {
  let text = '';
  for (const part of word) {
    text += part.kind === 'text' ? part.value : yield* partValue(source, part);
  }
  return text;
}

/** Words as arguments. */
export function* expand(source: ExpansionSource, words: readonly Word[]): Step<string[]> {
  const args: string[] = [];
  for (const word of words) {
    for (const field of yield* fieldsOf(source, word)) {
      const text = field.map((each) => each.character).join('');
      const paths = isPattern(field) ? yield* matchingPaths(source.process, field) : [];
      if (paths.length > 0) args.push(...paths);
      else args.push(text);
    }
  }
  return args;
}

function* partValue(source: ExpansionSource, part: { kind: string; value: string }): Step<string> {
  if (part.kind === 'variable') return source.variable(part.value);
  return yield* source.output(part.value);
}

function* fieldsOf(source: ExpansionSource, word: Word): Step<FieldCharacter[][]> {
  const fields: FieldCharacter[][] = [];
  let field: FieldCharacter[] | null = null;
  for (const part of word) {
    const { quoted } = part;
    const isText = part.kind === 'text';
    const value = isText ? part.value : yield* partValue(source, part);
    // Quotes make a field even of nothing; an unquoted value makes none of nothing.
    if (quoted || (isText && value !== '')) field ??= [];
    for (const character of value) {
      if (!quoted && !isText && /[ \t\n]/.test(character)) {
        if (field !== null) fields.push(field);
        field = null;
        continue;
      }
      field ??= [];
      // A pattern may come out of an unquoted variable, as in every shell.
      field.push({ character, quoted });
    }
  }
  if (field !== null) fields.push(field);
  return fields;
}
