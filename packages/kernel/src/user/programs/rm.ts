import { EISDIR, ENOENT, isErrno } from '@hotpath/hw-x86';
import { isDirectory } from '../../vfs/modes.js';
import { parseArguments } from '../arguments.js';
import { baseName, joinPath, modeOf } from '../files.js';
import { type Process, type Step, UsageError, type UserProgram } from '../process.js';

function* remove(process: Process, path: string, flags: ReadonlySet<string>): Step {
  const { sys } = process;
  const mode = yield* modeOf(process, path, false);
  if (mode === ENOENT && flags.has('f')) return;
  if (isErrno(mode)) return yield* process.fail(path, mode);
  if (!isDirectory(mode)) {
    const status = yield* sys.unlink(path);
    return isErrno(status) ? yield* process.fail(path, status) : undefined;
  }
  if (!flags.has('r') && !flags.has('R')) return yield* process.fail(path, EISDIR);
  const names = yield* process.readDirectory(path);
  if (typeof names === 'number') return yield* process.fail(path, names);
  for (const name of names) yield* remove(process, joinPath(path, name), flags);
  const status = yield* sys.rmdir(path);
  if (isErrno(status)) yield* process.fail(path, status);
}

/** `rm` */
export const rm: UserProgram = {
  name: 'rm',
  summary: 'remove files',
  usage: '[-fr] FILE...',
  options: [
    ['-f', 'what is not there is no error'],
    ['-r', 'directories with all that is in them'],
  ],
  *main(process, args) {
    const { flags, operands } = parseArguments(args, 'frR');
    if (operands.length === 0 && !flags.has('f')) throw new UsageError('needs a file');
    for (const path of operands) {
      if (['.', '..', '/'].includes(baseName(path))) {
        throw new UsageError(`refusing to remove '${path}'`);
      }
      yield* remove(process, path, flags);
    }
    return 0;
  },
};
