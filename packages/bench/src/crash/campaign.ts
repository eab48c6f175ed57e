/** Crash campaigns: generated workloads on ext3 and SQLite, the power cut at every write of each. */
import type { PhysicalMemory } from '@hotpath/hw-x86';
import { type CrashReport, type CrashState, createArenaMemory } from '@hotpath/hw-x86/model';
import { openImage } from '@hotpath/kernel/ext2';
import { Random, shuffled } from '../harness/random.js';
import { bank, JOURNAL_MODES } from './bank.js';
import { nameBlocks, tellStory } from './block-names.js';
import { crashTestDatabase } from './database-test.js';
import { E2fsck } from './e2fsck.js';
import { exploreRecording } from './explore.js';
import { judge } from './judge.js';
import { type CrashOperation, describe } from './operation.js';
import {
  makeStart,
  type Recording,
  type RecordOptions,
  record,
  type StartVolume,
} from './recording.js';
import { loadSqlite } from './sqlite.js';
import { START, sequencesOfOne, sequencesOfTwo, torture, type Workload } from './workloads.js';

/** Kinds of workloads, in the order in which a campaign runs them. */
export const CRASH_WORKLOADS = ['one', 'two', 'torture', 'sqlite'] as const;
export type CrashWorkload = (typeof CRASH_WORKLOADS)[number];

/** Share of the states that each kind gets when all run. */
const SHARES: Readonly<Record<CrashWorkload, number>> = {
  one: 0.4,
  two: 0.25,
  torture: 0.2,
  sqlite: 0.15,
};

/** Calls of a torture workload. */
const TORTURE_CALLS = 40;
const MEMORY_BYTES = 2 * 2 ** 20;

/** What to run. */
export interface CampaignOptions extends RecordOptions {
  /** One kind of workloads, or all; default all. */
  readonly workload?: CrashWorkload | 'all';
  /** States to judge, at least. */
  readonly states: number;
  /** For everything that is drawn; default 1. */
  readonly seed?: number;
  /** Path of e2fsck, a second judge of every state; default none. */
  readonly e2fsck?: string | null;
  /** Told now and then how many states have been judged. */
  readonly progress?: (states: number, workload: string) => void;
}

/** What one kind of workloads came to. */
export interface CampaignCount {
  readonly workload: CrashWorkload;
  /** Workloads run. */
  runs: number;
  /** Points at which the power was cut. */
  cuts: number;
  /** Disks judged. */
  states: number;
  /** Disks among them that lack a write which had not been made durable, or a part of it. */
  losing: number;
  /** Disks that e2fsck judged: it replayed the journal of every second one itself. */
  e2fsck: number;
}

/** The first disk that lost what it had promised. */
export interface CampaignFailure {
  readonly workload: CrashWorkload;
  /** The calls, in words; the shortest list found that still loses. Of SQLite: the journal mode. */
  readonly calls: readonly string[];
  readonly message: string;
  /** What reached the disk and what did not, line by line. */
  readonly story: readonly string[];
}

/** What a campaign found. */
export interface CampaignReport {
  readonly seed: number;
  readonly states: number;
  readonly losing: number;
  readonly counts: readonly CampaignCount[];
  readonly failure: CampaignFailure | null;
}

