import {
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  ECANCELED,
  EEXIST,
  EFAULT,
  EFBIG,
  EINVAL,
  EIO,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENXIO,
  EROFS,
  ETIMEDOUT,
} from '../status.js';

/** Node's names to Linux's numbers: Node's own `errno` differs by platform. */
const BY_CODE: Readonly<Record<string, number>> = {
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  ECANCELED,
  EDQUOT: ENOSPC,
  EEXIST,
  EFAULT,
  EFBIG,
  EINVAL,
  EIO,
  ENODEV: ENXIO,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENXIO,
  EPERM: EACCES,
  EROFS,
  ETIMEDOUT,
};

/**
 * The errno of an error that Node's fs threw or called back with. EIO for what has no number of its
 * own here: the caller must treat it as a failed transfer either way.
 */
export function errnoOf(error: unknown): number {
  const code = (error as { code?: unknown } | null)?.code;
  return (typeof code === 'string' ? BY_CODE[code] : undefined) ?? EIO;
}

/** Why a disk could not be opened: the file is not there, locked, of the wrong size. */
export class DiskOpenError extends Error {
  override readonly name = 'DiskOpenError';
  /** ERR_DISK_OPEN, ERR_DISK_LOCKED, ERR_DISK_SIZE or ERR_DISK_KIND. Stable. */
  readonly code: string;
  /** The errno behind it. */
  readonly errno: number;

  constructor(code: string, errno: number, message: string) {
    super(message);
    this.code = code;
    this.errno = errno;
  }
}
