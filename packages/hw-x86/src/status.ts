/**
 * Small statuses that travel as numbers. `>= 0` is a value (often a slot), `-1..-4095` an errno
 * with Linux's number and the sign turned, and below that the two answers that mean "later".
 */

/** No slot, no frame, no entry. Equal to `-EPERM`, which no device or cache answers. */
export const NIL = -1;
/** Done, nothing to report. */
export const OK = 0;

/** System call: not finished; it is entered again, with its progress, after the wake-up. */
export const BLOCKED = -4096;
/** Request: accepted; its sink hears later, from `reap()`, and never from inside the call. */
export const PENDING = -4097;

/** Operation not permitted. The same number as NIL. */
export const EPERM = -1;
/** No such file or directory. */
export const ENOENT = -2;
/** No such process. */
export const ESRCH = -3;
/** Interrupted system call: a signal ended its wait. */
export const EINTR = -4;
/** Input/output error: the device could not read or write the block. */
export const EIO = -5;
/** No such device or address: a block outside the device. */
export const ENXIO = -6;
/** Argument list too long. */
export const E2BIG = -7;
/** Bad file descriptor. */
export const EBADF = -9;
/** No child processes. */
export const ECHILD = -10;
/** Resource temporarily unavailable. */
export const EAGAIN = -11;
/** Out of memory: no frame, slot or object is left and none can come back. */
export const ENOMEM = -12;
/** Permission denied. */
export const EACCES = -13;
/** Bad address: a user pointer that is not mapped or may not be used so. */
export const EFAULT = -14;
/** Device or resource busy. */
export const EBUSY = -16;
/** File exists. */
export const EEXIST = -17;
/** Invalid cross-device link: the two names are on different file systems. */
export const EXDEV = -18;
/** No such device, or a file system type that the kernel does not know. */
export const ENODEV = -19;
/** Not a directory. */
export const ENOTDIR = -20;
/** Is a directory. */
export const EISDIR = -21;
/** Invalid argument. */
export const EINVAL = -22;
/** Too many open files in the system. */
export const ENFILE = -23;
/** Too many open files in the process. */
export const EMFILE = -24;
/** Inappropriate ioctl for device. */
export const ENOTTY = -25;
/** File too large. */
export const EFBIG = -27;
/** No space left on device. */
export const ENOSPC = -28;
/** Illegal seek: the file is a pipe or a terminal. */
export const ESPIPE = -29;
/** Read-only file system or device. */
export const EROFS = -30;
/** Too many links. */
export const EMLINK = -31;
/** Broken pipe: nobody reads it any more. */
export const EPIPE = -32;
/** Result too large: the buffer does not hold it. */
export const ERANGE = -34;
/** Resource deadlock would occur. */
export const EDEADLK = -35;
/** File name too long. */
export const ENAMETOOLONG = -36;
/** Function not implemented. */
export const ENOSYS = -38;
/** Directory not empty. */
export const ENOTEMPTY = -39;
/** Too many levels of symbolic links. */
export const ELOOP = -40;
/** Value too large for its type. */
export const EOVERFLOW = -75;
/** Operation not supported by this file or file system. */
export const EOPNOTSUPP = -95;
/** Structure needs cleaning: what lies on the disk contradicts itself. */
export const EUCLEAN = -117;
/** The device gave no answer in time. */
export const ETIMEDOUT = -110;
/** Operation cancelled: the cache or device was closed under the waiter. */
export const ECANCELED = -125;

/** True for `-4095 <= status <= -1`. */
export function isErrno(status: number): boolean {
  return status < 0 && status > BLOCKED;
}
