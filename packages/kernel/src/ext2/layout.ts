/**
 * The format on disk: where fields lie and what their values mean. Sources: Linux
 * `fs/ext2/ext2.h` and `include/linux/jbd.h` (offsets and numbers are facts of the format), Dave
 * Poirier, "The Second Extended File System", and the kernel's `Documentation/filesystems/ext4`.
 */

/** Byte of the device at which the superblock lies, whatever the block size. */
export const SUPERBLOCK_AT = 1024;
export const SUPERBLOCK_BYTES = 1024;
export const EXT2_MAGIC = 0xef53;

// Offsets in the superblock.
export const SB_INODES = 0;
export const SB_BLOCKS = 4;
export const SB_RESERVED_BLOCKS = 8;
export const SB_FREE_BLOCKS = 12;
export const SB_FREE_INODES = 16;
export const SB_FIRST_BLOCK = 20;
export const SB_LOG_BLOCK_BYTES = 24;
export const SB_LOG_FRAGMENT_BYTES = 28;
export const SB_BLOCKS_PER_GROUP = 32;
export const SB_FRAGMENTS_PER_GROUP = 36;
export const SB_INODES_PER_GROUP = 40;
export const SB_MOUNT_TIME = 44;
export const SB_WRITE_TIME = 48;
export const SB_MOUNT_COUNT = 52;
export const SB_MOUNT_COUNT_MAX = 54;
export const SB_MAGIC = 56;
export const SB_STATE = 58;
export const SB_ERRORS = 60;
export const SB_CHECK_TIME = 64;
export const SB_REVISION = 76;
export const SB_FIRST_INODE = 84;
export const SB_INODE_BYTES = 88;
export const SB_GROUP = 90;
export const SB_COMPATIBLE = 92;
export const SB_INCOMPATIBLE = 96;
export const SB_READ_ONLY = 100;
export const SB_UUID = 104;
export const SB_LABEL = 120;
export const SB_RESERVED_GDT_BLOCKS = 206;
export const SB_JOURNAL_INODE = 224;
export const SB_LAST_ORPHAN = 232;
export const SB_HASH_SEED = 236;
export const SB_HASH_VERSION = 252;
export const SB_JOURNAL_BACKUP_TYPE = 253;
export const SB_MADE_AT = 264;
export const SB_JOURNAL_BLOCKS = 268;
export const SB_MIN_EXTRA_BYTES = 348;
export const SB_WANT_EXTRA_BYTES = 350;

/** Bits of SB_STATE: unmounted cleanly; errors were found. */
export const STATE_CLEAN = 1;
export const STATE_ERRORS = 2;

export const COMPATIBLE_HAS_JOURNAL = 0x4;
export const COMPATIBLE_EXT_ATTR = 0x8;
export const COMPATIBLE_DIR_INDEX = 0x20;
export const INCOMPATIBLE_FILETYPE = 0x2;
export const INCOMPATIBLE_RECOVER = 0x4;
export const READ_ONLY_SPARSE_SUPER = 0x1;
export const READ_ONLY_LARGE_FILE = 0x2;

/** What this driver can write. */
export const SUPPORTED_INCOMPATIBLE = INCOMPATIBLE_FILETYPE | INCOMPATIBLE_RECOVER;
export const SUPPORTED_READ_ONLY = READ_ONLY_SPARSE_SUPER | READ_ONLY_LARGE_FILE;

/** Names of the bits of SB_INCOMPATIBLE, as e2fsprogs has them. */
export const INCOMPATIBLE_NAMES: readonly string[] = [
  ...['compression', 'filetype', 'needs_recovery', 'journal_dev', 'meta_bg', 'bit 5', 'extent'],
  ...['64bit', 'mmp', 'flex_bg', 'ea_inode', 'bit 11', 'dirdata', 'metadata_csum_seed'],
  ...['large_dir', 'inline_data', 'encrypt', 'casefold'],
];
/** Names of the bits of SB_READ_ONLY. */
export const READ_ONLY_NAMES: readonly string[] = [
  ...['sparse_super', 'large_file', 'bit 2', 'huge_file', 'uninit_bg', 'dir_nlink', 'extra_isize'],
  ...['has_snapshot', 'quota', 'bigalloc', 'metadata_csum', 'replica', 'read-only', 'project'],
  ...['shared_blocks', 'verity', 'orphan_present'],
];

export const GROUP_DESCRIPTOR_BYTES = 32;
export const GD_BLOCK_BITMAP = 0;
export const GD_INODE_BITMAP = 4;
export const GD_INODE_TABLE = 8;
export const GD_FREE_BLOCKS = 12;
export const GD_FREE_INODES = 14;
export const GD_DIRECTORIES = 16;

