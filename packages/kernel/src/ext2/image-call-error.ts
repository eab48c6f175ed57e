/** A call on an image failed; `errno` is Linux's number, negative, and the message names path and reason. */
export class ImageCallError extends Error {
  override readonly name = 'ImageCallError';
  readonly code = 'ERR_IMAGE_CALL';
  readonly errno: number;

  constructor(message: string, errno: number) {
    super(message);
    this.errno = errno;
  }
}
