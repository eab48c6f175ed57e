import { accessSync, constants } from 'node:fs';
import { formatReport } from '@hotpath/pmc-trace';
import { checkTraceFile } from '@hotpath/pmc-trace/node';
import { Argument, type Command } from 'commander';
import { UsageError } from './failure.js';
import type { Terminal } from './terminal.js';

/** Adds `hotpath trace check`. */
export function addTrace(program: Command, terminal: Terminal): void {
  const trace = program.command('trace').description('trace files, anyone’s');
  trace
    .command('check')
    .description(
      'judge a Chrome JSON or Perfetto trace, also gzipped: exit code 1 when it is wrong',
    )
    .addArgument(new Argument('<file>', 'the trace file'))
    .option('--json', 'print one JSON object')
    .action((file: string, options: { json?: true }) =>
      check(file, options.json === true, terminal),
    );
}

async function check(file: string, json: boolean, terminal: Terminal): Promise<void> {
  try {
    accessSync(file, constants.R_OK);
  } catch {
    throw new UsageError(`trace file '${file}' cannot be read`);
  }
  const report = await checkTraceFile(file);
  if (json) terminal.print(JSON.stringify(report));
  else for (const line of formatReport(report)) terminal.print(line);
  if (!report.valid) throw new Error(`'${file}' is not a valid trace`);
}
