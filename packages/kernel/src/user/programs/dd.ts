import { isErrno } from '@hotpath/hw-x86';
import { O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY, SEEK_CUR, SEEK_SET } from '../../syscall/flags.js';
import {
  BUFFER_BYTES,
  type Process,
  STDERR,
  STDIN,
  STDOUT,
  type Step,
  UsageError,
  type UserProgram,
} from '../process.js';

const SCALES: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

function sizeOf(name: string, text: string, low: number): number {
  const match = /^(\d+)([KMG]?)$/i.exec(text);
  const value = match === null ? -1 : Number(match[1]) * SCALES[match[2].toUpperCase()];
  if (value >= low && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new UsageError(`${name} is '${text}'; allowed: a number from ${low}, with K, M or G`);
}

function optionsOf(args: readonly string[]): Map<string, string> {
  const options = new Map<string, string>();
  for (const arg of args) {
    const match = /^(if|of|bs|count|skip|seek|conv)=(.*)$/.exec(arg);
    if (match === null) throw new UsageError(`unknown operand '${arg}'`);
    options.set(match[1], match[2]);
  }
  return options;
}

/** Copies one block in pieces of the buffer: bytes, fewer at the end, or -1: told. */
function* copyBlock(process: Process, from: number, to: number, blockBytes: number): Step<number> {
  const { sys } = process;
  let done = 0;
  while (done < blockBytes) {
    const wanted = Math.min(BUFFER_BYTES, blockBytes - done);
    const count = yield* sys.read(from, process.inputBuffer, wanted);
    if (count === 0) break;
    if (isErrno(count)) {
      yield* process.fail('read error', count);
      return -1;
    }
    const status = yield* process.writeFrom(to, process.inputBuffer, count);
    if (isErrno(status)) {
      yield* process.fail('write error', status);
      return -1;
    }
    done += count;
  }
  return done;
}

/** `dd` */
export const dd: UserProgram = {
  name: 'dd',
  summary: 'copy blocks of a file',
  usage: '[if=FILE] [of=FILE] [bs=BYTES] [count=N] [skip=N] [seek=N] [conv=fsync,notrunc]',
  options: [
    ['bs=BYTES', 'bytes of a block, default 512; K, M, G'],
    ['count=N', 'so many blocks; default: to the end'],
    ['skip=, seek=', 'blocks to step over in the input, the output'],
    ['conv=fsync', 'wait until it is on the disk'],
    ['conv=notrunc', 'leave the rest of the output as it is'],
  ],
  *main(process, args) {
    const options = optionsOf(args);
    const blockBytes = sizeOf('bs', options.get('bs') ?? '512', 1);
    const limit = options.has('count') ? sizeOf('count', options.get('count') ?? '', 0) : Infinity;
    const skip = sizeOf('skip', options.get('skip') ?? '0', 0);
    const seek = sizeOf('seek', options.get('seek') ?? '0', 0);
    const conversions = (options.get('conv') ?? '').split(',');
    const { sys } = process;
    const inputPath = options.get('if');
    const outputPath = options.get('of');
    const from = inputPath === undefined ? STDIN : yield* sys.open(inputPath, O_RDONLY);
    if (isErrno(from)) {
      yield* process.fail(inputPath ?? 'standard input', from);
      return 1;
    }
    const cut = conversions.includes('notrunc') || seek > 0 ? 0 : O_TRUNC;
    const to =
      outputPath === undefined ? STDOUT : yield* sys.open(outputPath, O_WRONLY | O_CREAT | cut);
    if (isErrno(to)) {
      yield* process.fail(outputPath ?? 'standard output', to);
      return 1;
    }
    if (skip > 0) {
      const status = yield* sys.lseek(from, skip * blockBytes, SEEK_CUR);
      if (isErrno(status)) yield* process.fail('skip', status);
    }
    if (seek > 0) {
      const status = yield* sys.lseek(to, seek * blockBytes, SEEK_SET);
      if (isErrno(status)) yield* process.fail('seek', status);
    }
    const started = yield* sys.clock();
    let whole = 0;
    let partial = 0;
    let total = 0;
    while (process.status === 0 && whole < limit) {
      const count = yield* copyBlock(process, from, to, blockBytes);
      if (count <= 0) break;
      total += count;
      if (count === blockBytes) whole += 1;
      else {
        partial = 1;
        break;
      }
    }
    if (conversions.includes('fsync')) {
      const status = yield* sys.fsync(to);
      if (isErrno(status)) yield* process.fail(outputPath ?? 'standard output', status);
    }
    const seconds = ((yield* sys.clock()) - started) / 1e9;
    const rate = seconds > 0 ? (total / seconds / 1e6).toFixed(1) : '0.0';
    const text =
      `${whole}+${partial} records in\n${whole}+${partial} records out\n` +
      `${total} bytes copied, ${seconds.toFixed(6)} s, ${rate} MB/s\n`;
    yield* process.writeBytes(STDERR, new TextEncoder().encode(text));
    return 0;
  },
};
