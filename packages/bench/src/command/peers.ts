import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import type { Area } from '../harness/contestant.js';
import { type RaceResult, race } from '../harness/race.js';
import { type AreaName, filledAreas, loadArea } from '../peers/areas.js';
import { lastPeers, shippedPeersFolder, storePeers } from '../report/peers-store.js';
import { oneOf, wholeNumber } from './arguments.js';
import { UsageError } from './failure.js';
import { describeHost } from './host.js';
import { peersTable } from './peers-table.js';
import { formatTable } from './table.js';
import type { Terminal } from './terminal.js';

interface PeersOptions {
  readonly json?: true;
  readonly rounds: number;
  readonly warmup: number;
  readonly seed: number;
  readonly clock: 'wall' | 'cpu';
  readonly workload?: string;
  readonly out: string;
  readonly table?: true;
}

/** Adds `hotpath peers [AREA]`. */
export function addPeers(program: Command, terminal: Terminal): void {
  program
    .command('peers')
    .description('race against what people use today; ratios within one run')
    .addArgument(
      new Argument('[area]', `one of ${filledAreas.join(', ')}; all without it`).argParser(
        oneOf(filledAreas),
      ),
    )
    .option('--workload <name>', 'only this workload of the area; its result is not kept')
    .option('--rounds <count>', 'timed rounds of each contestant', wholeNumber(1, 10_000), 15)
    .option('--warmup <count>', 'rounds before them', wholeNumber(0, 1000), 3)
    .option('--clock <name>', 'wall, or cpu for busy machines', oneOf(['wall', 'cpu']), 'wall')
    .option('--seed <number>', 'seed of the input', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--out <folder>', 'where AREA-DATE.json is kept', join('out', 'peers'))
    .option('--table', 'no race: the last results that are kept, as a Markdown table')
    .option('--json', 'print one JSON object; without an area a line for each')
    .action((name: AreaName | undefined, options: PeersOptions) => run(name, options, terminal));
}

async function run(
  name: AreaName | undefined,
  options: PeersOptions,
  terminal: Terminal,
): Promise<void> {
  if (options.table) {
    const runs = lastPeers([options.out, shippedPeersFolder()]);
    const shown = runs.filter(({ area }) => name === undefined || area === name);
    if (shown.length === 0) throw new UsageError(`no race is kept in '${options.out}': run peers`);
    for (const line of options.json ? [JSON.stringify(shown)] : peersTable(shown)) {
      terminal.print(line);
    }
    return;
  }
  if (name === undefined && options.workload !== undefined) {
    throw new UsageError(`--workload '${options.workload}' needs an area`);
  }
  for (const area of name === undefined ? filledAreas : [name]) {
    await runPeers(area, options, terminal);
  }
}

async function runPeers(name: AreaName, options: PeersOptions, terminal: Terminal): Promise<void> {
  const area = await loadArea(name);
  if (area === null) throw new UsageError(`area '${name}' has no contestants`);
  const results: RaceResult[] = [];
  const workloads = chosenWorkloads(area, options.workload);
  for (const [index, workload] of workloads.entries()) {
    const result = await race(`peers/${name}`, area.contestants, workload, {
      seed: options.seed,
      rounds: options.rounds,
      warmupRounds: options.warmup,
      clock: options.clock,
      progress: (text) => terminal.progress(`${name}, ${text}`, index / workloads.length),
    });
    results.push(result);
    if (!options.json) printRace(area, result, terminal);
  }
  const { seed } = options;
  const date = new Date().toISOString().slice(0, 10);
  const host = describeHost();
  const dated = { schema: 'hotpath-peers/1', area: name, date, seed, host, results };
  if (options.json) terminal.print(JSON.stringify(dated));
  if (options.workload !== undefined) return;
  const path = storePeers(options.out, dated);
  if (!options.json) terminal.print(`kept in ${path}`);
}

function chosenWorkloads(
  area: Area<unknown>,
  name: string | undefined,
): Area<unknown>['workloads'] {
  if (name === undefined) return area.workloads;
  const chosen = area.workloads.filter((workload) => workload.name === name);
  if (chosen.length > 0) return chosen;
  const names = area.workloads.map((workload) => workload.name);
  throw new UsageError(`unknown workload '${name}'; allowed: ${names.join(', ')}`);
}

function printRace(area: Area<unknown>, result: RaceResult, terminal: Terminal): void {
  const nanoseconds = (ns: number): string => ns.toFixed(ns < 100 ? 1 : 0);
  const rows = result.standings.map((standing) => [
    standing.version === null ? standing.name : `${standing.name} ${standing.version}`,
    nanoseconds(standing.nsPerOperation.min),
    nanoseconds(standing.nsPerOperation.p25),
    nanoseconds(standing.nsPerOperation.median),
    (1000 / standing.nsPerOperation.p25).toFixed(2),
    `${standing.ratio.p25.toFixed(2)}x`,
    `${standing.ratio.low.toFixed(2)}-${standing.ratio.high.toFixed(2)}`,
    ...Object.values(factsOf(result, standing.facts)),
    standing.semantics === null ? '' : `(${standing.semantics})`,
  ]);
  terminal.print(`${result.workload}: ${result.title}; ns per ${area.operation}`);
  const right = (head: string) => ({ head, align: 'right' as const });
  const columns = [
    { head: '', align: 'left' as const },
    ...['min', 'p25', 'median', 'M/s', 'time', 'spread'].map(right),
    ...factNames(result).map(right),
    { head: '', align: 'left' as const },
  ];
  for (const line of formatTable(columns, rows)) terminal.print(line);
  terminal.print('');
}

function factNames(result: RaceResult): string[] {
  return [...new Set(result.standings.flatMap(({ facts }) => Object.keys(facts)))];
}

function factsOf(result: RaceResult, facts: Readonly<Record<string, number>>): string[] {
  return factNames(result).map((name) => (facts[name] === undefined ? '-' : `${facts[name]}`));
}
