import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { IDLE, POWER_OFF } from '@hotpath/hw-x86';
import { SparseBlocks } from '@hotpath/hw-x86/model';
import { boot, type Kernel, PROFILES, SCHEDULERS } from '@hotpath/kernel';
import { ext2Root } from '@hotpath/kernel/ext2';
import { SHELL_PROGRAMS } from '@hotpath/kernel/shell';
import { writeChromeJson, writePerfetto } from '@hotpath/pmc-trace';
import { FileSink } from '@hotpath/pmc-trace/node';
import { Argument, type Command, Option } from 'commander';
import { wholeNumber } from './arguments.js';
import { runAtTerminal } from './boot-terminal.js';
import { UsageError } from './failure.js';
import type { Terminal } from './terminal.js';

const BLOCK_BYTES = 4096;
const TRACE_ENDINGS = ['.json', '.pftrace', '.perfetto-trace'];

interface BootCommandOptions {
  readonly cpus: number;
  readonly memory: number;
  readonly scheduler: string;
  readonly profile: string;
  readonly full?: true;
  readonly seed: number;
  readonly disk: number;
  readonly trace?: string;
}

/** Adds `hotpath boot`. */
export function addBoot(program: Command, terminal: Terminal): void {
  program
    .command('boot')
    .description(
      'boot the kernel into a shell: on a terminal with line editing, from a pipe line by line',
    )
    .addArgument(
      new Argument(
        '[image]',
        'an ext2 or ext3 image with blocks of 4 KiB; default: a new one in memory',
      ),
    )
    .option('--cpus <n>', 'processors', wholeNumber(1, 32), 1)
    .option('--memory <MiB>', 'memory', wholeNumber(64, 65_536), 256)
    .addOption(
      new Option('--scheduler <name>', 'scheduling policy')
        .choices(Object.keys(SCHEDULERS))
        .default('eevdf'),
    )
    .addOption(
      new Option('--profile <name>', 'processor')
        .choices(Object.keys(PROFILES))
        .default('skylake-client'),
    )
    .option('--full', 'model TLBs, caches and the branch predictor')
    .option('--seed <n>', 'of everything that is left to chance', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--disk <MiB>', 'size of a new disk', wholeNumber(8, 8192), 64)
    .option('--trace <file>', `trace of the run: ${TRACE_ENDINGS.join(', ')}`)
    .action((image: string | undefined, options: BootCommandOptions) =>
      bootShell(image, options, terminal),
    );
}

async function bootShell(
  path: string | undefined,
  options: BootCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const { trace } = options;
  if (trace !== undefined && !TRACE_ENDINGS.some((ending) => trace.endsWith(ending))) {
    throw new UsageError(`trace file '${trace}'; allowed endings: ${TRACE_ENDINGS.join(', ')}`);
  }
  const image = path === undefined ? null : readImage(path);
  let show = (_bytes: Uint8Array): void => {};
  const kernel = boot({
    cpus: options.cpus,
    memoryBytes: options.memory * 2 ** 20,
    scheduler: options.scheduler,
    profile: options.profile,
    mode: options.full === true ? 'full' : 'flat',
    seed: options.seed,
    root: ext2Root(),
    programs: SHELL_PROGRAMS,
    observe: true,
    trace: trace !== undefined,
    diskBytes: image === null ? options.disk * 2 ** 20 : image.blockCount * BLOCK_BYTES,
    console: (bytes) => show(bytes),
    ...(image === null ? {} : { image }),
  });
  kernel.spawn('init', SHELL_PROGRAMS['init']!, {
    init: true,
    env: { HOME: '/', TERM: process.env['TERM'] ?? 'dumb' },
  });
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  show = (bytes) => process.stdout.write(bytes);
  if (isTerminal) await runAtTerminal(kernel);
  else await runScript(kernel);
  if (path !== undefined) writeImage(path, kernel);
  if (trace !== undefined) writeTrace(trace, kernel);
  const problem = Object.values(kernel.parts.tasks.ended).find(({ error }) => error !== null);
  if (problem !== undefined) terminal.error(`program ${problem.name} failed: ${problem.error}`);
}

/** Feeds standard input line by line; its end is the end of the shell, and so of the machine. */
async function runScript(kernel: Kernel): Promise<void> {
  const { console } = kernel.parts;
  console.connect(null);
  if (kernel.run() === POWER_OFF) return;
  for await (const chunk of process.stdin) {
    console.feed(new Uint8Array(chunk as Buffer));
    if (kernel.run() === POWER_OFF) return;
  }
  console.endInput();
  // A last line without its end was given first: the end itself comes behind it.
  if (kernel.run() === IDLE) {
    console.endInput();
    kernel.run();
  }
}

function readImage(path: string): SparseBlocks {
  if (!existsSync(path)) throw new UsageError(`image '${path}' does not exist`);
  return SparseBlocks.fromBytes(new Uint8Array(readFileSync(path)), BLOCK_BYTES);
}

/** What is on the medium, and nothing that was only in memory: after a crash it is what a crash leaves. */
function writeImage(path: string, kernel: Kernel): void {
  writeFileSync(path, kernel.parts.disk.contents.image().toBytes());
}

function writeTrace(path: string, kernel: Kernel): void {
  const { tracer } = kernel.parts;
  if (tracer === null) return;
  const file = new FileSink(path);
  const write = path.endsWith('.json') ? writeChromeJson : writePerfetto;
  write(tracer.snapshot(), file);
}
