/** Numbers of the NBD protocol (https://github.com/NetworkBlockDevice/nbd, doc/proto.md). */

export const NBD_MAGIC = 0x4e42444d41474943n;
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

/** Handshake flags: fixed newstyle, and no zeroes after the export. */
export const HANDSHAKE_FLAGS = 3;
export const CLIENT_NO_ZEROES = 2;

export const OPT_EXPORT_NAME = 1;
export const OPT_ABORT = 2;
export const OPT_LIST = 3;
export const OPT_INFO = 6;
export const OPT_GO = 7;
export const OPT_STRUCTURED_REPLY = 8;

export const REP_ACK = 1;
export const REP_SERVER = 2;
export const REP_INFO = 3;
export const REP_ERR_UNSUP = 0x80000001;
export const REP_ERR_INVALID = 0x80000003;

export const INFO_EXPORT = 0;
export const INFO_BLOCK_SIZE = 3;

/** Has flags, flush, FUA, trim, write zeroes, DF, several connections, cache. */
export const TRANSMISSION_FLAGS = 1 | 4 | 8 | 32 | 64 | 128 | 256 | 1024;
export const TRANSMISSION_READ_ONLY = 2;

export const CMD_READ = 0;
export const CMD_WRITE = 1;
export const CMD_DISCONNECT = 2;
export const CMD_FLUSH = 3;
export const CMD_TRIM = 4;
export const CMD_CACHE = 5;
export const CMD_WRITE_ZEROES = 6;
export const CMD_FLAG_FUA = 1;

export const REPLY_DONE = 1;
export const REPLY_NONE = 0;
export const REPLY_OFFSET_DATA = 1;
export const REPLY_ERROR = 0x8001;

export const REQUEST_BYTES = 28;
/** Longest READ or WRITE that is served. */
export const PAYLOAD_MAX = 32 * 1024 * 1024;

/** NBD's error number for one of the cache's. */
export function nbdError(errno: number): number {
  const known = [1, 5, 12, 22, 28, 75, 95, 108];
  return known.includes(-errno) ? -errno : errno === -30 ? 1 : 5;
}
