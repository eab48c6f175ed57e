/** Commands that change the shell itself, or are too small for a process. */
import { isErrno } from '@hotpath/hw-x86';
import { errnoText } from '../../errno-text.js';
import { WNOHANG } from '../../syscall/flags.js';
import { wholeNumber } from '../arguments.js';
import { Process, runProgram, STDIN, type Step, UsageError, type UserProgram } from '../process.js';
import { echo } from '../programs/echo.js';
import { bracket, test } from '../programs/test.js';
import { failing, succeeding } from '../programs/true.js';
import { shellStatus } from './jobs.js';
import type { Shell } from './shell.js';
import { waitFor } from './wait-for.js';

/** Runs in the shell: the exit status. `args` begins with the name. */
export type Builtin = (shell: Shell, args: readonly string[]) => Step<number>;

/** The builtin of a name, or null. */
export function findBuiltin(name: string): Builtin | null {
  return BUILTINS.get(name) ?? null;
}

/** Names and summaries, for `help`. */
export const BUILTIN_SUMMARIES: readonly (readonly [string, string])[] = [
  ['cd [DIR]', 'change the working directory'],
  ['exit [STATUS]', 'end the shell'],
  ['export [NAME[=VALUE]...]', 'give variables to programs; list them'],
  ['unset NAME...', 'forget variables'],
  ['read NAME...', 'read a line into variables'],
  ['wait [%JOB|PID]', 'wait for jobs in the background'],
  ['jobs', 'list jobs in the background'],
  ['history', 'list the lines typed so far'],
  ['. FILE', 'run commands of a file in this shell'],
  ['break, continue', 'leave or repeat a loop'],
];

const NAME = /^[A-Za-z_]\w*$/;

function* cd(shell: Shell, args: readonly string[]): Step<number> {
  const { process } = shell;
  const path = args[1] ?? shell.variable('HOME');
  const status = yield* process.sys.chdir(path === '' ? '/' : path);
  if (!isErrno(status)) return 0;
  yield* process.complain(`cd: ${path}: ${errnoText(status)}`);
  return 1;
}

function* exit(shell: Shell, args: readonly string[]): Step<number> {
  shell.exits = true;
  if (args[1] === undefined) return shell.status;
  return yield* guarded(shell, 'exit', () => wholeNumber('status', args[1], 0, 255));
}

function* exportNames(shell: Shell, args: readonly string[]): Step<number> {
  if (args.length === 1) {
    for (const [name, value] of Object.entries(shell.environment)) {
      yield* shell.process.print(`export ${name}='${value}'\n`);
    }
    return 0;
  }
  for (const arg of args.slice(1)) {
    const equals = arg.indexOf('=');
    const name = equals < 0 ? arg : arg.slice(0, equals);
    if (!NAME.test(name)) {
      yield* shell.process.complain(`export: '${name}': not a valid name`);
      return 1;
    }
    if (equals >= 0) shell.variables.set(name, arg.slice(equals + 1));
    shell.exported.add(name);
  }
  return 0;
}

// biome-ignore lint/correctness/useYield: the same shape as its neighbours
function* unset(shell: Shell, args: readonly string[]): Step<number> {
  for (const name of args.slice(1)) {
    shell.variables.delete(name);
    shell.exported.delete(name);
  }
  return 0;
}

function* read(shell: Shell, args: readonly string[]): Step<number> {
  const names = args.length > 1 ? args.slice(1) : ['REPLY'];
  const line = yield* readLine(shell.process, STDIN);
  const words = (line ?? '').trim().split(/[ \t]+/);
  for (const [index, name] of names.entries()) {
    const isLast = index === names.length - 1;
    shell.variables.set(name, (isLast ? words.slice(index).join(' ') : words[index]) ?? '');
  }
  return line === null ? 1 : 0;
}

/** One line without its end, byte by byte: what follows it belongs to others. Null at the end. */
export function* readLine(process: Process, fd: number): Step<string | null> {
  const bytes: number[] = [];
  for (;;) {
    const next = yield* process.readBytes(fd, 1);
    if (next === null || typeof next === 'number') {
      return bytes.length === 0 ? null : new TextDecoder().decode(Uint8Array.from(bytes));
    }
    if (next[0] === 10) return new TextDecoder().decode(Uint8Array.from(bytes));
    bytes.push(next[0]);
  }
}

function* wait(shell: Shell, args: readonly string[]): Step<number> {
  const named = args.slice(1);
  let status = 0;
  const jobs =
    named.length === 0 ? [...shell.jobs.all] : named.map((name) => shell.jobs.find(name));
  for (const job of jobs) {
    if (job === null) {
      status = 127;
      continue;
    }
    for (const pid of [...job.running]) {
      shell.jobs.ended(pid, yield* waitFor(shell, pid));
    }
    if (named.length > 0) status = job.status;
  }
  return status;
}

/** Takes note of children that have ended, without waiting; an interactive shell tells. */
export function* reapJobs(shell: Shell): Step {
  const { process } = shell;
  for (;;) {
    if (shell.jobs.all.length === 0) return;
    const pid = yield* process.sys.wait(-1, process.scratch, WNOHANG);
    if (pid <= 0) return;
    const status = shellStatus(yield* process.sys.load32(process.scratch));
    const job = shell.jobs.ended(pid, status);
    if (job === null || !shell.interactive) continue;
    const how = job.status === 0 ? 'Done' : `Exit ${job.status}`;
    yield* process.print(`[${job.number}] ${how.padEnd(10)} ${job.text}\n`);
  }
}

function* listJobs(shell: Shell): Step<number> {
  yield* reapJobs(shell);
  for (const job of shell.jobs.all) {
    yield* shell.process.print(`[${job.number}] Running    ${job.text}\n`);
  }
  return 0;
}

function* listHistory(shell: Shell): Step<number> {
  for (const [index, line] of shell.history.entries()) {
    yield* shell.process.print(`${String(index + 1).padStart(5)}  ${line}\n`);
  }
  return 0;
}

function* source(shell: Shell, args: readonly string[]): Step<number> {
  const { process } = shell;
  const text = args[1] === undefined ? '' : yield* process.readFile(args[1]);
  if (typeof text === 'number') {
    yield* process.complain(`${args[1]}: ${errnoText(text)}`);
    return 1;
  }
  yield* shell.run(text);
  return shell.status;
}

function leave(continues: boolean): Builtin {
  return function* (shell, args) {
    return yield* guarded(shell, args[0], () => {
      shell.breaks = wholeNumber('loops', args[1] ?? '1', 1, 1000);
      shell.continues = continues;
      return 0;
    });
  };
}

function* guarded(shell: Shell, name: string, body: () => number): Step<number> {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    yield* shell.process.complain(`${name}: ${error.message}`);
    return 2;
  }
}

/** A program without state of its own, run where the shell is. */
function inShell(program: UserProgram): Builtin {
  return function* (shell, args) {
    const { scratch, sys } = shell.process;
    return yield* runProgram(new Process(sys, args, shell.environment, scratch), program);
  };
}

const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  [':', inShell(succeeding)],
  ['.', source],
  ['[', inShell(bracket)],
  ['break', leave(false)],
  ['cd', cd],
  ['continue', leave(true)],
  ['echo', inShell(echo)],
  ['exit', exit],
  ['export', exportNames],
  ['false', inShell(failing)],
  ['history', listHistory],
  ['jobs', listJobs],
  ['read', read],
  ['test', inShell(test)],
  ['true', inShell(succeeding)],
  ['unset', unset],
  ['wait', wait],
]);
