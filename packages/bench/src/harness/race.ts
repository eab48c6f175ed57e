/** A race: contestants do the same work by turns, and must get the same results. */

import type { Workload } from './contestant.js';
import { ContestantError, Runner } from './runner.js';
import { quantile, type Summary, summarize } from './statistics.js';

/** How long and how often. */
export interface RaceOptions {
  readonly seed: number;
  /** Timed rounds of each contestant, 1 or more. */
  readonly rounds: number;
  /** Rounds before them that are not counted. */
  readonly warmupRounds: number;
  /** What is measured; default `wall`. CPU time is steadier where others use the machine. */
  readonly clock?: 'wall' | 'cpu';
  /** Told what is going on, for a terminal. */
  progress(text: string): void;
}

/** One contestant's figures. */
export interface Standing {
  /** File name without suffix. */
  readonly id: string;
  readonly name: string;
  readonly version: string | null;
  /** Why its results may differ, or null when they must not. */
  readonly semantics: string | null;
  readonly nsPerOperation: Summary;
  /** Times as long as the first contestant: of the p25s, and quartiles of the ratios by round. */
  readonly ratio: { readonly p25: number; readonly low: number; readonly high: number };
  /** Of the checksums of all rounds, as hex. */
  readonly checksum: string;
  readonly facts: Readonly<Record<string, number>>;
}

/** Figures of one workload. */
export interface RaceResult {
  readonly workload: string;
  readonly title: string;
  readonly parameters: unknown;
  readonly operationCount: number;
  readonly rounds: number;
  readonly clock: 'wall' | 'cpu';
  readonly standings: readonly Standing[];
}

interface Entrant {
  readonly id: string;
  readonly runner: Runner;
  readonly name: string;
  readonly version: string | null;
  readonly semantics: string | null;
  readonly operationCount: number;
  readonly nsPerOperation: number[];
  readonly checksums: number[];
}

/**
 * Runs one workload. The first contestant is the reference of the ratios.
 * @param folder - folder of the contestants' modules inside this package: `peers/cache`
 * @throws ContestantError when one fails, or when equal work had unequal results
 */
export async function race<Parameters>(
  folder: string,
  contestants: readonly string[],
  workload: Workload<Parameters>,
  options: RaceOptions,
): Promise<RaceResult> {
  const ids = contestants.filter((id) => !workload.without?.includes(id));
  const runners = ids.map((id) => new Runner(`${folder}/${id}`));
  try {
    const entrants: Entrant[] = [];
    for (const [index, runner] of runners.entries()) {
      options.progress(`${workload.name}: preparing ${ids[index]}`);
      const prepared = await runner.prepare(workload.parameters, options.seed);
      entrants.push({ ...prepared, id: ids[index]!, runner, nsPerOperation: [], checksums: [] });
    }
    await runRounds(entrants, workload.name, options);
    checkEqualWork(entrants, workload.name);
    const standings: Standing[] = [];
    for (const entrant of entrants) standings.push(await standingOf(entrant, entrants[0]!));
    return {
      workload: workload.name,
      title: workload.title,
      parameters: workload.parameters,
      operationCount: entrants[0]!.operationCount,
      rounds: options.rounds,
      clock: options.clock ?? 'wall',
      standings,
    };
  } finally {
    for (const runner of runners) runner.stop();
  }
}

async function runRounds(entrants: Entrant[], name: string, options: RaceOptions): Promise<void> {
  const total = options.warmupRounds + options.rounds;
  for (let round = 0; round < total; round++) {
    options.progress(`${name}: round ${round + 1} of ${total}`);
    // Everyone has a turn in each round, so that a slow minute of the machine hits all alike.
    for (let turn = 0; turn < entrants.length; turn++) {
      const entrant = entrants[(turn + round) % entrants.length]!;
      const { ns, cpuNs, checksum } = await entrant.runner.run();
      const spent = options.clock === 'cpu' ? cpuNs : ns;
      entrant.checksums.push(checksum);
      if (round >= options.warmupRounds)
        entrant.nsPerOperation.push(spent / entrant.operationCount);
    }
  }
}

function checkEqualWork(entrants: readonly Entrant[], name: string): void {
  const references = new Map<string | null, Entrant>();
  for (const entrant of entrants) {
    const reference = references.get(entrant.semantics);
    if (reference === undefined) references.set(entrant.semantics, entrant);
    else if (digest(reference.checksums) !== digest(entrant.checksums)) {
      throw new ContestantError(
        `${name}: ${entrant.id} and ${reference.id} did unequal work: checksums ` +
          `${entrant.checksums.slice(0, 3)} and ${reference.checksums.slice(0, 3)}`,
      );
    } else if (reference.operationCount !== entrant.operationCount) {
      throw new ContestantError(
        `${name}: ${entrant.id} counts ${entrant.operationCount} operations, ` +
          `${reference.id} ${reference.operationCount}`,
      );
    }
  }
}

async function standingOf(entrant: Entrant, reference: Entrant): Promise<Standing> {
  const { facts } = await entrant.runner.finish();
  const times = entrant.nsPerOperation;
  const ratios = times.map((ns, round) => ns / reference.nsPerOperation[round]!);
  return {
    id: entrant.id,
    name: entrant.name,
    version: entrant.version,
    semantics: entrant.semantics,
    nsPerOperation: summarize(times),
    ratio: {
      p25: quantile(times, 0.25) / quantile(reference.nsPerOperation, 0.25),
      low: quantile(ratios, 0.25),
      high: quantile(ratios, 0.75),
    },
    checksum: digest(entrant.checksums),
    facts,
  };
}

/** FNV-1a of the checksums' decimal digits, as eight hex digits. */
function digest(checksums: readonly number[]): string {
  let hash = 0x811c9dc5;
  for (const letter of checksums.join(' ')) {
    hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
