/**
 * What a C library is to a program: argv, buffered output, lines in. Everything goes through read and
 * write with addresses of the program's own heap, so that copies, faults and waits are charged to it.
 */
import { assert, isErrno, OK, PAGE_BYTES, type VirtAddr } from '@hotpath/hw-x86';
import { errnoText } from '../errno-text.js';
import { O_RDONLY } from '../syscall/flags.js';
import type { Program, ProgramFactory, SystemCalls } from '../syscall/program.js';

/** A part of a program: may make calls, ends with a value. */
export type Step<Value = void> = Generator<void, Value, void>;

/** Bytes of one transfer, and of each of the two buffers. */
export const BUFFER_BYTES = 8 * PAGE_BYTES;
const HEAP_BYTES = PAGE_BYTES + 2 * BUFFER_BYTES;
/** Output is written when so many characters wait. */
const FLUSH_CHARACTERS = 4096;

/** Standard input, output and error. */
export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

/** One running program. */
export class Process {
  readonly sys: SystemCalls;
  /** Arguments; the first is the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A page of the heap for records of calls. */
  readonly scratch: VirtAddr;
  /** What the program will end with unless it says otherwise: 1 after {@link fail}. */
  status = 0;
  readonly #encoder = new TextEncoder();
  #output = '';

  constructor(
    sys: SystemCalls,
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
    heap: VirtAddr,
  ) {
    this.sys = sys;
    this.argv = argv;
    this.env = env;
    this.scratch = heap;
  }

  /** Takes a heap of this program's own: where it begins. */
  static *takeHeap(sys: SystemCalls): Step<VirtAddr> {
    const start = yield* sys.brk(0);
    const heap = Math.ceil(start / PAGE_BYTES) * PAGE_BYTES;
    const end = yield* sys.brk(heap + HEAP_BYTES);
    assert(end === heap + HEAP_BYTES, 'a new program finds no room for its buffers');
    return heap;
  }

  /** The last part of the name that it was called by. */
  get name(): string {
    const called = this.argv[0] ?? '';
    return called.slice(called.lastIndexOf('/') + 1);
  }

  /** Where bytes arrive. */
  get inputBuffer(): VirtAddr {
    return this.scratch + PAGE_BYTES;
  }

  /** Where bytes leave. */
  get outputBuffer(): VirtAddr {
    return this.scratch + PAGE_BYTES + BUFFER_BYTES;
  }

  /** The same program as its forked child sees it: a copy of its memory, other calls. */
  inChild(sys: SystemCalls): Process {
    return new Process(sys, this.argv, this.env, this.scratch);
  }

