/**
 * Every limit of the kernel in one place. What a user may change is an option of `boot`; what is
 * here shapes memory layout, on-disk format or table sizes.
 */
import { GIB, KIB, MIB } from '@hotpath/hw-x86';

/** Tasks that may exist at once, kernel threads included. */
export const TASK_LIMIT = 1024;
/** Address spaces that may exist at once; PCIDs are 12 bits wide and 0 belongs to the kernel. */
export const SPACE_LIMIT = 1024;
/** Areas of one address space. */
export const AREA_LIMIT = 4096;
/** Descriptors of one process. */
export const DESCRIPTOR_LIMIT = 64;
/** Open files of the whole system. */
export const OPEN_FILE_LIMIT = 1024;
/** Physical memory below this belongs to the boot code and the meter's columns, never to frames. */
export const RESERVED_BYTES = 16 * MIB;
/** The frame, within the reserved memory, that stands for a program's own variables in copies. */
export const BOUNCE_FRAME = MIB;
/** The frame, likewise, for what system calls copy to and from programs: paths, records, texts. */
export const FILE_BOUNCE_FRAME = MIB + 4 * KIB;
/** Kernel stack of a task, as Linux has it on x86-64 (Documentation/arch/x86/kernel-stacks). */
export const KERNEL_STACK_BYTES = 16 * KIB;
/** User stack of a task; grows down from USER_STACK_TOP, mapped on first touch. */
export const USER_STACK_BYTES = 8 * MIB;
/** Part of the user stack that is an area from the start; the rest comes as it grows. */
export const USER_STACK_START_BYTES = 128 * KIB;
/** Largest heap that `brk` may reach. */
export const USER_HEAP_BYTES = 64 * GIB;

/** A read fault maps pages of the cache within so many (Linux: fault_around_bytes, 64 KiB). */
export const FAULT_AROUND_PAGES = 16;
/** More pages than this and a TLB flush takes everything (Linux: tlb_single_page_flush_ceiling). */
export const FLUSH_CEILING_PAGES = 33;
/** Word at the low end of each kernel stack; another value there means that the stack ran over. */
export const STACK_CANARY = 0x57ac6e9d;

/** Slots of the block cache when `boot` is not told. */
export const BLOCK_CACHE_BLOCKS = 2048;
/** Slots of the page cache when `boot` is not told. */
export const PAGE_CACHE_PAGES = 4096;

/** Bytes of a block of the file layer and of the block cache. */
export const FS_BLOCK_BYTES = 4096;
/** Bytes of the root disk when `boot` makes it. */
export const ROOT_DISK_BYTES = 256 * MIB;

/** Largest sum of a new program's arguments and environment (Linux: a quarter of the stack, 6 MiB at most). */
export const ARGUMENT_BYTES = 2 * MIB;
/** Wall-clock time at which every machine is switched on, in nanoseconds: 2026-01-01 00:00 UTC. */
export const BOOT_TIME_NS = 1_767_225_600e9;
/** Inodes in memory at once. */
export const INODE_LIMIT = 4096;
/** Names in the dentry cache at once. */
export const DENTRY_LIMIT = 8192;
/** Mounted file systems. */
export const MOUNT_LIMIT = 64;
/** Bytes of a path with its zero (POSIX: PATH_MAX). */
export const PATH_BYTES = 4096;
/** Bytes of a name (POSIX: NAME_MAX); a file system may allow fewer. */
export const NAME_BYTES_MAX = 255;
/** Symbolic links that one path may lead through (Linux: MAXSYMLINKS). */
export const SYMLINK_LIMIT = 40;
/** Bytes that a pipe holds (Linux: 16 pages). */
export const PIPE_BYTES = 65536;
/** Bytes that a write to a pipe never mixes with others (POSIX: PIPE_BUF). */
export const PIPE_ATOMIC_BYTES = 4096;
/** Pipes and FIFOs in use at once. */
export const PIPE_LIMIT = 256;

/** Seconds after which a task that found no memory tries again, while a process is being killed. */
export const OUT_OF_MEMORY_PAUSE = 1e-4;