export const ROOT_INODE = 2;
export const RESIZE_INODE = 7;
export const JOURNAL_INODE = 8;
/** First inode for files where the superblock does not say (revision 0). */
export const FIRST_INODE = 11;
/** Most links of an inode, as Linux has it for ext2 and ext3. */
export const LINK_MAX = 32_000;
export const NAME_MAX = 255;

// Offsets in an inode.
export const I_MODE = 0;
export const I_OWNER = 2;
export const I_SIZE = 4;
export const I_ACCESSED = 8;
export const I_CHANGED = 12;
export const I_MODIFIED = 16;
export const I_DELETED = 20;
export const I_GROUP = 24;
export const I_LINKS = 26;
export const I_SECTORS = 28;
export const I_FLAGS = 32;
export const I_BLOCK = 40;
export const I_GENERATION = 100;
export const I_ATTRIBUTES = 104;
export const I_SIZE_HIGH = 108;
export const I_OWNER_HIGH = 120;
export const I_GROUP_HIGH = 122;
/** Inodes of more than 128 bytes: how many of the further bytes are fields. */
export const I_EXTRA_BYTES = 128;
export const I_CHANGED_EXTRA = 132;
export const I_MODIFIED_EXTRA = 136;
export const I_ACCESSED_EXTRA = 140;
export const I_CREATED = 144;
export const I_CREATED_EXTRA = 148;
/** Further fields that this driver writes: up to and with the time of creation. */
export const EXTRA_BYTES = 32;

export const DIRECT_BLOCKS = 12;
export const BLOCK_POINTERS = 15;
/** A target shorter than this lies in the block pointers. */
export const FAST_SYMLINK_BYTES = 60;
/** Bit of I_FLAGS: the directory has a hash tree. */
export const FLAG_INDEXED = 0x1000;
/** Bits of I_FLAGS that mean a layout this driver does not know: extents, inline data, encryption. */
export const FLAG_EXTENTS = 0x80000;
export const FLAG_INLINE_DATA = 0x10000000;

export const TYPE_MASK = 0o170000;
export const TYPE_FIFO = 0o010000;
export const TYPE_CHARACTER = 0o020000;
export const TYPE_DIRECTORY = 0o040000;
export const TYPE_BLOCK = 0o060000;
export const TYPE_REGULAR = 0o100000;
export const TYPE_SYMLINK = 0o120000;
export const TYPE_SOCKET = 0o140000;

/** Type bits of a mode by the type byte of a directory entry; 0 where it does not tell. */
export const MODE_OF_ENTRY: readonly number[] = [
  0,
  TYPE_REGULAR,
  TYPE_DIRECTORY,
  TYPE_CHARACTER,
  TYPE_BLOCK,
  TYPE_FIFO,
  TYPE_SOCKET,
  TYPE_SYMLINK,
];

/** Type byte of a directory entry for a mode; 0 for a mode without a known type. */
export function entryTypeOf(mode: number): number {
  return Math.max(0, MODE_OF_ENTRY.indexOf(mode & TYPE_MASK));
}

/** Magic number and reference count of a block of extended attributes. */
export const ATTRIBUTE_MAGIC = 0xea020000;
export const ATTRIBUTE_REFERENCES = 4;

// The journal (JBD).
export const JOURNAL_MAGIC = 0xc03b3998;
export const JOURNAL_DESCRIPTOR = 1;
export const JOURNAL_COMMIT = 2;
export const JOURNAL_SUPERBLOCK_V1 = 3;
export const JOURNAL_SUPERBLOCK_V2 = 4;
export const JOURNAL_REVOKE = 5;
/** Header of each journal block: magic, type, sequence number. */
export const JH_TYPE = 4;
export const JH_SEQUENCE = 8;
export const JOURNAL_HEADER_BYTES = 12;
// Offsets in the journal's superblock.
export const JS_BLOCK_BYTES = 12;
export const JS_LENGTH = 16;
export const JS_FIRST = 20;
export const JS_SEQUENCE = 24;
export const JS_START = 28;
export const JS_ERRNO = 32;
export const JS_COMPATIBLE = 36;
export const JS_INCOMPATIBLE = 40;
export const JS_READ_ONLY = 44;
export const JS_UUID = 48;
export const JS_USERS = 64;
export const JOURNAL_INCOMPATIBLE_REVOKE = 1;
/** Names of the bits of JS_INCOMPATIBLE. */
export const JOURNAL_INCOMPATIBLE_NAMES: readonly string[] = [
  ...['revoke', '64bit', 'async_commit', 'checksum_v2', 'checksum_v3', 'fast_commit'],
];
// Flags of a tag.
export const TAG_ESCAPED = 1;
export const TAG_SAME_UUID = 2;
export const TAG_DELETED = 4;
export const TAG_LAST = 8;
export const TAG_BYTES = 8;
export const REVOKE_HEADER_BYTES = 16;
