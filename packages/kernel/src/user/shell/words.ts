/** Words of the shell's language before they are expanded. */

/** A run of characters with one meaning. */
export interface WordPart {
  /** `text`: as it stands; `variable`: the value of one; `command`: what `$(...)` prints. */
  readonly kind: 'text' | 'variable' | 'command';
  /** Text, name, or commands. */
  readonly value: string;
  /** Within quotes: no field is split there, no pattern begins there. */
  readonly quoted: boolean;
}

/** What stands between blanks. */
export type Word = readonly WordPart[];

/** A word without anything to expand, or null. */
export function plainText(word: Word): string | null {
  let text = '';
  for (const part of word) {
    if (part.kind !== 'text' || part.quoted) return null;
    text += part.value;
  }
  return text;
}
