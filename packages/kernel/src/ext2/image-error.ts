/**
 * Why an image cannot be mounted or made. `code` is stable: `ERR_SUPERBLOCK`, `ERR_GROUP`,
 * `ERR_FEATURE`, `ERR_JOURNAL`, `ERR_CACHE`, `ERR_FORMAT`, `ERR_IO`; the message names the value and what would be right.
 */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