/** Runs a campaign; stops at the first state that loses something. Deterministic for a seed. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const fsck = options.e2fsck ? new E2fsck(options.e2fsck) : null;
  try {
    return await new Campaign(options, fsck).run();
  } finally {
    fsck?.close();
  }
}

class Campaign {
  readonly #options: CampaignOptions;
  readonly #seed: number;
  readonly #fsck: E2fsck | null;
  readonly #memory: PhysicalMemory = createArenaMemory(MEMORY_BYTES);
  readonly #start: StartVolume;
  readonly #counts: CampaignCount[] = [];
  #failure: CampaignFailure | null = null;

  constructor(options: CampaignOptions, fsck: E2fsck | null) {
    this.#options = options;
    this.#seed = options.seed ?? 1;
    this.#fsck = fsck;
    this.#start = makeStart({ memory: this.#memory }, START);
  }

  get #states(): number {
    return this.#counts.reduce((sum, { states }) => sum + states, 0);
  }

  async run(): Promise<CampaignReport> {
    const { workload = 'all', states } = this.#options;
    if (workload !== 'all') await this.#run(workload, states);
    else {
      for (const kind of CRASH_WORKLOADS) await this.#run(kind, Math.ceil(states * SHARES[kind]));
      if (this.#states < states) await this.#run('two', states - this.#states);
    }
    const losing = this.#counts.reduce((sum, count) => sum + count.losing, 0);
    return {
      seed: this.#seed,
      states: this.#states,
      losing,
      counts: this.#counts,
      failure: this.#failure,
    };
  }

  #count(workload: CrashWorkload): CampaignCount {
    const known = this.#counts.find((count) => count.workload === workload);
    if (known !== undefined) return known;
    const count = { workload, runs: 0, cuts: 0, states: 0, losing: 0, e2fsck: 0 };
    this.#counts.push(count);
    return count;
  }

  async #run(kind: CrashWorkload, states: number): Promise<void> {
    if (this.#failure !== null) return;
    if (kind === 'sqlite') await this.#runSqlite(states);
    else await this.#runCalls(kind, states);
  }

  async #runCalls(kind: Exclude<CrashWorkload, 'sqlite'>, states: number): Promise<void> {
    const { tree } = this.#start;
    const count = this.#count(kind);
    const goal = count.states + states;
    // A second run of a kind must not repeat the first.
    const seed = this.#seed + count.runs;
    // In another order for another seed: a small number of states is a sample.
    const sequences = [...sequencesOfOne(tree)];
    const order = shuffled(new Random(seed), sequences.length);
    const all = [...order].map((at) => sequences[at]!);
    for (let round = 0; count.states < goal; round++) {
      const list =
        kind === 'one'
          ? all
          : kind === 'two'
            ? sequencesOfTwo(tree, seed)
            : torture(tree, seed, TORTURE_CALLS);
      let left = kind === 'one' ? all.length : Number.POSITIVE_INFINITY;
      for (const workload of list) {
        if (count.states >= goal) return;
        // Every sequence of one call has its turn, if enough states are asked for.
        const share =
          kind === 'one' ? Math.max(1, goal - count.states) / left-- : Math.min(150, states);
        this.#explore(workload, share, count, round);
        this.#options.progress?.(this.#states, workload.name);
        if (this.#failure !== null) return;
        // Progress is drawn, and an interrupt heard, between workloads.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  #explore(workload: Workload, share: number, count: CampaignCount, round: number): void {
    const { operations } = workload;
    const seed = this.#seed + count.runs + round;
    const { recording, report, statesPerCut } = this.#tryCalls(operations, share, seed, count);
    count.runs += 1;
    count.cuts += report.cuts;
    count.states += report.states;
    if (report.failure === null) return;
    const shortest = this.#shorten(recording.operations, statesPerCut, seed);
    const { failure } = shortest.report;
    this.#failure = {
      workload: count.workload,
      calls: shortest.recording.operations.map(describe),
      message: failure!.message,
      story: tellStory(failure!.story, nameBlocks(shortest.recording.start)),
    };
  }

  #tryCalls(
    operations: readonly CrashOperation[],
    share: number,
    seed: number,
    count: CampaignCount | null,
    fixed?: number,
  ): { recording: Recording; report: CrashReport; statesPerCut: number } {
    const start = this.#start;
    const recording = record(start, operations, this.#options);
    // A write or a mark is a cut, a completion is none.
    const cuts = Math.ceil(recording.log.entries.length / 2);
    const statesPerCut = fixed ?? Math.max(2, Math.round(share / cuts));
    const report = exploreRecording(recording, {
      memory: this.#memory,
      statesPerCut,
      seed,
      check: (state) => this.#judge(recording, state, count),
    });
    return { recording, report, statesPerCut };
  }

  #judge(recording: Recording, state: CrashState, count: CampaignCount | null): string | null {
    if (count !== null && state.lost > 0) count.losing += 1;
    const fsck = this.#fsck;
    const raw = fsck !== null && state.cut % 2 === 0;
    if (fsck !== null && count !== null) count.e2fsck += 1;
    const before = raw ? fsck.recover(state.disk) : null;
    const wrong = before ?? judge(recording, state, this.#memory);
    return wrong ?? (fsck !== null && !raw ? fsck.check(state.disk) : null);
  }

  /** Leaves out calls, the last first, as long as something is lost without them. */
  #shorten(
    operations: readonly CrashOperation[],
    statesPerCut: number,
    seed: number,
  ): { recording: Recording; report: CrashReport } {
    let best = this.#tryCalls(operations, 0, seed, null, statesPerCut);
    for (let i = best.recording.operations.length - 1; i >= 0; i--) {
      const fewer = best.recording.operations.filter((_, at) => at !== i);
      const attempt = this.#tryCalls(fewer, 0, seed, null, Math.max(8, statesPerCut));
      if (attempt.report.failure === null) continue;
      best = attempt;
      i = Math.min(i, best.recording.operations.length);
    }
    return best;
  }

  async #runSqlite(states: number): Promise<void> {
    const sqlite = await loadSqlite();
    const count = this.#count('sqlite');
    const goal = count.states + states;
    const share = states / JOURNAL_MODES.length;
    for (let run = 0; count.states < goal; run++) {
      const mode = JOURNAL_MODES[run % JOURNAL_MODES.length]!;
      const transfers = Math.max(1, Math.min(12, Math.round(share / 100)));
      const report = await crashTestDatabase(bank(mode, this.#seed + run, transfers), {
        sqlite,
        statesPerCut: share < 100 ? 1 : 3,
        seed: this.#seed + run,
        sabotage: this.#options.sabotage ?? 'none',
        judge: (state) => this.#judgeDatabase(state, count),
      });
      count.runs += 1;
      count.cuts += report.cuts;
      count.states += report.states;
      this.#options.progress?.(this.#states, `SQLite, journal_mode ${mode}`);
      if (report.failure === null) continue;
      const { message, story } = report.failure;
      const calls = [`SQLite: ${transfers} transfers, journal_mode ${mode}`];
      this.#failure = { workload: 'sqlite', calls, message, story: story.split('\n') };
      return;
    }
  }

  #judgeDatabase(state: CrashState, count: CampaignCount): string | null {
    if (state.lost > 0) count.losing += 1;
    if (this.#fsck === null) return null;
    count.e2fsck += 1;
    if (state.cut % 2 === 0) return this.#fsck.recover(state.disk);
    openImage({ device: state.disk, memory: this.#memory }).close();
    return this.#fsck.check(state.disk);
  }
}
