import { isErrno } from '@hotpath/hw-x86';
import { parseArguments } from '../arguments.js';
import { type Process, type Step, UsageError, type UserProgram } from '../process.js';
import { linesOf } from './lines.js';

interface Mounted {
  readonly source: string;
  readonly path: string;
  readonly type: string;
  readonly mode: string;
}

/** Lines of /proc/mounts. */
export function* mounted(process: Process): Step<Mounted[]> {
  const text = yield* process.readFile('/proc/mounts');
  if (typeof text === 'number') {
    yield* process.fail('/proc/mounts', text);
    return [];
  }
  return linesOf(text).map((line) => {
    const [source, path, type, mode] = line.split(' ');
    return { source, path, type, mode };
  });
}

/** `mount` */
export const mount: UserProgram = {
  name: 'mount',
  summary: 'list mounted file systems, or mount a new one that needs no disk',
  usage: '[-t TYPE DIRECTORY]',
  options: [['-t TYPE', 'tmpfs, devtmpfs or proc']],
  *main(process, args) {
    const { operands, values } = parseArguments(args, 't:');
    const type = values.get('t');
    if (type === undefined && operands.length > 0) throw new UsageError('needs -t TYPE');
    if (type === undefined) {
      for (const { mode, path, source, type: kind } of yield* mounted(process)) {
        yield* process.print(`${source} on ${path} type ${kind} (${mode})\n`);
      }
      return 0;
    }
    const directory = operands[operands.length - 1];
    if (directory === undefined) throw new UsageError('needs a directory');
    const status = yield* process.sys.mount(directory, type);
    if (isErrno(status)) yield* process.fail(`${type} on ${directory}`, status);
    return 0;
  },
};

/** `umount` */
export const umount: UserProgram = {
  name: 'umount',
  summary: 'take a mounted file system out',
  usage: 'DIRECTORY',
  *main(process, args) {
    const { operands } = parseArguments(args, '');
    if (operands.length !== 1) throw new UsageError('needs a directory');
    const status = yield* process.sys.umount(operands[0]);
    if (isErrno(status)) yield* process.fail(operands[0], status);
    return 0;
  },
};

/** `df` */
export const df: UserProgram = {
  name: 'df',
  summary: 'space of mounted file systems, in KiB',
  usage: '[-i] [FILE...]',
  options: [['-i', 'inodes instead']],
  *main(process, args) {
    const { flags, operands } = parseArguments(args, 'ik');
    const inodes = flags.has('i');
    const unit = inodes ? 'Inodes' : '1K-blocks';
    const table = yield* mounted(process);
    const heading = `${'Filesystem'.padEnd(12)} ${unit.padStart(10)}`;
    yield* process.print(`${heading}       Used  Available Use% Mounted on\n`);
    const paths = operands.length > 0 ? operands : table.map(({ path }) => path);
    for (const path of paths) {
      const status = yield* process.sys.statfs(path);
      if (isErrno(status)) {
        yield* process.fail(path, status);
        continue;
      }
      const { volume } = process.sys;
      const scale = inodes ? 1 : volume.blockBytes / 1024;
      const all = (inodes ? volume.inodes : volume.blocks) * scale;
      const free = (inodes ? volume.freeInodes : volume.freeBlocks) * scale;
      if (all === 0 && operands.length === 0) continue;
      const used = all - free;
      const share = all === 0 ? '-' : `${Math.ceil((used / all) * 100)}%`;
      const source = table.find((row) => row.path === path)?.source ?? '-';
      const cells = [all, used, free].map((value) => String(Math.round(value)).padStart(10));
      yield* process.print(
        `${source.padEnd(12)} ${cells.join(' ')} ${share.padStart(4)} ${path}\n`,
      );
    }
    return 0;
  },
};
