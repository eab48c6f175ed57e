/** Programs that run other programs. */
import { EINTR, ENOENT, isErrno } from '@hotpath/hw-x86';
import { errnoText } from '../errno-text.js';
import type { Program } from '../syscall/program.js';
import type { Process, Step } from './process.js';
import { shellStatus } from './shell/jobs.js';

/** Status of a program that itself failed, and not the command that it was to run (as env, nice, time). */
export const STATUS_OWN_FAILURE = 125;

/** Puts another program into the place of this one; comes back only when that failed. */
export function* become(process: Process, args: readonly string[]): Step<number> {
  const status = yield* process.sys.exec(args[0], args, process.env);
  yield* process.complain(`${args[0]}: ${errnoText(status)}`);
  return status === ENOENT ? 127 : 126;
}

/** A child that has ended. */
export interface EndedChild {
  readonly pid: number;
  /** As a shell shows it. */
  readonly status: number;
}

/** Runs `body` in a forked child and waits for its end; null: told. */
export function* runChild(
  process: Process,
  body: (child: Process) => Step<number>,
): Step<EndedChild | null> {
  const { scratch, sys } = process;
  yield* process.flush();
  const pid = yield* sys.fork(function* (own): Program {
    const child = process.inChild(own);
    const status = yield* body(child);
    yield* child.flush();
    return status;
  });
  if (isErrno(pid)) {
    yield* process.fail('fork', pid);
    return null;
  }
  let waited: number;
  do {
    waited = yield* sys.wait(pid, scratch);
  } while (waited === EINTR);
  return { pid, status: shellStatus(yield* sys.load32(scratch)) };
}
