import { assert } from '@hotpath/hw-x86';

/** Frames that are kept; deeper ones are counted, not named. */
export const STACK_DEPTH = 256;

/**
 * The functions that are running now, kept by the program itself: `enter` and `leave` are a store and
 * an addition, about a nanosecond. One per kernel stack: a task that blocks keeps its own.
 *
 * Invariant: `depth >= 0`; `frames[0 .. min(depth, 256) - 1]` are the functions, outermost first.
 */
export class CallStack {
  /** Numbers of the running functions. */
  readonly frames = new Int32Array(STACK_DEPTH);
  /** How many functions are running. */
  depth = 0;

  /** A function begins. @param callee - its number in the profile's CallTree */
  enter(callee: number): void {
    if (this.depth < STACK_DEPTH) this.frames[this.depth] = callee;
    this.depth += 1;
  }

  /** The innermost function returns. */
  leave(): void {
    assert(this.depth > 0, 'a function is running');
    this.depth -= 1;
  }

  /** Returns to a depth that was read before, whatever was entered since: for unwinding. */
  unwind(depth: number): void {
    assert(depth >= 0 && depth <= this.depth, 'unwinding goes outwards');
    this.depth = depth;
  }
}
