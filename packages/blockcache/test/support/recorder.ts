/** A sink that remembers what it was told. */
import type { Completion } from '@hotpath/hw-x86';

export class Recorder implements Completion {
  readonly heard: [tag: number, result: number][] = [];
  /** Called for each completion, after it was remembered. */
  onCompleted: (tag: number, result: number) => void = () => {};

  completed(tag: number, result: number): void {
    this.heard.push([tag, result]);
    this.onCompleted(tag, result);
  }

  /** What the last completion said. */
  get last(): number {
    return this.heard[this.heard.length - 1][1];
  }
}
