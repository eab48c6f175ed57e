/** Where a command writes. Tests give their own. */
export interface Terminal {
  /** True when a person watches: progress is shown. */
  readonly interactive: boolean;
  /** A line of results, on standard output. */
  print(line: string): void;
  /** A line about a failure, on standard error. */
  error(line: string): void;
  /** What is going on; replaced by the next call, shown only on a terminal. */
  progress(text: string): void;
}

const CLEAR_LINE = '\r\u001b[K';

/** The process's own terminal; progress goes to standard error, so that output can be piped. */
export function processTerminal(): Terminal {
  const interactive = process.stderr.isTTY === true;
  let shown = false;
  const clear = (): void => {
    if (shown) process.stderr.write(CLEAR_LINE);
    shown = false;
  };
  return {
    interactive,
    print(line) {
      clear();
      process.stdout.write(`${line}\n`);
    },
    error(line) {
      clear();
      process.stderr.write(`${line}\n`);
    },
    progress(text) {
      if (!interactive) return;
      clear();
      if (text === '') return;
      process.stderr.write(text.slice(0, (process.stderr.columns ?? 80) - 1));
      shown = true;
    },
  };
}
