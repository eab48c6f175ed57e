import { getSystemErrorName } from 'node:util';

/** What went wrong with a host file: `code` as Node names it (EIO, ENOSPC, ...). */
export class FileError extends Error {
  override readonly name = 'FileError';
  /** Node's name of the error, for example `EIO`. */
  readonly code: string;
  /** Linux's number, negative. */
  readonly errno: number;
  /** The file. */
  readonly path: string;

  constructor(errno: number, call: string, path: string) {
    const code = getSystemErrorName(errno);
    super(`${code}: ${call} '${path}'`);
    this.code = code;
    this.errno = errno;
    this.path = path;
  }
}

/** Errno of an error that Node's fs threw; any other error is thrown on. */
export function errnoOf(error: unknown): number {
  const { errno } = error as { errno?: unknown };
  if (typeof errno === 'number' && errno < 0) return errno;
  throw error;
}