  /** Text to standard output; written when there is enough of it, by {@link flush}, or at the end. */
  *print(text: string): Step {
    this.#output += text;
    if (this.#output.length >= FLUSH_CHARACTERS) yield* this.flush();
  }

  /** Writes what was printed. An error other than a broken pipe is told, and makes the status 1. */
  *flush(): Step {
    if (this.#output === '') return;
    const bytes = this.#encoder.encode(this.#output);
    this.#output = '';
    const status = yield* this.writeBytes(STDOUT, bytes);
    if (isErrno(status)) yield* this.fail('write error', status);
  }

  /** Writes all the bytes: OK or an errno. */
  *writeBytes(fd: number, bytes: Uint8Array): Step<number> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + BUFFER_BYTES);
      yield* this.sys.storeBytes(this.outputBuffer, part);
      const status = yield* this.writeFrom(fd, this.outputBuffer, part.length);
      if (isErrno(status)) return status;
      at += part.length;
    }
    return OK;
  }

  /** Writes all of a range of its memory: OK or an errno. */
  *writeFrom(fd: number, address: VirtAddr, byteCount: number): Step<number> {
    for (let done = 0; done < byteCount; ) {
      const written = yield* this.sys.write(fd, address + done, byteCount - done);
      if (isErrno(written)) return written;
      done += written;
    }
    return OK;
  }

  /** A line on standard error, behind what was printed so far. */
  *complain(text: string): Step {
    yield* this.flush();
    yield* this.writeBytes(STDERR, this.#encoder.encode(`${this.name}: ${text}\n`));
  }

  /** `cat: x: No such file or directory`, and the status is 1. */
  *fail(subject: string, errno: number): Step {
    this.status = 1;
    yield* this.complain(`${subject}: ${errnoText(errno)}`);
  }

  /** The next bytes of a file, at most one buffer: null at the end, or an errno. */
  *readBytes(fd: number, limit = BUFFER_BYTES): Step<Uint8Array | null | number> {
    const count = yield* this.sys.read(fd, this.inputBuffer, Math.min(limit, BUFFER_BYTES));
    if (isErrno(count)) return count;
    if (count === 0) return null;
    const bytes = new Uint8Array(count);
    yield* this.sys.loadBytes(this.inputBuffer, bytes);
    return bytes;
  }

  /** Everything that is left of a file as text, or an errno. */
  *readText(fd: number): Step<string | number> {
    const decoder = new TextDecoder();
    let text = '';
    for (;;) {
      const bytes = yield* this.readBytes(fd);
      if (bytes === null) return text + decoder.decode();
      if (typeof bytes === 'number') return bytes;
      text += decoder.decode(bytes, { stream: true });
    }
  }

  /** A whole file by its path: its text or an errno. */
  *readFile(path: string): Step<string | number> {
    const fd = yield* this.sys.open(path, O_RDONLY);
    if (isErrno(fd)) return fd;
    const text = yield* this.readText(fd);
    yield* this.sys.close(fd);
    return text;
  }

  /** Names in a directory, sorted, without `.` and `..`; or an errno. */
  *readDirectory(path: string): Step<string[] | number> {
    const fd = yield* this.sys.open(path, O_RDONLY);
    if (isErrno(fd)) return fd;
    const names: string[] = [];
    for (;;) {
      const found = yield* this.sys.readdir(fd);
      if (isErrno(found)) {
        yield* this.sys.close(fd);
        return found;
      }
      if (found === 0) break;
      const { name } = this.sys.entry;
      if (name !== '.' && name !== '..') names.push(name);
    }
    yield* this.sys.close(fd);
    return names.sort(byCodePoint);
  }
}

function byCodePoint(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** A program as the shell's user knows it. */
export interface UserProgram {
  readonly name: string;
  /** Half a line: what it does. */
  readonly summary: string;
  /** Operands and options, without the name: `[-n COUNT] [FILE...]`. */
  readonly usage: string;
  /** One line an option, for `--help`. */
  readonly options?: readonly (readonly [string, string])[];
  /** True if `--help` behind other words belongs to them: `time ls --help`. */
  readonly runsOther?: boolean;
  main(process: Process, args: readonly string[]): Step<number>;
}

/** What is thrown for arguments that make no sense: told with a hint, status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The text of `--help`. */
export function helpText(program: UserProgram): string {
  let text = `usage: ${program.name} ${program.usage}`.trimEnd();
  text += `\n${program.summary}\n`;
  for (const [option, meaning] of program.options ?? []) {
    text += `  ${option.padEnd(16)} ${meaning}\n`;
  }
  return text;
}

/** A program as exec takes it. */
export function programFactory(program: UserProgram): ProgramFactory {
  return function* (sys, argv, env): Program {
    const process = new Process(sys, argv, env, yield* Process.takeHeap(sys));
    const status = yield* runProgram(process, program);
    return status;
  };
}

/** Runs a program in a process that has its heap: its exit status. */
export function* runProgram(process: Process, program: UserProgram): Step<number> {
  const args = process.argv.slice(1);
  const asksHelp = program.runsOther === true ? args[0] === '--help' : args.includes('--help');
  if (asksHelp) {
    yield* process.print(helpText(program));
    yield* process.flush();
    return process.status;
  }
  try {
    const status = yield* program.main(process, args);
    yield* process.flush();
    return Math.max(status, process.status);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    yield* process.complain(`${error.message}\nTry '${program.name} --help'.`);
    return 2;
  }
}
