import { isErrno } from '@hotpath/hw-x86';
import type { Attributes } from '../../vfs/file-system.js';
import { isDirectory, isSymbolicLink } from '../../vfs/modes.js';
import { parseArguments } from '../arguments.js';
import { joinPath, modeText, timeText } from '../files.js';
import type { Process, Step, UserProgram } from '../process.js';

interface Row {
  readonly name: string;
  readonly status: Attributes;
  /** Target of a symbolic link. */
  readonly target: string;
}

/** What lstat tells, or null: told. */
function* look(process: Process, path: string, name: string): Step<Row | null> {
  const { sys } = process;
  const found = yield* sys.lstat(path);
  if (isErrno(found)) {
    yield* process.fail(path, found);
    return null;
  }
  const status = { ...sys.status };
  const isLink = isSymbolicLink(status.mode) && !isErrno(yield* sys.readlink(path));
  return { name, status, target: isLink ? ` -> ${sys.text}` : '' };
}

function* printRows(process: Process, rows: readonly Row[], flags: ReadonlySet<string>): Step {
  const width = Math.max(1, ...rows.map(({ status }) => String(status.size).length));
  for (const { name, status, target } of rows) {
    const inode = flags.has('i') ? `${String(status.inode).padStart(6)} ` : '';
    const long = flags.has('l')
      ? `${modeText(status.mode)} ${String(status.links).padStart(2)} ` +
        `${String(status.size).padStart(width)} ${timeText(status.modified)} `
      : '';
    yield* process.print(`${inode}${long}${name}${flags.has('l') ? target : ''}\n`);
  }
}

function* listDirectory(process: Process, path: string, flags: ReadonlySet<string>): Step {
  const names = yield* process.readDirectory(path);
  if (typeof names === 'number') {
    yield* process.fail(path, names);
    return;
  }
  const shown = flags.has('a') ? ['.', '..', ...names] : names.filter((name) => name[0] !== '.');
  const rows: Row[] = [];
  for (const name of shown) {
    const row = yield* look(process, joinPath(path, name), name);
    if (row !== null) rows.push(row);
  }
  yield* printRows(process, rows, flags);
}

/** `ls` */
export const ls: UserProgram = {
  name: 'ls',
  summary: 'list directories, a name a line',
  usage: '[-adil] [FILE...]',
  options: [
    ['-a', 'also names that begin with a dot'],
    ['-d', 'directories themselves'],
    ['-i', 'inode numbers'],
    ['-l', 'type and mode, links, bytes, time of the last change'],
  ],
  *main(process, args) {
    const { flags, operands } = parseArguments(args, 'adil');
    const files: Row[] = [];
    const directories: string[] = [];
    for (const path of operands.length === 0 ? ['.'] : operands) {
      const row = yield* look(process, path, path);
      if (row === null) continue;
      const leads = isErrno(yield* process.sys.stat(path)) ? 0 : process.sys.status.mode;
      if (!flags.has('d') && isDirectory(leads)) directories.push(path);
      else files.push(row);
    }
    yield* printRows(process, files, flags);
    for (const [index, path] of directories.entries()) {
      if (operands.length > 1) {
        yield* process.print(`${index + files.length > 0 ? '\n' : ''}${path}:\n`);
      }
      yield* listDirectory(process, path, flags);
    }
    return 0;
  },
};
