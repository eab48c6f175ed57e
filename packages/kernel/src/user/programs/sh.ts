import { isErrno } from '@hotpath/hw-x86';
import { O_CLOEXEC, O_RDONLY, TCGETS } from '../../syscall/flags.js';
import { SIG_IGN } from '../../task/signal-numbers.js';
import { S_IFCHR, S_IFMT } from '../../vfs/modes.js';
import { type Process, STDIN, type Step, UsageError, type UserProgram } from '../process.js';
import { readLine, reapJobs } from '../shell/builtins.js';
import { giveTerminal, runText, SHELL_SIGNALS, substituteCommands } from '../shell/execution.js';
import { LineEditor } from '../shell/line-editor.js';
import { parse } from '../shell/parser.js';
import { Shell } from '../shell/shell.js';
import { SyntaxProblem } from '../shell/tokens.js';

const EXECUTION = { run: runText, substitute: substituteCommands };
const HISTORY_LINES = 500;

/** Where lines come from; null is the end. `more`: the command so far is not complete. */
type LineSource = (more: boolean) => Step<string | null>;

/** A device gives a line at a time by itself; from anything else it is taken byte by byte. */
function* plainLines(process: Process, fd: number): Step<LineSource> {
  const status = yield* process.sys.fstat(fd);
  const isDevice = !isErrno(status) && (process.sys.status.mode & S_IFMT) === S_IFCHR;
  if (!isDevice) return () => readLine(process, fd);
  return function* () {
    const bytes = yield* process.readBytes(fd);
    if (bytes === null || typeof bytes === 'number') return null;
    return new TextDecoder().decode(bytes).replace(/\n$/, '');
  };
}

function isIncomplete(text: string): boolean {
  try {
    parse(text);
    return false;
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    return error.isIncomplete;
  }
}

/** Reads and runs command after command until the input ends or `exit`. */
function* runLines(shell: Shell, next: LineSource): Step {
  while (!shell.exits) {
    if (shell.interactive) {
      yield* reapJobs(shell);
      yield* shell.process.flush();
    }
    let text = yield* next(false);
    if (text === null) return;
    while (isIncomplete(text)) {
      const line: string | null = yield* next(true);
      if (line === null) break;
      text += `\n${line}`;
    }
    if (
      shell.interactive &&
      text.trim() !== '' &&
      shell.history[shell.history.length - 1] !== text
    ) {
      shell.history.push(text);
      if (shell.history.length > HISTORY_LINES) shell.history.shift();
    }
    yield* runText(shell, text);
    yield* shell.process.flush();
  }
}

function* talk(process: Process): Step<number> {
  const { sys } = process;
  for (const signal of SHELL_SIGNALS) yield* sys.sigaction(signal, SIG_IGN);
  yield* sys.setpgid(0, 0);
  yield* giveTerminal(process, sys.task);
  const shell = new Shell(process, { parameters: ['sh'], interactive: true }, EXECUTION);
  const editor = new LineEditor(process, shell.history);
  yield* runLines(shell, function* (more) {
    const length = yield* sys.getcwd();
    const directory = isErrno(length) ? '?' : sys.text;
    return yield* editor.readLine(more ? '> ' : `${directory} $ `);
  });
  if (!shell.exits) yield* process.print('exit\n');
  return shell.status;
}

/** `sh` */
export const sh: UserProgram = {
  name: 'sh',
  summary: 'run commands: of a file, of a text, or of standard input',
  usage: '[-c TEXT | FILE [WORD...]]',
  options: [
    ['-c TEXT', 'run a text'],
    ['FILE', 'run a file; its words are $1, $2, ...'],
    ['', 'a terminal: Up, Down: history; Ctrl-A, E, K, U, W: edit; Ctrl-C: stop; Ctrl-D: end'],
  ],
  *main(process, args) {
    const [first, ...rest] = args;
    if (first === '-c') {
      if (rest[0] === undefined) throw new UsageError('-c needs a text');
      const shell = new Shell(
        process,
        { parameters: ['sh', ...rest.slice(1)], interactive: false },
        EXECUTION,
      );
      yield* runText(shell, rest[0]);
      return shell.status;
    }
    if (first === undefined) {
      const terminal = yield* process.sys.ioctl(STDIN, TCGETS, process.scratch);
      if (!isErrno(terminal)) return yield* talk(process);
      const shell = new Shell(process, { parameters: ['sh'], interactive: false }, EXECUTION);
      yield* runLines(shell, yield* plainLines(process, STDIN));
      return shell.status;
    }
    if (first.startsWith('-')) throw new UsageError(`unknown option '${first}'`);
    const fd = yield* process.sys.open(first, O_RDONLY | O_CLOEXEC);
    if (isErrno(fd)) {
      yield* process.fail(first, fd);
      return 127;
    }
    const text = yield* process.readText(fd);
    yield* process.sys.close(fd);
    if (typeof text === 'number') {
      yield* process.fail(first, text);
      return 126;
    }
    const shell = new Shell(process, { parameters: args, interactive: false }, EXECUTION);
    yield* runText(shell, text);
    return shell.status;
  },
};
