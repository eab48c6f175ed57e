/**
 * Flags and small constants of the calls, with Linux's values for x86-64.
 */

/** Open for reading only. */
export const O_RDONLY = 0;
/** Open for writing only. */
export const O_WRONLY = 1;
/** Open for both. */
export const O_RDWR = 2;
/** Create the file if it is not there. */
export const O_CREAT = 0o100;
/** Fail with EEXIST if O_CREAT finds it there. */
export const O_EXCL = 0o200;
/** Cut the file to length 0. */
export const O_TRUNC = 0o1000;
/** Every write goes to the end. */
export const O_APPEND = 0o2000;

/** lseek from the start. */
export const SEEK_SET = 0;
/** lseek from the current offset. */
export const SEEK_CUR = 1;
/** lseek from the end. */
export const SEEK_END = 2;
