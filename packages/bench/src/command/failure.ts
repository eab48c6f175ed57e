import { ArgumentError } from '@hotpath/hw-x86';
import { TraceError } from '../traces/trace-error.js';

export const EXIT_OK = 0;
/** It ran, and something came out wrong. */
export const EXIT_FAILED = 1;
/** It was asked for something that cannot be. */
export const EXIT_USAGE = 2;

/** What was typed makes no sense; the message names the value and what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'ERR_USAGE';
}

/** The exit code that an error deserves. */
export function exitCodeOf(error: unknown): number {
  const usage =
    error instanceof UsageError || error instanceof TraceError || error instanceof ArgumentError;
  return usage ? EXIT_USAGE : EXIT_FAILED;
}

/** One line about an error, without its stack. */
export function describeError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^error: /, '').split('\n')[0]!;
}
