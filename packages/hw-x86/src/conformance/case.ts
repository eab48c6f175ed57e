import { InvariantError } from '../errors.js';

/**
 * One promise of a contract and how it is checked. `run` throws (or rejects) with a message that
 * says what was seen. Independent of any test framework:
 * `for (const { name, run } of suite) test(name, run)`.
 */
export interface ConformanceCase {
  /** The promise, as a sentence. */
  readonly name: string;
  run(): Promise<void>;
}

/** Throws with the message unless the condition holds. */
export function expectThat(condition: boolean, message: string): void {
  if (!condition) throw new InvariantError(message);
}

/** Throws unless the two are the same number, boolean or string. */
export function expectSame<T extends number | boolean | string>(
  what: string,
  seen: T,
  wanted: T,
): void {
  if (!Object.is(seen, wanted)) {
    throw new InvariantError(`${what}: ${String(seen)} instead of ${String(wanted)}`);
  }
}
