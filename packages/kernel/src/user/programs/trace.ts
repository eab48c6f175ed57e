import { EBUSY, ENOENT, isErrno } from '@hotpath/hw-x86';
import { O_CREAT, O_TRUNC, O_WRONLY } from '../../syscall/flags.js';
import { request, requestError } from '../observe.js';
import { type Process, type Step, UsageError, type UserProgram } from '../process.js';

/** By the ending of the file, or as asked. */
function formatOf(path: string, asked: string | undefined): string {
  const format = asked ?? (path.endsWith('.json') ? 'json' : 'perfetto');
  if (format === 'json' || format === 'perfetto') return format;
  throw new UsageError(`format '${format}'; allowed: perfetto, json`);
}

function* save(process: Process, path: string, format: string): Step {
  const bytes = yield* request(process, `trace ${format}`);
  if (typeof bytes === 'number') {
    yield* process.complain(bytes === ENOENT ? 'nothing is recorded' : requestError(bytes));
    process.status = 1;
    return;
  }
  const fd = yield* process.sys.open(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (isErrno(fd)) return yield* process.fail(path, fd);
  const written = yield* process.writeBytes(fd, bytes);
  const status = isErrno(written) ? written : yield* process.sys.fsync(fd);
  yield* process.sys.close(fd);
  if (isErrno(status)) yield* process.fail(path, status);
  else yield* process.print(`${path}: ${bytes.length} bytes\n`);
}

/** `trace` */
export const trace: UserProgram = {
  name: 'trace',
  summary: 'record switches, calls, faults, interrupts and disk requests; save them for Perfetto',
  usage: 'start | stop | save FILE [perfetto|json]',
  options: [
    ['start', 'begin; the trace before is forgotten, the newest 65,536 events of a CPU are kept'],
    ['stop', 'end it'],
    ['save FILE', 'write what was recorded: Perfetto, or JSON where the name ends in .json'],
  ],
  *main(process, args) {
    const [how, path, format, ...rest] = args;
    if (how === 'save') {
      if (path === undefined) throw new UsageError('save needs a file');
      if (rest.length > 0) throw new UsageError(`unknown operand '${rest[0]}'`);
      yield* save(process, path, formatOf(path, format));
      return 0;
    }
    if ((how !== 'start' && how !== 'stop') || path !== undefined) {
      throw new UsageError(`'${args.join(' ')}'; allowed: start, stop, save FILE`);
    }
    const status = yield* request(process, `trace ${how}`);
    if (typeof status !== 'number') return 0;
    if (status === EBUSY) yield* process.complain('a trace runs already');
    else if (status === ENOENT) yield* process.complain('no trace runs');
    else yield* process.complain(requestError(status));
    return 1;
  },
};
