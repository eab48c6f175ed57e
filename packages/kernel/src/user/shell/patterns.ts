/** Patterns for names (POSIX.1-2024, 2.14): `*`, `?`, `[abc]`, `[!a-z]`. */
import type { Process, Step } from '../process.js';

/** One character of a field: a quoted one stands for itself. */
export interface FieldCharacter {
  readonly character: string;
  readonly quoted: boolean;
}

/** True if anything in it is to be looked up. */
export function isPattern(field: readonly FieldCharacter[]): boolean {
  return field.some(({ character, quoted }) => !quoted && '*?['.includes(character));
}

/** A pattern for one name as a regular expression. */
export function patternExpression(field: readonly FieldCharacter[]): RegExp {
  let source = '';
  for (let at = 0; at < field.length; at++) {
    const { character, quoted } = field[at];
    if (quoted) source += escaped(character);
    else if (character === '*') source += '.*';
    else if (character === '?') source += '.';
    else if (character === '[') {
      const end = field.findIndex((each, index) => index > at + 1 && each.character === ']');
      if (end < 0) source += '\\[';
      else {
        const inside = field.slice(at + 1, end).map((each) => each.character);
        const inverted = inside[0] === '!' || inside[0] === '^';
        const set = (inverted ? inside.slice(1) : inside).join('').replace(/[\\\]^]/g, '\\$&');
        source += `[${inverted ? '^' : ''}${set}]`;
        at = end;
      }
    } else source += escaped(character);
  }
  return new RegExp(`^(?:${source})$`, 'su');
}

function escaped(character: string): string {
  return /[A-Za-z0-9_\s]/.test(character) || character > '\x7f' ? character : `\\${character}`;
}

/** Paths that a field with patterns leads to, sorted; none: an empty list. */
export function* matchingPaths(process: Process, field: readonly FieldCharacter[]): Step<string[]> {
  const steps = splitAtSlashes(field);
  let found = [field[0]?.character === '/' ? '/' : ''];
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1;
    const next: string[] = [];
    for (const directory of found) {
      if (!isPattern(step)) {
        next.push(directory + step.map((each) => each.character).join('') + (isLast ? '' : '/'));
        continue;
      }
      const names = yield* process.readDirectory(directory === '' ? '.' : directory);
      if (typeof names === 'number') continue;
      const expression = patternExpression(step);
      for (const name of names) {
        // A leading dot is matched by a dot only.
        if (name.startsWith('.') && step[0].character !== '.') continue;
        if (expression.test(name)) next.push(directory + name + (isLast ? '' : '/'));
      }
    }
    found = next;
  }
  const existing: string[] = [];
  for (const path of found) {
    if ((yield* process.sys.lstat(path)) === 0) existing.push(path);
  }
  return existing;
}

function splitAtSlashes(field: readonly FieldCharacter[]): FieldCharacter[][] {
  const steps: FieldCharacter[][] = [[]];
  for (const each of field) {
    if (each.character === '/') steps.push([]);
    else steps[steps.length - 1].push(each);
  }
  return steps.filter((step) => step.length > 0);
}
