import { EISDIR, isErrno } from '@hotpath/hw-x86';
import { O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from '../../syscall/flags.js';
import { isDirectory } from '../../vfs/modes.js';
import { parseArguments } from '../arguments.js';
import { baseName, joinPath, leadsToDirectory, modeOf } from '../files.js';
import { type Process, type Step, UsageError, type UserProgram } from '../process.js';
import { copyAll } from './cat.js';

/** Copies one file; told where it fails. */
export function* copyFile(process: Process, from: string, to: string): Step {
  const { sys } = process;
  const source = yield* sys.open(from, O_RDONLY);
  if (isErrno(source)) return yield* process.fail(from, source);
  const known = yield* sys.fstat(source);
  const mode = isErrno(known) ? 0o644 : sys.status.mode & 0o777;
  const target = yield* sys.open(to, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (isErrno(target)) yield* process.fail(to, target);
  else {
    yield* copyAll(process, source, target, { from, to });
    yield* sys.close(target);
  }
  yield* sys.close(source);
}

function* copyTree(process: Process, from: string, to: string): Step {
  const mode = yield* modeOf(process, from);
  if (isErrno(mode)) return yield* process.fail(from, mode);
  if (!isDirectory(mode)) return yield* copyFile(process, from, to);
  if (!(yield* leadsToDirectory(process, to))) {
    const made = yield* process.sys.mkdir(to, mode & 0o777);
    if (isErrno(made)) return yield* process.fail(to, made);
  }
  const names = yield* process.readDirectory(from);
  if (typeof names === 'number') return yield* process.fail(from, names);
  for (const name of names) yield* copyTree(process, joinPath(from, name), joinPath(to, name));
}

/** The last operand is a directory to put things into, or the one new name. */
export function* targetsOf(
  process: Process,
  operands: readonly string[],
): Step<(readonly [string, string])[]> {
  if (operands.length < 2) throw new UsageError('needs a source and a target');
  const target = operands[operands.length - 1];
  const sources = operands.slice(0, -1);
  if (yield* leadsToDirectory(process, target)) {
    return sources.map((source) => [source, joinPath(target, baseName(source))]);
  }
  if (sources.length > 1) throw new UsageError(`target '${target}' is not a directory`);
  return [[sources[0], target]];
}

/** `cp` */
export const cp: UserProgram = {
  name: 'cp',
  summary: 'copy files',
  usage: '[-r] SOURCE... TARGET',
  options: [['-r', 'directories with all that is in them']],
  *main(process, args) {
    const { flags, operands } = parseArguments(args, 'rR');
    const deep = flags.has('r') || flags.has('R');
    for (const [from, to] of yield* targetsOf(process, operands)) {
      if (!deep && (yield* leadsToDirectory(process, from))) yield* process.fail(from, EISDIR);
      else if (deep && `${to}/`.startsWith(`${from}/`)) {
        yield* process.complain(`cannot copy '${from}' into itself`);
        process.status = 1;
      } else yield* copyTree(process, from, to);
    }
    return 0;
  },
};
