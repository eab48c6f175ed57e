import { runProgram } from '../../src/command/program.js';

/** What a command said and how it ended. */
export interface CommandResult {
  readonly status: number;
  readonly printed: string[];
  readonly errors: string[];
}

/** Runs `hotpath ARGS` in this process, with a terminal that nobody watches. */
export async function runCommand(...args: string[]): Promise<CommandResult> {
  const printed: string[] = [];
  const errors: string[] = [];
  const status = await runProgram(args, {
    interactive: false,
    print: (line) => printed.push(line),
    error: (line) => errors.push(line),
    progress: () => {},
  });
  return { status, printed, errors };
}
