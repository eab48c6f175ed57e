import { Argument, type Command } from 'commander';
import type { Area } from '../harness/contestant.js';
import { type RaceResult, race } from '../harness/race.js';
import { type AreaName, filledAreas, loadArea } from '../peers/areas.js';
import { oneOf, wholeNumber } from './arguments.js';
import { UsageError } from './failure.js';
import { describeHost } from './host.js';
import { formatTable } from './table.js';
import type { Terminal } from './terminal.js';

interface PeersOptions {
  readonly json?: true;
  readonly rounds: number;
  readonly warmup: number;
  readonly seed: number;
  readonly clock: 'wall' | 'cpu';
  readonly workload?: string;
}

/** Adds `hotpath peers AREA`. */
export function addPeers(program: Command, terminal: Terminal): void {
  program
    .command('peers')
    .description('race against what people use today; ratios within one run')
    .addArgument(
      new Argument('<area>', `one of ${filledAreas.join(', ')}`).argParser(oneOf(filledAreas)),
    )
    .option('--workload <name>', 'only this workload of the area')
    .option('--rounds <count>', 'timed rounds of each contestant', wholeNumber(1, 10_000), 15)
    .option('--warmup <count>', 'rounds before them', wholeNumber(0, 1000), 3)
    .option('--clock <name>', 'wall, or cpu for busy machines', oneOf(['wall', 'cpu']), 'wall')
    .option('--seed <number>', 'seed of the input', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--json', 'print one JSON object')
    .action((name: AreaName, options: PeersOptions) => runPeers(name, options, terminal));
}

async function runPeers(name: AreaName, options: PeersOptions, terminal: Terminal): Promise<void> {
  const area = await loadArea(name);
  if (area === null) throw new UsageError(`area '${name}' has no contestants`);
  const results: RaceResult[] = [];
  for (const workload of chosenWorkloads(area, options.workload)) {
    const result = await race(`peers/${name}`, area.contestants, workload, {
      seed: options.seed,
      rounds: options.rounds,
      warmupRounds: options.warmup,
      clock: options.clock,
      progress: (text) => terminal.progress(text),
    });
    results.push(result);
    if (!options.json) printRace(area, result, terminal);
  }
  if (options.json) {
    const { seed } = options;
    terminal.print(
      JSON.stringify({
        schema: 'hotpath-peers/1',
        area: name,
        seed,
        host: describeHost(),
        results,
      }),
    );
  }
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
