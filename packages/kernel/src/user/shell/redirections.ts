/** Redirections, for a child for good, for a builtin until it ends. */
import { EBADF, isErrno, OK } from '@hotpath/hw-x86';
import {
  F_DUPFD_CLOEXEC,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
} from '../../syscall/flags.js';
import type { Step } from '../process.js';
import type { Redirection } from './parser.js';
import type { Shell } from './shell.js';

const OPEN_FLAGS: Readonly<Record<string, number>> = {
  '<': O_RDONLY,
  '>': O_WRONLY | O_CREAT | O_TRUNC,
  '>>': O_WRONLY | O_CREAT | O_APPEND,
};
/** Saved descriptors lie above those that people name. */
const SAVED_FROM = 10;
const CLOSED = -1;

/** Descriptors as they were before: number, and where it is kept (CLOSED: it was not open). */
export type SavedDescriptors = (readonly [number, number])[];

/**
 * Applies redirections in order; what fails is told: OK or an errno.
 * @param saved - takes what is to be put back; null: nothing is
 */
export function* redirect(
  shell: Shell,
  redirections: readonly Redirection[],
  saved: SavedDescriptors | null,
): Step<number> {
  const { process } = shell;
  const { sys } = process;
  for (const { fd, operator, target } of redirections) {
    const text = yield* shell.expandToText(target);
    if (saved !== null) {
      const kept = yield* sys.fcntl(fd, F_DUPFD_CLOEXEC, SAVED_FROM);
      saved.push([fd, isErrno(kept) ? CLOSED : kept]);
    }
    const status = operator.endsWith('&')
      ? yield* duplicate(shell, fd, text)
      : yield* openAs(shell, fd, text, OPEN_FLAGS[operator]);
    if (!isErrno(status)) continue;
    yield* process.fail(text, status);
    return status;
  }
  return OK;
}

/** Puts descriptors back, the last one first. */
export function* restore(shell: Shell, saved: SavedDescriptors): Step {
  const { sys } = shell.process;
  for (const [fd, kept] of saved.reverse()) {
    if (kept === CLOSED) yield* sys.close(fd);
    else {
      yield* sys.dup2(kept, fd);
      yield* sys.close(kept);
    }
  }
}

function* duplicate(shell: Shell, fd: number, source: string): Step<number> {
  const { sys } = shell.process;
  if (source === '-') return yield* sys.close(fd);
  if (!/^\d+$/.test(source)) return EBADF;
  return yield* sys.dup2(Number(source), fd);
}

function* openAs(shell: Shell, fd: number, path: string, flags: number): Step<number> {
  const { sys } = shell.process;
  const opened = yield* sys.open(path, flags);
  if (isErrno(opened) || opened === fd) return opened;
  const status = yield* sys.dup2(opened, fd);
  yield* sys.close(opened);
  return status;
}
