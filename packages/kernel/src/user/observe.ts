/** Requests to what looks into the kernel (/dev/observe), as programs make them. */
import { EOPNOTSUPP, isErrno } from '@hotpath/hw-x86';
import { errnoText } from '../errno-text.js';
import { O_CLOEXEC, O_RDWR } from '../syscall/flags.js';
import type { Process, Step } from './process.js';
import { linesOf } from './programs/lines.js';

const DEVICE = '/dev/observe';

/** The answer as bytes, or an errno. */
export function* request(process: Process, words: string): Step<Uint8Array | number> {
  const { sys } = process;
  const fd = yield* sys.open(DEVICE, O_RDWR | O_CLOEXEC);
  if (isErrno(fd)) return fd;
  const asked = yield* process.writeBytes(fd, new TextEncoder().encode(words));
  if (isErrno(asked)) {
    yield* sys.close(fd);
    return asked;
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const bytes = yield* process.readBytes(fd);
    if (typeof bytes === 'number') {
      yield* sys.close(fd);
      return bytes;
    }
    if (bytes === null) break;
    parts.push(bytes);
    length += bytes.length;
  }
  yield* sys.close(fd);
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Why a request failed, in words. */
export function requestError(errno: number): string {
  if (errno === EOPNOTSUPP) return 'this kernel was booted without the option observe';
  return errnoText(errno);
}

/** The answer as rows of cells; null: told. */
export function* requestTable(process: Process, words: string): Step<string[][] | null> {
  const answer = yield* request(process, words);
  if (typeof answer !== 'number') {
    return linesOf(new TextDecoder().decode(answer)).map((line) => line.split('\t'));
  }
  process.status = 1;
  yield* process.complain(requestError(answer));
  return null;
}
