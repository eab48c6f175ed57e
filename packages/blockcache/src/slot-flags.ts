/** Bits of a slot's state. */

// A resident slot without VALID is being read. DIRTY and WRITING together: changed again while the
// write of its earlier contents is in flight; it needs a second write.

/** The memory holds the block's contents. */
export const VALID = 1;
/** The contents are newer than the device's. */
export const DIRTY = 2;
/** A write of these contents is in flight. */
export const WRITING = 4;
/** The memory belongs to somebody else (a page-cache frame): evicting drops only the index. */
export const ATTACHED = 8;
/** Read ahead of use, and not used yet. */
export const READAHEAD = 16;
/** Its pin will not end (a mounted superblock): does not count as "will be released". */
export const UNMOVABLE = 64;
