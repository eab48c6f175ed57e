/** The command `hotpath`. */

import { runProgram } from './command/program.js';
import { processTerminal } from './command/terminal.js';

process.exitCode = await runProgram(process.argv.slice(2), processTerminal());
