import { POWER_OFF } from '@hotpath/hw-x86';
import { ext2Root } from '../../src/ext2/index.js';
import { type BootOptions, boot, type Kernel } from '../../src/index.js';
import { SHELL_PROGRAMS } from '../../src/user/index.js';

/** What a run of the shell left. */
export interface ShellRun {
  readonly kernel: Kernel;
  readonly output: string;
}

/** A kernel with a shell that waits for its first line. */
export function bootShell(options: BootOptions = {}): Kernel {
  const kernel = boot({
    root: ext2Root({ journalBlocks: 1024 }),
    diskBytes: 16 * 2 ** 20,
    programs: SHELL_PROGRAMS,
    ...options,
  });
  kernel.spawn('init', SHELL_PROGRAMS['init'], { init: true, env: { HOME: '/' } });
  return kernel;
}

/** Runs a script as if it came through a pipe, to the end of the machine. */
export function runScript(script: string, options: BootOptions = {}): ShellRun {
  const kernel = bootShell(options);
  const { console } = kernel.parts;
  console.connect(null);
  console.feed(script.endsWith('\n') ? script : `${script}\n`);
  console.endInput();
  const ended = kernel.run();
  if (ended !== POWER_OFF) throw new Error(`run ended with ${ended}: ${console.output}`);
  return { kernel, output: console.output };
}
