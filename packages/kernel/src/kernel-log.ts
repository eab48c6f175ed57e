import type { Clock } from '@hotpath/hw-x86';

/** Lines kept. */
const LINE_LIMIT = 256;

/** What the kernel has to say to its operator (Linux: dmesg): the last 256 lines, with their time. */
export class KernelLog {
  readonly #clock: Clock;
  readonly #lines: string[] = [];

  /** @param clock - cycles */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a line; the oldest goes when there are too many. */
  write(text: string): void {
    if (this.#lines.length === LINE_LIMIT) this.#lines.shift();
    this.#lines.push(`[${this.#clock.now()}] ${text}`);
  }

  /** The lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }
}
