import type { SignalHandler } from '../syscall/program.js';
import { SIG_DFL, SIG_IGN, SIGNAL_MAX } from './signal-numbers.js';

/** What a process has said about each signal; row n is signal n. */
export class SignalActions {
  /** The handler, where there is one. */
  readonly handler: (SignalHandler | null)[] = new Array<SignalHandler | null>(SIGNAL_MAX + 1).fill(
    null,
  );
  /** SIG_DFL or SIG_IGN, where there is none. */
  readonly disposition = new Uint8Array(SIGNAL_MAX + 1);
  /** SA_* bits. */
  readonly flags = new Uint32Array(SIGNAL_MAX + 1);
  /** Signals that are blocked while the handler runs. */
  readonly mask = new Uint32Array(SIGNAL_MAX + 1);

  /** Back to what the system does by itself. */
  reset(signal: number): void {
    this.handler[signal] = null;
    this.disposition[signal] = SIG_DFL;
    this.flags[signal] = 0;
    this.mask[signal] = 0;
  }

  /** What a new program keeps (execve(2)): ignored signals stay ignored, handlers are gone. */
  forExec(): void {
    for (let signal = 1; signal <= SIGNAL_MAX; signal++) {
      if (this.disposition[signal] !== SIG_IGN) this.reset(signal);
    }
  }

  /** What a forked child has. */
  copy(): SignalActions {
    const copy = new SignalActions();
    for (let signal = 1; signal <= SIGNAL_MAX; signal++) {
      copy.handler[signal] = this.handler[signal];
    }
    copy.disposition.set(this.disposition);
    copy.flags.set(this.flags);
    copy.mask.set(this.mask);
    return copy;
  }
}
