/** The runnable examples of a README, each with the output that it claims. */

/** A `ts` block marked `<!-- example -->`. */
export interface ReadmeExample {
  /** Line of the block's first line of code, from 1. */
  readonly line: number;
  readonly code: string;
  /** What the `text` block right after it says is printed, or null when there is none. */
  readonly output: string | null;
}

const EXAMPLE =
  /<!-- example -->\s*```ts\n([\s\S]*?)```(?:\s*<!-- output -->\s*```text\n([\s\S]*?)```)?/g;

/** Every example of `markdown` in order. */
export function readExamples(markdown: string): ReadmeExample[] {
  return [...markdown.matchAll(EXAMPLE)].map((match) => ({
    line: markdown.slice(0, match.index + match[0].indexOf('```ts\n')).split('\n').length + 1,
    code: match[1]!,
    output: match[2] ?? null,
  }));
}

/** True when `printed` is `claimed`, in which `…` stands for any text within a line. */
export function outputMatches(claimed: string, printed: string): boolean {
  const wanted = claimed.trimEnd().split('\n');
  const got = printed.trimEnd().split('\n');
  return wanted.length === got.length && wanted.every((line, at) => lineMatches(line, got[at]!));
}

/** True when one printed line is `claimed`, in which `…` stands for any text. */
export function lineMatches(claimed: string, printed: string): boolean {
  const parts = claimed
    .trimEnd()
    .split('…')
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(printed.trimEnd());
}
