import { POWER_OFF } from '@hotpath/hw-x86';
import type { Kernel } from '@hotpath/kernel';

/** Virtual time of a slice: how soon a key that is struck is heard, at most. */
const SLICE_SECONDS = 0.02;
const DEFAULT_ROWS = 24;
const DEFAULT_COLUMNS = 80;

/**
 * Runs a kernel with the process's own terminal as its console until it is switched off. The machine's
 * time does not run ahead of the wall clock, so that `top` and `sleep` are what they are elsewhere.
 */
export async function runAtTerminal(kernel: Kernel): Promise<void> {
  const { console, machine } = kernel.parts;
  const { stdin, stdout } = process;
  const connect = (): void =>
    console.connect({
      rows: stdout.rows ?? DEFAULT_ROWS,
      columns: stdout.columns ?? DEFAULT_COLUMNS,
    });
  let typed: Buffer[] = [];
  let heard = (): void => {};
  stdin.setRawMode(true);
  stdin.on('data', (bytes: Buffer) => {
    typed.push(bytes);
    heard();
  });
  connect();
  try {
    const sliceCycles = Math.ceil(SLICE_SECONDS * machine.frequencyHz);
    const started = performance.now() / 1000 - kernel.cycles / machine.frequencyHz;
    for (;;) {
      if (kernel.run({ cycles: sliceCycles }) === POWER_OFF) return;
      const ahead = kernel.cycles / machine.frequencyHz + started - performance.now() / 1000;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, ahead * 1000));
        heard = () => {
          clearTimeout(timer);
          resolve();
        };
        if (typed.length > 0) heard();
      });
      const bytes = typed;
      typed = [];
      for (const each of bytes) console.feed(new Uint8Array(each));
    }
  } finally {
    stdin.setRawMode(false);
    stdin.removeAllListeners('data');
    stdin.pause();
  }
}
