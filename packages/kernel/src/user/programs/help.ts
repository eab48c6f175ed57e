import { helpText, type UserProgram } from '../process.js';
import { BUILTIN_SUMMARIES } from '../shell/builtins.js';

/** `help`, over the programs that there are. */
export function makeHelp(programs: () => readonly UserProgram[]): UserProgram {
  return {
    name: 'help',
    summary: 'list programs and what the shell itself does, or explain one',
    usage: '[PROGRAM]',
    *main(process, args) {
      const [name] = args;
      if (name !== undefined) {
        const program = programs().find((each) => each.name === name);
        if (program !== undefined) yield* process.print(helpText(program));
        else {
          yield* process.complain(`${name}: no such program`);
          return 1;
        }
        return 0;
      }
      const sorted = [...programs()].sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const program of sorted) {
        yield* process.print(`${program.name.padEnd(20)} ${program.summary}\n`);
      }
      yield* process.print('\nof the shell itself:\n');
      for (const [usage, summary] of BUILTIN_SUMMARIES) {
        yield* process.print(`${usage.padEnd(30)} ${summary}\n`);
      }
      return 0;
    },
  };
}
