/** Programs about other processes: kill, nice, time. */
import { isErrno } from '@hotpath/hw-x86';
import { CLOCK_MONOTONIC } from '../../syscall/flags.js';
import {
  SIGALRM,
  SIGCONT,
  SIGHUP,
  SIGINT,
  SIGKILL,
  SIGQUIT,
  SIGSTOP,
  SIGTERM,
  SIGUSR1,
  SIGUSR2,
} from '../../task/signal-numbers.js';
import { parseArguments, wholeNumber } from '../arguments.js';
import { become, runChild } from '../children.js';
import { type Process, STDERR, type Step, UsageError, type UserProgram } from '../process.js';
import { readAccounts } from './accounts.js';

const SIGNALS: Readonly<Record<string, number>> = {
  HUP: SIGHUP,
  INT: SIGINT,
  QUIT: SIGQUIT,
  KILL: SIGKILL,
  USR1: SIGUSR1,
  USR2: SIGUSR2,
  ALRM: SIGALRM,
  TERM: SIGTERM,
  CONT: SIGCONT,
  STOP: SIGSTOP,
};

function signalNumber(text: string): number {
  if (/^\d+$/.test(text)) return wholeNumber('signal', text, 0, 31);
  const name = text.toUpperCase().replace(/^SIG/, '');
  if (Object.hasOwn(SIGNALS, name)) return SIGNALS[name];
  throw new UsageError(
    `signal '${text}'; allowed: ${Object.keys(SIGNALS).join(', ')}, or a number`,
  );
}

/** `kill` */
export const kill: UserProgram = {
  name: 'kill',
  summary: 'send a signal to processes, or to process groups (-PID)',
  usage: '[-SIGNAL] PID...',
  options: [['-SIGNAL', 'a name or number; default TERM; 0 only asks']],
  *main(process, args) {
    const named = args.length > 1 && /^-[A-Za-z0-9]+$/.test(args[0]);
    const signal = named ? signalNumber(args[0].slice(1)) : SIGTERM;
    const pids = named ? args.slice(1) : args;
    if (pids.length === 0) throw new UsageError('needs a process number');
    for (const text of pids) {
      const pid = wholeNumber('process', text, -1e6, 1e6);
      const status = yield* process.sys.kill(pid, signal);
      if (isErrno(status)) yield* process.fail(text, status);
    }
    return 0;
  },
};

/** `nice` */
export const nice: UserProgram = {
  name: 'nice',
  summary: 'run a program with another nice value',
  usage: '[-n INCREMENT] PROGRAM [WORD...]',
  options: [['-n INCREMENT', 'default 10; less than 0: with more right to the CPU']],
  runsOther: true,
  *main(process, args) {
    const { operands, values } = parseArguments(args, 'n:', true);
    const increment = wholeNumber('increment', values.get('n') ?? '10', -40, 40);
    if (operands.length === 0) throw new UsageError('needs a program');
    yield* process.sys.nice(increment);
    return yield* become(process, operands);
  },
};

/** `time` */
export const time: UserProgram = {
  name: 'time',
  summary: 'run a program and tell how long it took, in the machine’s time',
  usage: 'PROGRAM [WORD...]',
  runsOther: true,
  *main(process, args) {
    if (args.length === 0) throw new UsageError('needs a program');
    const { sys } = process;
    const started = yield* sys.clock(CLOCK_MONOTONIC);
    const ended = yield* runChild(process, (child) => become(child, args));
    if (ended === null) return 1;
    const real = (yield* sys.clock(CLOCK_MONOTONIC)) - started;
    const text = yield* cpuSeconds(process, ended.pid);
    const lines = `real ${(real / 1e9).toFixed(6)}\n${text}`;
    yield* process.writeBytes(STDERR, new TextEncoder().encode(lines));
    return ended.status;
  },
};

/** CPU time of a child that has ended, from the kernel's accounts. */
function* cpuSeconds(process: Process, pid: number): Step<string> {
  const rows = yield* readAccounts(process);
  const row = rows.filter((each) => each.task === pid && each.state === 'X').pop();
  if (row === undefined) return '';
  const user = row.kinds.get('user') ?? 0;
  return `user ${(user / 1e9).toFixed(6)}\nsys  ${((row.cpuNs - user) / 1e9).toFixed(6)}\n`;
}
