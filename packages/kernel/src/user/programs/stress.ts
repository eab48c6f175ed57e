import { EINTR, isErrno, PAGE_BYTES } from '@hotpath/hw-x86';
import { O_CREAT, O_RDWR, O_TRUNC } from '../../syscall/flags.js';
import type { Program, SystemCalls } from '../../syscall/program.js';
import { parseArguments, secondsToNs, wholeNumber } from '../arguments.js';
import { BUFFER_BYTES, type Process, type Step, UsageError, type UserProgram } from '../process.js';

/** Cycles of computing between two looks at the clock. */
const BURST = 1_000_000;
const FILE_PAGES = 256;

type Worker = (process: Process, endNs: number, memoryBytes: number) => Step;

function* compute(process: Process, endNs: number): Step {
  while ((yield* process.sys.clock()) < endNs) yield* process.sys.compute(BURST);
}

/** Works a little, sleeps a little: what an editor or a server does. */
function* interact(process: Process, endNs: number): Step {
  while ((yield* process.sys.clock()) < endNs) {
    yield* process.sys.compute(BURST / 4);
    yield* process.sys.sleep(2_000_000);
  }
}

function* touchMemory(process: Process, endNs: number, memoryBytes: number): Step {
  const { sys } = process;
  const start = yield* sys.brk(0);
  const end = yield* sys.brk(start + memoryBytes);
  while ((yield* sys.clock()) < endNs) {
    for (let at = start; at + 4 <= end; at += PAGE_BYTES) yield* sys.store32(at, 1);
  }
}

function* writeFiles(process: Process, endNs: number): Step {
  const { sys } = process;
  const path = `stress.${sys.task}`;
  const fd = yield* sys.open(path, O_RDWR | O_CREAT | O_TRUNC);
  if (isErrno(fd)) return yield* process.fail(path, fd);
  for (let page = 0; (yield* sys.clock()) < endNs; page = (page + 8) % FILE_PAGES) {
    const count = yield* sys.pwrite(fd, process.outputBuffer, BUFFER_BYTES, page * PAGE_BYTES);
    const status = isErrno(count) ? count : yield* sys.fsync(fd);
    if (!isErrno(status)) continue;
    yield* process.fail(path, status);
    break;
  }
  yield* sys.close(fd);
  yield* sys.unlink(path);
}

/** The workers are programs of their own, with a name in ps and in the tables of perf. */
function worker(name: string, summary: string, work: Worker): UserProgram {
  return {
    name,
    summary,
    usage: '-t SECONDS [-M MIB]',
    options: [
      ['-t SECONDS', 'for so long'],
      ['-M MIB', 'memory; default 4'],
    ],
    *main(process, args) {
      const { values } = parseArguments(args, 't:M:');
      const mib = wholeNumber('-M', values.get('M') ?? '4', 1, 1024);
      const endNs = (yield* process.sys.clock()) + secondsToNs(values.get('t') ?? '1');
      yield* work(process, endNs, mib * 2 ** 20);
      return 0;
    },
  };
}

/** What `stress` starts. */
export const STRESS_WORKERS: readonly UserProgram[] = [
  worker('stress-cpu', 'compute without a pause', compute),
  worker('stress-interactive', 'compute for a moment, sleep for 2 ms, again and again', interact),
  worker('stress-memory', 'write to all its memory, again and again', touchMemory),
  worker('stress-disk', 'write to a file and wait for the disk', writeFiles),
];
const LETTERS = ['c', 'i', 'm', 'd'];

/** `stress` */
export const stress: UserProgram = {
  name: 'stress',
  summary: 'make load: tasks that compute, interact, touch memory, write files',
  usage: '[-c N] [-i N] [-m N] [-d N] [-t SECONDS]',
  options: [
    ['-c N', 'N tasks that only compute'],
    ['-i N', 'N tasks that compute for a moment and sleep for 2 ms'],
    ['-m N', 'N tasks that write to all their memory'],
    ['-d N', 'N tasks that write to a file and wait for the disk'],
    ['-M MIB', 'memory of each of -m; default 4'],
    ['-t SECONDS', 'for so long; default 1'],
  ],
  *main(process, args) {
    const { operands, values } = parseArguments(args, 'c:i:m:d:M:t:');
    if (operands.length > 0) throw new UsageError(`unknown operand '${operands[0]}'`);
    const count = (letter: string): number =>
      wholeNumber(`-${letter}`, values.get(letter) ?? '0', 0, 64);
    const shared = ['-t', values.get('t') ?? '1', '-M', values.get('M') ?? '4'];
    // Checked here, and not by each worker.
    secondsToNs(shared[1]);
    wholeNumber('-M', shared[3], 1, 1024);
    const counts = LETTERS.map(count);
    if (counts.every((tasks) => tasks === 0)) throw new UsageError('needs -c, -i, -m or -d');
    let started = 0;
    for (const [index, { name }] of STRESS_WORKERS.entries()) {
      for (let left = counts[index]; left > 0; left--) {
        const pid = yield* process.sys.fork(function* (sys: SystemCalls): Program {
          return yield* sys.exec(name, [name, ...shared], process.env);
        });
        if (isErrno(pid)) yield* process.fail('fork', pid);
        else started += 1;
      }
    }
    let failed = 0;
    while (started > 0) {
      const pid = yield* process.sys.wait(-1, process.scratch);
      if (pid === EINTR) continue;
      if (isErrno(pid)) break;
      started -= 1;
      if ((yield* process.sys.load32(process.scratch)) !== 0) failed += 1;
    }
    return failed > 0 ? 1 : 0;
  },
};
