/** Programs of a few lines. */
import { EINTR, isErrno } from '@hotpath/hw-x86';
import { SIGTERM } from '../../task/signal-numbers.js';
import { parseArguments, secondsToNs } from '../arguments.js';
import { UsageError, type UserProgram } from '../process.js';

/** `sleep` */
export const sleep: UserProgram = {
  name: 'sleep',
  summary: 'wait for so many seconds of the machine’s time',
  usage: 'SECONDS',
  *main(process, args) {
    const { operands } = parseArguments(args, '');
    if (operands.length !== 1) throw new UsageError('needs a number of seconds');
    const status = yield* process.sys.sleep(secondsToNs(operands[0]));
    return status === EINTR ? 1 : 0;
  },
};

/** `pwd` */
export const pwd: UserProgram = {
  name: 'pwd',
  summary: 'print the working directory',
  usage: '',
  *main(process, args) {
    parseArguments(args, '');
    const length = yield* process.sys.getcwd();
    if (isErrno(length)) yield* process.fail('.', length);
    else yield* process.print(`${process.sys.text}\n`);
    return 0;
  },
};

/** `env` */
export const env: UserProgram = {
  name: 'env',
  summary: 'print the environment',
  usage: '',
  *main(process, args) {
    parseArguments(args, '');
    for (const [name, value] of Object.entries(process.env)) {
      yield* process.print(`${name}=${value}\n`);
    }
    return 0;
  },
};

/** Bytes of a field of struct utsname, and the fields. */
const UNAME_FIELD = 65;
const UNAME_LETTERS = 'snrvm';

/** `uname` */
export const uname: UserProgram = {
  name: 'uname',
  summary: 'print names and version of the system',
  usage: '[-amnrsv]',
  options: [
    ['-s -n -r -v -m', 'system, node, release, version, machine; default -s'],
    ['-a', 'all of them'],
  ],
  *main(process, args) {
    const { flags } = parseArguments(args, `a${UNAME_LETTERS}`);
    const bytes = new Uint8Array(UNAME_FIELD * UNAME_LETTERS.length);
    yield* process.sys.uname(process.scratch);
    yield* process.sys.loadBytes(process.scratch, bytes);
    const words = [...UNAME_LETTERS].flatMap((letter, index) => {
      const wanted = flags.has('a') || flags.has(letter) || (flags.size === 0 && letter === 's');
      const field = bytes.subarray(index * UNAME_FIELD, (index + 1) * UNAME_FIELD);
      return wanted ? [new TextDecoder().decode(field.subarray(0, field.indexOf(0)))] : [];
    });
    yield* process.print(`${words.join(' ')}\n`);
    return 0;
  },
};

/** `sync` */
export const sync: UserProgram = {
  name: 'sync',
  summary: 'wait until all that was written is on the disk',
  usage: '',
  *main(process, args) {
    parseArguments(args, '');
    const status = yield* process.sys.sync();
    if (isErrno(status)) yield* process.fail('sync', status);
    return 0;
  },
};

/** Number of the first program. */
const INIT = 1;

/** `poweroff` */
export const poweroff: UserProgram = {
  name: 'poweroff',
  summary: 'end all programs, write everything to the disk, switch the machine off',
  usage: '[-f]',
  options: [['-f', 'at once: programs are not ended first']],
  *main(process, args) {
    const { flags } = parseArguments(args, 'f');
    if (flags.has('f')) {
      yield* process.fail('cannot leave the disk clean', yield* process.sys.powerOff());
      return 1;
    }
    const status = yield* process.sys.kill(INIT, SIGTERM);
    if (isErrno(status)) {
      yield* process.fail('init', status);
      return 1;
    }
    for (;;) yield* process.sys.pause();
  },
};
