/** Flags of the calls on memory, as Linux numbers them on x86-64. */

/** No access. */
export const PROT_NONE = 0;
/** May be read. */
export const PROT_READ = 1;
/** May be written; x86 cannot write what it cannot read. */
export const PROT_WRITE = 2;
/** May be executed, and read. */
export const PROT_EXEC = 4;

/** Stores reach the file, or every process that shares the memory. */
export const MAP_SHARED = 1;
/** Stores stay with this process. */
export const MAP_PRIVATE = 2;
/** Exactly there, in the place of whatever is there. */
export const MAP_FIXED = 0x10;
/** Memory without a file. */
export const MAP_ANONYMOUS = 0x20;
/** Bring every page in at once. */
export const MAP_POPULATE = 0x8000;
/** Exactly there, or EEXIST. */
export const MAP_FIXED_NOREPLACE = 0x100000;

/** msync: start writing; here all that is dirty is known already, so nothing is to be done. */
export const MS_ASYNC = 1;
/** msync: drop cached copies; there are none. */
export const MS_INVALIDATE = 2;
/** msync: come back when it is on the medium. */
export const MS_SYNC = 4;

/** madvise: nothing special. */
export const MADV_NORMAL = 0;
/** madvise: no read-ahead. */
export const MADV_RANDOM = 1;
/** madvise: read ahead. */
export const MADV_SEQUENTIAL = 2;
/** madvise: start reading now. */
export const MADV_WILLNEED = 3;
/** madvise: give the pages back; they read as new, or as their file is. */
export const MADV_DONTNEED = 4;
/** madvise: pages of 2 MiB where they fit. */
export const MADV_HUGEPAGE = 14;
/** madvise: none. */
export const MADV_NOHUGEPAGE = 15;
