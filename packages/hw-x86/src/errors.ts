/**
 * The two errors that cross package borders. Expected outcomes are values (status.ts); these are
 * for a wrong argument at an edge and for a broken invariant.
 */

/**
 * A bad argument, refused before anything was changed. `code` is stable and may be tested;
 * `message` names the value and the allowed range.
 */
export class ArgumentError extends RangeError {
  override readonly name = 'ArgumentError';
  readonly code: string;

  /** @param code - stable, upper snake case, for example `ERR_BLOCK_SIZE` */
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What this machine cannot do (a host has no MSRs). Never answered with an invented figure. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
  readonly code = 'ERR_UNSUPPORTED';

  /** @param what - the thing that is missing, for example `RDPMC on the host` */
  constructor(what: string) {
    super(`unsupported: ${what}`);
  }
}

/** A broken invariant: a defect of this project, or memory that was overwritten from outside. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
  readonly code = 'ERR_INVARIANT';
}

/**
 * Throws {@link InvariantError} unless the condition holds. Always on: 0.6 ns with a constant
 * message. Never build the message from a template: that costs 20 ns even when it holds.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/**
 * Checks a whole number in `low..high`, both included, and returns it.
 * @throws ArgumentError with `code` and a message that names the value and the range.
 */
export function checkInteger(
  code: string,
  what: string,
  value: number,
  low: number,
  high: number,
): number {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return value;
  throw new ArgumentError(code, `${what} is ${value}; allowed: a whole number ${low}..${high}`);
}

/**
 * Checks a power of two in `low..high` and returns it.
 * @throws ArgumentError with `code` and a message that names the value and the range.
 */
export function checkPowerOfTwo(
  code: string,
  what: string,
  value: number,
  low: number,
  high: number,
): number {
  // Doubling instead of Math.log2, whose last bit differs between engines.
  let power = 1;
  while (power < value) power *= 2;
  if (power === value && value >= low && value <= high) return value;
  throw new ArgumentError(code, `${what} is ${value}; allowed: a power of two ${low}..${high}`);
}
