import { ENOENT, isErrno } from '@hotpath/hw-x86';
import { type HostOperation, type HostTask, O_CREAT, O_RDWR } from '@hotpath/kernel';
import type { DatabaseFile, DatabaseFolder } from './database-vfs.js';

/** Memory that bytes pass through: whole pages of SQLite. */
const BUFFER_BYTES = 65_536;

/**
 * The root directory of a modelled kernel as a folder of databases: each call is system calls of a
 * task that the host drives.
 */
export class KernelFolder implements DatabaseFolder {
  readonly #task: HostTask;
  readonly #buffer: number;

  constructor(task: HostTask) {
    this.#task = task;
    this.#buffer = must('brk', task, (sys) => sys.brk(0));
    must('brk', task, (sys) => sys.brk(this.#buffer + BUFFER_BYTES));
  }

  open(name: string, create: boolean): DatabaseFile {
    const flags = create ? O_RDWR | O_CREAT : O_RDWR;
    const fd = must(`open ${name}`, this.#task, (sys) => sys.open(absolute(name), flags));
    return new KernelFile(this.#task, fd, this.#buffer);
  }

  exists(name: string): boolean {
    const status = this.#task.call((sys) => sys.access(absolute(name), 0));
    if (status === ENOENT) return false;
    if (isErrno(status)) throw new Error(`access ${name}: errno ${-status}`);
    return true;
  }

  delete(name: string, sync: boolean): void {
    must(`unlink ${name}`, this.#task, (sys) => sys.unlink(absolute(name)));
    if (!sync) return;
    must('fsync /', this.#task, function* (sys) {
      const fd = yield* sys.open('/');
      if (isErrno(fd)) return fd;
      const status = yield* sys.fsync(fd);
      yield* sys.close(fd);
      return status;
    });
  }
}

class KernelFile implements DatabaseFile {
  readonly #task: HostTask;
  readonly #fd: number;
  readonly #buffer: number;

  constructor(task: HostTask, fd: number, buffer: number) {
    this.#task = task;
    this.#fd = fd;
    this.#buffer = buffer;
  }

  get size(): number {
    const fd = this.#fd;
    let size = 0;
    must('fstat', this.#task, function* (sys) {
      const status = yield* sys.fstat(fd);
      size = sys.status.size;
      return status;
    });
    return size;
  }

  read(target: Uint8Array, position: number): number {
    const fd = this.#fd;
    const buffer = this.#buffer;
    return must('pread', this.#task, function* (sys) {
      for (let done = 0; done < target.length; ) {
        const wanted = Math.min(BUFFER_BYTES, target.length - done);
        const count = yield* sys.pread(fd, buffer, wanted, position + done);
        if (isErrno(count)) return count;
        if (count > 0) yield* sys.loadBytes(buffer, target.subarray(done, done + count));
        done += count;
        if (count < wanted) return done;
      }
      return target.length;
    });
  }

  write(source: Uint8Array, position: number): void {
    const fd = this.#fd;
    const buffer = this.#buffer;
    must('pwrite', this.#task, function* (sys) {
      for (let done = 0; done < source.length; ) {
        const piece = source.subarray(done, done + BUFFER_BYTES);
        yield* sys.storeBytes(buffer, piece);
        const count = yield* sys.pwrite(fd, buffer, piece.length, position + done);
        if (isErrno(count)) return count;
        done += count;
      }
      return 0;
    });
  }

  truncate(size: number): void {
    must('ftruncate', this.#task, (sys) => sys.ftruncate(this.#fd, size));
  }

  sync(): void {
    must('fsync', this.#task, (sys) => sys.fsync(this.#fd));
  }

  close(): void {
    must('close', this.#task, (sys) => sys.close(this.#fd));
  }
}

function must(what: string, task: HostTask, operation: HostOperation<number>): number {
  const status = task.call(operation);
  if (isErrno(status)) throw new Error(`${what}: errno ${-status}`);
  return status;
}

function absolute(name: string): string {
  return name.startsWith('/') ? name : `/${name}`;
}
