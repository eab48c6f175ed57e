/** Runs what the parser made: lists, pipelines of processes, compound commands. */
import { ENOENT, isErrno } from '@hotpath/hw-x86';
import { errnoText } from '../../errno-text.js';
import { O_RDONLY, TIOCSPGRP } from '../../syscall/flags.js';
import type { Program } from '../../syscall/program.js';
import { SIG_DFL, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTOU } from '../../task/signal-numbers.js';
import { type Process, STDIN, STDOUT, type Step } from '../process.js';
import { findBuiltin } from './builtins.js';
import {
  type AndOr,
  type Command,
  type CompoundCommand,
  type List,
  type Pipeline,
  parse,
  type SimpleCommand,
} from './parser.js';
import { redirect, restore, type SavedDescriptors } from './redirections.js';
import type { Shell } from './shell.js';
import { SyntaxProblem } from './tokens.js';
import { waitFor } from './wait-for.js';

/** Signals that an interactive shell ignores and its children do not. */
export const SHELL_SIGNALS = [SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTOU];
const STATUS_NOT_FOUND = 127;
const STATUS_SYNTAX = 2;

/** Runs a text of any number of lines; the status is the shell's. */
export function* runText(shell: Shell, text: string): Step {
  try {
    yield* runList(shell, parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    yield* shell.process.complain(error.message);
    shell.status = STATUS_SYNTAX;
  }
}

/** Runs commands one after the other. */
export function* runList(shell: Shell, list: List): Step {
  for (const item of list) {
    yield* runAndOr(shell, item);
    if (shell.exits || shell.breaks > 0) return;
  }
}

/** `$(...)`: what the commands print, without newlines at the end. */
export function* substituteCommands(shell: Shell, commands: string): Step<string> {
  const { process } = shell;
  const ends = yield* makePipe(process);
  if (ends === null) return '';
  const [reader, writer] = ends;
  const pid = yield* fork(shell, function* (child): Step<number> {
    const { sys } = child.process;
    yield* sys.dup2(writer, STDOUT);
    yield* sys.close(writer);
    yield* sys.close(reader);
    yield* runText(child, commands);
    return child.status;
  });
  yield* process.sys.close(writer);
  const text = yield* process.readText(reader);
  yield* process.sys.close(reader);
  if (pid > 0) shell.status = yield* waitFor(shell, pid);
  return typeof text === 'string' ? text.replace(/\n+$/, '') : '';
}

function* runAndOr(shell: Shell, item: AndOr): Step {
  if (item.background) {
    const { commands } = item.first;
    const isOne = item.rest.length === 0;
    const text = isOne ? item.first.text : `${item.first.text} ...`;
    if (isOne && !item.first.negated) yield* startInBackground(shell, commands, text);
    else {
      const list = [{ ...item, background: false }];
      const parts = { redirections: [], condition: [], otherwise: [], variable: '', words: [] };
      yield* startInBackground(shell, [{ ...parts, kind: 'subshell', body: list }], text);
    }
    return;
  }
  yield* runPipeline(shell, item.first);
  for (const { operator, pipeline } of item.rest) {
    if (shell.exits || shell.breaks > 0) return;
    if ((operator === '&&') === (shell.status === 0)) yield* runPipeline(shell, pipeline);
  }
}

function* runPipeline(shell: Shell, pipeline: Pipeline): Step {
  const { commands, negated } = pipeline;
  if (commands.length > 1 || !(yield* runHere(shell, commands[0]))) {
    const pids = yield* startProcesses(shell, commands, true);
    yield* waitInForeground(shell, pids);
  }
  if (negated) shell.status = shell.status === 0 ? 1 : 0;
}

/** Runs what needs no process of its own; false if the command does. */
function* runHere(shell: Shell, command: Command): Step<boolean> {
  if (command.kind === 'subshell') return false;
  if (command.kind !== 'simple') {
    yield* withRedirections(shell, command, () => runCompound(shell, command));
    return true;
  }
  const args = yield* shell.expand(command.words);
  const builtin = args.length === 0 ? null : findBuiltin(args[0]);
  if (args.length > 0 && builtin === null) return false;
  yield* withRedirections(shell, command, function* () {
    const before = new Map<string, string | undefined>();
    for (const [name, word] of command.assignments) {
      before.set(name, shell.variables.get(name));
      shell.variables.set(name, yield* shell.expandToText(word));
    }
    if (builtin === null) {
      const words = [...command.words, ...command.assignments.map(([, word]) => word)];
      if (!words.some(hasSubstitution)) shell.status = 0;
      return;
    }
    shell.status = yield* builtin(shell, args);
    yield* shell.process.flush();
    for (const [name, value] of before) {
      if (value === undefined) shell.variables.delete(name);
      else shell.variables.set(name, value);
    }
  });
  return true;
}

function hasSubstitution(word: SimpleCommand['words'][number]): boolean {
  return word.some((part) => part.kind === 'command');
}

function* withRedirections(shell: Shell, command: Command, body: () => Step): Step {
  const saved: SavedDescriptors = [];
  const status = yield* redirect(shell, command.redirections, saved);
  if (isErrno(status)) shell.status = 1;
  else yield* body();
  yield* restore(shell, saved);
}

function* runCompound(shell: Shell, command: CompoundCommand): Step {
  if (command.kind === 'if') {
    yield* runList(shell, command.condition);
    if (shell.exits || shell.breaks > 0) return;
    if (shell.status === 0) yield* runList(shell, command.body);
    else {
      shell.status = 0;
      yield* runList(shell, command.otherwise);
    }
    return;
  }
  if (command.kind === 'for') {
    shell.status = 0;
    for (const value of yield* shell.expand(command.words)) {
      shell.variables.set(command.variable, value);
      yield* runList(shell, command.body);
      if (leavesLoop(shell)) return;
    }
    return;
  }
  const wanted = command.kind === 'while';
  let last = 0;
  for (;;) {
    yield* runList(shell, command.condition);
    if (leavesLoop(shell)) return;
    if ((shell.status === 0) !== wanted) break;
    yield* runList(shell, command.body);
    if (leavesLoop(shell)) return;
    last = shell.status;
  }
  shell.status = last;
}

/** True if the innermost loop is over; takes one `break` or `continue` off. */
function leavesLoop(shell: Shell): boolean {
  if (shell.exits) return true;
  // A foreground program that Ctrl-C ended takes the loop around it with it.
  if (shell.interactive && shell.status === 128 + SIGINT) return true;
  if (shell.breaks === 0) return false;
  shell.breaks -= 1;
  if (shell.breaks > 0 || !shell.continues) return true;
  shell.continues = false;
  return false;
}

function* startInBackground(shell: Shell, commands: readonly Command[], text: string): Step {
  const pids = yield* startProcesses(shell, commands, false);
  if (pids.length === 0) return;
  const job = shell.jobs.add(pids, text);
  shell.lastBackground = job.last;
  shell.status = 0;
  if (shell.interactive) {
    yield* shell.process.print(`[${job.number}] ${job.last}\n`);
    yield* shell.process.flush();
  }
}

/** One process for each command, joined by pipes: their numbers. */
function* startProcesses(
  shell: Shell,
  commands: readonly Command[],
  foreground: boolean,
): Step<number[]> {
  const { process } = shell;
  const { sys } = process;
  const pids: number[] = [];
  let input = STDIN;
  for (const [index, command] of commands.entries()) {
    const isLast = index === commands.length - 1;
    const ends = isLast ? null : yield* makePipe(process);
    if (!isLast && ends === null) break;
    const [reader, writer] = ends ?? [STDIN, STDOUT];
    const from = input;
    const pid = yield* fork(shell, function* (child): Step<number> {
      yield* enterGroup(shell, child.process, pids[0] ?? 0, foreground);
      yield* takeDescriptor(child.process, from, STDIN);
      yield* takeDescriptor(child.process, writer, STDOUT);
      if (reader !== STDIN) yield* child.process.sys.close(reader);
      if (!foreground && index === 0 && !shell.interactive) yield* readNothing(child.process);
      return yield* runInChild(child, command);
    });
    if (from !== STDIN) yield* sys.close(from);
    if (writer !== STDOUT) yield* sys.close(writer);
    input = reader;
    if (pid < 0) {
      if (reader !== STDIN) yield* sys.close(reader);
      yield* process.fail('fork', pid);
      shell.status = 254;
      break;
    }
    pids.push(pid);
    // Both sides say it, so that it is so whoever runs first.
    if (shell.interactive) yield* sys.setpgid(pid, pids[0]);
  }
  if (shell.interactive && foreground && pids.length > 0) yield* giveTerminal(process, pids[0]);
  return pids;
}

/** A forked child that runs `body` as a subshell; its number or an errno. */
function* fork(shell: Shell, body: (child: Shell) => Step<number>): Step<number> {
  yield* shell.process.flush();
  return yield* shell.process.sys.fork(function* (sys): Program {
    const child = shell.inChild(shell.process.inChild(sys));
    if (shell.interactive) {
      for (const signal of SHELL_SIGNALS) yield* sys.sigaction(signal, SIG_DFL);
    }
    const status = yield* body(child);
    yield* child.process.flush();
    return status;
  });
}

function* enterGroup(shell: Shell, child: Process, group: number, foreground: boolean): Step {
  if (!shell.interactive) return;
  yield* child.sys.setpgid(0, group);
  if (foreground) yield* giveTerminal(child, group === 0 ? child.sys.task : group);
}

/** Makes a group the one that the terminal's Ctrl-C reaches. */
export function* giveTerminal(process: Process, group: number): Step {
  yield* process.sys.store32(process.scratch, group);
  yield* process.sys.ioctl(STDIN, TIOCSPGRP, process.scratch);
}

function* takeDescriptor(process: Process, from: number, to: number): Step {
  if (from === to) return;
  yield* process.sys.dup2(from, to);
  yield* process.sys.close(from);
}

/** A job in the background of a script does not eat the script's input. */
function* readNothing(process: Process): Step {
  const fd = yield* process.sys.open('/dev/null', O_RDONLY);
  if (!isErrno(fd)) yield* takeDescriptor(process, fd, STDIN);
}

function* runInChild(child: Shell, command: Command): Step<number> {
  const { process } = child;
  if (isErrno(yield* redirect(child, command.redirections, null))) return 1;
  if (command.kind === 'subshell') {
    yield* runList(child, command.body);
    return child.status;
  }
  if (command.kind !== 'simple') {
    yield* runCompound(child, command);
    return child.status;
  }
  for (const [name, word] of command.assignments) {
    child.variables.set(name, yield* child.expandToText(word));
    child.exported.add(name);
  }
  const args = yield* child.expand(command.words);
  if (args.length === 0) return 0;
  const builtin = findBuiltin(args[0]);
  if (builtin !== null) return yield* builtin(child, args);
  const status = yield* process.sys.exec(args[0], args, child.environment);
  if (status === ENOENT) {
    yield* process.complain(`${args[0]}: command not found`);
    return STATUS_NOT_FOUND;
  }
  yield* process.complain(`${args[0]}: ${errnoText(status)}`);
  return STATUS_NOT_FOUND - 1;
}

function* waitInForeground(shell: Shell, pids: readonly number[]): Step {
  for (const pid of pids) shell.status = yield* waitFor(shell, pid);
  if (!shell.interactive || pids.length === 0) return;
  yield* giveTerminal(shell.process, shell.number);
  if (shell.status === 128 + SIGINT) yield* shell.process.print('\n');
  yield* shell.process.flush();
}

/** Two descriptors to read from and to write to, or null: told. */
function* makePipe(process: Process): Step<readonly [number, number] | null> {
  const { scratch, sys } = process;
  const status = yield* sys.pipe(scratch);
  if (isErrno(status)) {
    yield* process.fail('pipe', status);
    return null;
  }
  const reader = yield* sys.load32(scratch);
  return [reader, yield* sys.load32(scratch + 4)];
}
