import type { UserProgram } from '../process.js';

/** `echo` */
export const echo: UserProgram = {
  name: 'echo',
  summary: 'print the arguments',
  usage: '[-n] [WORD...]',
  options: [['-n', 'no newline at the end']],
  *main(process, args) {
    const bare = args[0] === '-n';
    yield* process.print((bare ? args.slice(1) : args).join(' ') + (bare ? '' : '\n'));
    return 0;
  },
};
