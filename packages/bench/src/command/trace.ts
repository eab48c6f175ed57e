import { accessSync, constants, mkdirSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { formatReport } from '@hotpath/pmc-trace';
import { checkTraceFile, FileSink } from '@hotpath/pmc-trace/node';
import { Argument, type Command } from 'commander';
import { ChromeSink } from '../trace-files/chrome-sink.js';
import { Converter } from '../trace-files/convert.js';
import { PerfettoSink } from '../trace-files/perfetto-sink.js';
import { readTraceFile } from '../trace-files/read-trace-file.js';
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
  trace
    .command('convert')
    .description(
      `any readable trace to ${ENDINGS.join(', ')} (by the ending of <to>); gzip is unpacked`,
    )
    .addArgument(new Argument('<from>', 'a Chrome JSON or Perfetto trace'))
    .addArgument(new Argument('<to>', 'the file to write'))
    .option('--json', 'print one JSON object')
    .action((from: string, to: string, options: { json?: true }) =>
      convert(from, to, options.json === true, terminal),
    );
}

const ENDINGS = ['.json', '.pftrace', '.perfetto-trace'];

async function convert(from: string, to: string, json: boolean, terminal: Terminal): Promise<void> {
  if (!ENDINGS.some((ending) => to.endsWith(ending))) {
    throw new UsageError(`trace file '${to}'; allowed endings: ${ENDINGS.join(', ')}`);
  }
  if (resolve(from) === resolve(to)) {
    throw new UsageError(`'${to}' would be written over itself; allowed: another file`);
  }
  mustBeReadable(from);
  mkdirSync(dirname(resolve(to)), { recursive: true });
  const file = new FileSink(to);
  const converter = new Converter(
    to.endsWith('.json') ? new ChromeSink(file) : new PerfettoSink(file),
  );
  try {
    await readTraceFile(from, converter);
  } catch (error) {
    file.close();
    rmSync(to);
    throw error;
  }
  converter.finish();
  const { events, dropped, lost } = converter.counts;
  if (json)
    terminal.print(JSON.stringify({ schema: 'hotpath-convert/1', from, to, ...converter.counts }));
  else terminal.print(`${to}: ${events} events, ${dropped} left out, ${lost} were lost before`);
}

function mustBeReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch {
    throw new UsageError(`trace file '${file}' cannot be read`);
  }
}

async function check(file: string, json: boolean, terminal: Terminal): Promise<void> {
  mustBeReadable(file);
  const report = await checkTraceFile(file);
  if (json) terminal.print(JSON.stringify(report));
  else for (const line of formatReport(report)) terminal.print(line);
  if (!report.valid) throw new Error(`'${file}' is not a valid trace`);
}
