import { ECHILD, EINTR, isErrno } from '@hotpath/hw-x86';
import { O_RDWR } from '../../syscall/flags.js';
import type { Program } from '../../syscall/program.js';
import { SIGKILL, SIGTERM } from '../../task/signal-numbers.js';
import type { Process, Step, UserProgram } from '../process.js';

/** Time that programs have to end by themselves after SIGTERM. */
const GRACE_NS = 5_000_000;

/** Ends all other processes, so that nothing of theirs is open, and switches off. */
function* shutDown(process: Process): Step<number> {
  const { sys } = process;
  yield* sys.kill(-1, SIGTERM);
  yield* sys.sleep(GRACE_NS);
  yield* sys.kill(-1, SIGKILL);
  // All of them are its children by now: orphans come to it.
  while ((yield* sys.wait()) !== ECHILD) {
    // Buried.
  }
  yield* process.fail('cannot leave the disk clean', yield* sys.powerOff());
  return 1;
}

/** The first program: gives the shell its terminal, and switches off when it has ended. */
export const init: UserProgram = {
  name: 'init',
  summary: 'start a shell on the console; when it ends, or on SIGTERM, switch the machine off',
  usage: '',
  *main(process) {
    const { sys } = process;
    const fd = yield* sys.open('/dev/console', O_RDWR);
    if (isErrno(fd)) return 1;
    yield* sys.dup(fd);
    yield* sys.dup(fd);
    yield* sys.setsid();
    let asked = false;
    // biome-ignore lint/correctness/useYield: it only takes note
    yield* sys.sigaction(SIGTERM, function* (): Program {
      asked = true;
    });
    const shell = yield* sys.fork(function* (own): Program {
      return yield* own.exec('sh', ['sh'], process.env);
    });
    while (!asked) {
      const ended = yield* sys.wait();
      if (ended === shell || (isErrno(ended) && ended !== EINTR)) break;
    }
    return yield* shutDown(process);
  },
};
