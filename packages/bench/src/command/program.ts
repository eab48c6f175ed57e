import { Command, CommanderError } from 'commander';
import { packageVersion } from '../package-folder.js';
import { addBoot } from './boot.js';
import { addCompare } from './compare.js';
import { addCrash } from './crash.js';
import { describeError, EXIT_OK, exitCodeOf, UsageError } from './failure.js';
import { addFs } from './fs.js';
import { addGate } from './gate.js';
import { addMatrix } from './matrix.js';
import { addMkimage } from './mkimage.js';
import { addPeers } from './peers.js';
import { addReplay } from './replay.js';
import { addReport } from './report.js';
import { addSuite } from './suite.js';
import type { Terminal } from './terminal.js';
import { addTrace } from './trace.js';

const DESCRIPTION = `Benchmarks of Hotpath: its suite on the composed kernel, replays of recorded
traces, and races against the packages that people use today.`;

/**
 * Runs the command `hotpath`; the exit code: 0 done, 1 something came out wrong, 2 bad input.
 * Never throws for a foreseeable failure: that is one line on standard error.
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await buildProgram(terminal).parseAsync(args, { from: 'user' });
    terminal.progress('');
    return EXIT_OK;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT_OK;
    if (process.env['HOTPATH_DEBUG'] && error instanceof Error) terminal.error(error.stack ?? '');
    terminal.error(`hotpath: ${describeError(error)}`);
    return exitCodeOf(error);
  }
}

function buildProgram(terminal: Terminal): Command {
  const program = new Command('hotpath')
    .description(DESCRIPTION)
    .version(packageVersion())
    .showSuggestionAfterError(false);
  configure(program, terminal);
  addSuite(program, terminal);
  addBoot(program, terminal);
  addMkimage(program, terminal);
  addReplay(program, terminal);
  addPeers(program, terminal);
  addTrace(program, terminal);
  addMatrix(program, terminal);
  addCompare(program, terminal);
  addReport(program, terminal);
  addGate(program, terminal);
  addFs(program, terminal);
  addCrash(program, terminal);
  const names = program.commands.map((command) => command.name());
  program.hook('preSubcommand', () => {
    const [word] = program.args;
    if (word !== undefined && !word.startsWith('-') && !names.includes(word) && word !== 'help') {
      throw new UsageError(`unknown command '${word}'; allowed: ${names.join(', ')}`);
    }
  });
  for (const command of allCommands(program)) configure(command, terminal);
  return program;
}

function* allCommands(command: Command): Generator<Command> {
  for (const child of command.commands) {
    yield child;
    yield* allCommands(child);
  }
}

/** Errors become exceptions that say what is allowed; help goes to the terminal. */
function configure(command: Command, terminal: Terminal): void {
  command.configureOutput({
    writeOut: (text) => terminal.print(text.trimEnd()),
    writeErr: () => {},
  });
  command.exitOverride((error) => {
    if (error.exitCode === 0) throw error;
    throw new UsageError(explain(error, command));
  });
}

function explain(error: CommanderError, command: Command): string {
  const message = describeError(error).replace('. allowed:', '; allowed:');
  if (error.code === 'commander.unknownOption') {
    const flags = command.options.map(({ long }) => long);
    return `${message}; allowed: ${[...flags, '--help'].join(', ')}`;
  }
  if (error.code === 'commander.unknownCommand' || error.code === 'commander.help') {
    const names = command.commands.map((child) => child.name());
    const what = error.code === 'commander.help' ? `${command.name()} needs a command` : message;
    return `${what}; allowed: ${names.join(', ')}`;
  }
  return message;
}
