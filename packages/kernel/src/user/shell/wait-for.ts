import { EINTR, isErrno } from '@hotpath/hw-x86';
import { STDERR, type Step } from '../process.js';
import { shellStatus, signalText } from './jobs.js';
import type { Shell } from './shell.js';

/** What a shell shows for a child that it does not have. */
const STATUS_UNKNOWN = 127;

/** Waits for one child: its status as `$?` shows it. */
export function* waitFor(shell: Shell, pid: number): Step<number> {
  const { scratch, sys } = shell.process;
  for (;;) {
    const ended = yield* sys.wait(pid, scratch);
    if (ended === EINTR) continue;
    if (isErrno(ended)) return STATUS_UNKNOWN;
    const status = shellStatus(yield* sys.load32(scratch));
    const text = signalText(status);
    if (text !== '') yield* shell.process.writeBytes(STDERR, new TextEncoder().encode(`${text}\n`));
    return status;
  }
}
