/** Where a command writes. Tests give their own. */
export interface Terminal {
  /** True when a person watches: progress is a bar that is drawn again and again. */
  readonly interactive: boolean;
  /** A line of results, on standard output. */
  print(line: string): void;
  /** A line about a failure, on standard error. */
  error(line: string): void;
  /**
   * What is going on; replaced by the next call, and by `''`. With `share` (0 to 1) it has a bar.
   * Where nobody watches it is a plain line on standard error, at most one every few seconds.
   */
  progress(text: string, share?: number): void;
}

const CLEAR_LINE = '\r\u001b[K';
const BAR_CELLS = 24;
/** Shorter work needs no progress in a log. */
const PLAIN_LINE_MS = 5000;

/** `[######..................]  25 %  text`, cut to the terminal's width. */
export function progressBar(text: string, share: number, columns: number): string {
  const inside = Math.min(1, Math.max(0, share));
  const full = Math.floor(inside * BAR_CELLS);
  const percent = `${Math.floor(inside * 100)}`.padStart(3);
  const bar = '#'.repeat(full) + '.'.repeat(BAR_CELLS - full);
  return `[${bar}] ${percent} %  ${text}`.slice(0, columns - 1);
}

/** The process's own terminal; progress goes to standard error, so that output can be piped. */
export function processTerminal(): Terminal {
  const { stderr, stdout } = process;
  const interactive = stderr.isTTY === true;
  const started = performance.now();
  let plainAt = started;
  let shown = false;
  const clear = (): void => {
    if (shown) stderr.write(CLEAR_LINE);
    shown = false;
  };
  const plain = (text: string, share: number | undefined): void => {
    const now = performance.now();
    if (text === '' || now - plainAt < PLAIN_LINE_MS) return;
    plainAt = now;
    const percent = share === undefined ? '' : `, ${Math.floor(share * 100)} %`;
    stderr.write(`${text} (${Math.round((now - started) / 1000)} s${percent})\n`);
  };
  return {
    interactive,
    print(line) {
      clear();
      stdout.write(`${line}\n`);
    },
    error(line) {
      clear();
      stderr.write(`${line}\n`);
    },
    progress(text, share) {
      if (!interactive) return plain(text, share);
      clear();
      if (text === '') return;
      const columns = stderr.columns ?? 80;
      const line = share === undefined ? text : progressBar(text, share, columns);
      stderr.write(line.slice(0, columns - 1));
      shown = true;
    },
  };
}
