import { assert } from '@hotpath/hw-x86';

/**
 * The spans that are open on one track, innermost last.
 *
 * Invariant: all columns have the same length.
 */
export class OpenSpans {
  private readonly kinds: number[] = [];
  private readonly titles: number[] = [];

  /** Number of open spans. */
  get depth(): number {
    return this.kinds.length;
  }

  /** Kind of the innermost span. */
  get kind(): number {
    return this.kinds[this.kinds.length - 1];
  }

  /** Title argument of the innermost span. */
  get title(): number {
    return this.titles[this.titles.length - 1];
  }

  /** A span of this kind begins; `title` is the value of its title argument. */
  push(kind: number, title: number): void {
    this.kinds.push(kind);
    this.titles.push(title);
  }

  /** The innermost span is over. */
  pop(): void {
    assert(this.kinds.length > 0, 'a span is open');
    this.kinds.pop();
    this.titles.pop();
  }

  /** How many spans an end of this kind closes: 1 if it is the innermost, 0 if none is open. */
  depthOf(kind: number): number {
    for (let index = this.kinds.length - 1; index >= 0; index -= 1) {
      if (this.kinds[index] === kind) return this.kinds.length - index;
    }
    return 0;
  }
}
