import { DISCARD, FLUSH } from '../../block-device.js';
import { ArgumentError, assert, checkInteger, checkPowerOfTwo } from '../../errors.js';
import { COVERS_UNITS, COVERS_WRITES, planChoices } from './choice-plan.js';
import { applyChoice, type Choice, KEPT, LOST, survives } from './crash-choice.js';
import { CrashDisk } from './crash-disk.js';
import { Dice } from './dice.js';
import { type PendingWrite, PendingWrites } from './pending-writes.js';
import { SparseBlocks } from './sparse-blocks.js';
import { LOG_DONE, LOG_MARK, type WriteLog } from './write-log.js';

/** One disk as a power cut could have left it, with what the program had claimed by then. */
export interface CrashState {
  /** The disk to recover from; see {@link CrashDisk}. */
  readonly disk: CrashDisk;
  /** Texts of the marks before the cut, in order. */
  readonly marks: readonly string[];
  /** The power failed after this many entries of the log. */
  readonly cut: number;
  /** Writes that had not become durable and of which this disk lacks all or a part. */
  readonly lost: number;
}

/** Options of {@link exploreCrashes}. */
export interface CrashOptions {
  /** Blocks of the disk that the log was taken from. */
  readonly blockCount: number;
  /** What lay on it before the first entry; default zeros. */
  readonly image?: SparseBlocks;
  /** Bytes that the medium writes as a whole; power of two, 512 to blockBytes; default 512. */
  readonly atomicBytes?: number;
  /** States tried at one cut, about; default 128, at most 2**20. Fewer where fewer are legal. */
  readonly statesPerCut?: number;
  /** For what is sampled; default 1. */
  readonly seed?: number;
}

/** What became of one write in a losing state. */
export interface WriteFate {
  /** Index of the entry in the log. */
  readonly entry: number;
  readonly fate: 'kept' | 'lost' | 'torn';
}

/** The smallest losing sequence that was found. */
export interface CrashFailure {
  /** What the check said. */
  readonly message: string;
  /** The power failed after this many entries of the log: the earliest losing cut. */
  readonly cut: number;
  readonly marks: readonly string[];
  /** All writes that were pending, in order, with the fewest deviations that still lose. */
  readonly fates: readonly WriteFate[];
  /** The sequence as text: a line for each operation since the last one that is durable. */
  readonly story: string;
}

/** What {@link exploreCrashes} did. */
export interface CrashReport {
  /** Points of the log at which the power was cut. */
  readonly cuts: number;
  /** Disks that were checked, those of the shrinking included. */
  readonly states: number;
  /**
   * How complete that was. `units`: every legal state at every cut, torn writes included;
   * `writes`: every set of whole writes; `sample`: a part of them.
   */
  readonly coverage: 'units' | 'writes' | 'sample';
  readonly failure: CrashFailure | null;
}

/** Called with each state; returns null when all is well, else what is wrong. May throw instead. */
export type CrashCheck = (state: CrashState) => string | null | undefined;
/** The same for programs that must await. */
export type AsyncCrashCheck = (state: CrashState) => Promise<string | null | undefined>;

/**
 * Cuts the power after every entry of a log and runs the check on every disk that the cut could have
 * left (or, where there are too many, on a seeded sample): see `PendingWrites` for what is
 * legal. Stops at the first cut that loses, and there shrinks the set of lost (or kept) writes to
 * the smallest that still loses.
 *
 * A cut that could leave nothing new since the one before, under the same marks, is not tried again:
 * the check must be a function of disk and marks alone.
 * @throws ArgumentError ERR_BLOCK_COUNT, ERR_ATOMIC_SIZE, ERR_STATES_PER_CUT, ERR_IMAGE_SIZE
 */
export function exploreCrashes(
  log: WriteLog,
  check: CrashCheck,
  options: CrashOptions,
): CrashReport {
  const exploration = new Exploration(log, options).run();
  let step = exploration.next();
  while (step.done !== true) {
    let verdict: string | null | undefined;
    try {
      verdict = check(step.value);
    } catch (error) {
      verdict = describeError(error);
    }
    step = exploration.next(verdict ?? null);
  }
  return step.value;
}

/** {@link exploreCrashes} with a check that awaits. */
export async function exploreCrashesAsync(
  log: WriteLog,
  check: AsyncCrashCheck,
  options: CrashOptions,
): Promise<CrashReport> {
  const exploration = new Exploration(log, options).run();
  let step = exploration.next();
  while (step.done !== true) {
    let verdict: string | null | undefined;
    try {
      verdict = await check(step.value);
    } catch (error) {
      verdict = describeError(error);
    }
    step = exploration.next(verdict ?? null);
  }
  return step.value;
}

function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type Verdict = string | null;
type Run<T> = Generator<CrashState, T, Verdict | undefined>;

/** One walk along a log: yields states, is answered verdicts. */
class Exploration {
  readonly #log: WriteLog;
  readonly #writes: PendingWrites;
  readonly #atomicBytes: number;
  readonly #limit: number;
  readonly #dice: Dice;
  readonly #marks: string[] = [];
  /** Keys of the disks checked at this cut. */
  readonly #seen = new Set<string>();
  #cut = 0;
  #cuts = 0;
  #states = 0;
  #coverage = COVERS_UNITS;

  constructor(log: WriteLog, options: CrashOptions) {
    const { blockBytes } = log;
    const most = Math.floor(Number.MAX_SAFE_INTEGER / blockBytes);
    const blockCount = checkInteger('ERR_BLOCK_COUNT', 'blockCount', options.blockCount, 1, most);
    const image = options.image ?? new SparseBlocks(blockBytes, blockCount);
    if (image.blockBytes !== blockBytes || image.blockCount !== blockCount) {
      throw new ArgumentError(
        'ERR_IMAGE_SIZE',
        `image has ${image.blockCount} blocks of ${image.blockBytes} bytes; ` +
          `allowed: ${blockCount} of ${blockBytes}`,
      );
    }
    const atomicBytes = options.atomicBytes ?? 512;
    checkPowerOfTwo('ERR_ATOMIC_SIZE', 'atomicBytes', atomicBytes, 512, blockBytes);
    const limit = options.statesPerCut ?? 128;
    this.#limit = checkInteger('ERR_STATES_PER_CUT', 'statesPerCut', limit, 1, 2 ** 20);
    this.#log = log;
    this.#writes = new PendingWrites(log, image.copy());
    this.#atomicBytes = atomicBytes;
    this.#dice = new Dice(options.seed ?? 1);
  }

  *run(): Run<CrashReport> {
    let failure = yield* this.#cutHere(-1);
    const { entries } = this.#log;
    for (let index = 0; index < entries.length && failure === null; index++) {
      const entry = entries[index];
      const added = this.#writes.take(index);
      this.#cut = index + 1;
      if (entry.kind === LOG_MARK) this.#marks.push(entry.text);
      // Completions and flushes only take states away; a write adds those in which it survives,
      // and a mark asks more of all of them.
      if (added !== null) failure = yield* this.#cutHere(this.#writes.pending.indexOf(added));
      else if (entry.kind === LOG_MARK) failure = yield* this.#cutHere(-1);
    }
    const coverage =
      this.#coverage === COVERS_UNITS
        ? 'units'
        : this.#coverage === COVERS_WRITES
          ? 'writes'
          : 'sample';
    return { cuts: this.#cuts, states: this.#states, coverage, failure };
  }

  *#cutHere(newest: number): Run<CrashFailure | null> {
    const { pending } = this.#writes;
    const unitsPerBlock = this.#log.blockBytes / this.#atomicBytes;
    const plan = planChoices(pending, newest, unitsPerBlock, this.#limit, this.#dice);
    this.#cuts++;
    this.#coverage = Math.min(this.#coverage, plan.coverage);
    this.#seen.clear();
    for (const choice of plan.choices) {
      const verdict = yield* this.#try(choice);
      if (verdict !== null) return yield* this.#shrink(choice, verdict);
    }
    return null;
  }

  /** The check's verdict on a choice; null also for a disk that was checked already. */
  *#try(choice: Choice): Run<Verdict> {
    const { base, pending } = this.#writes;
    const { blockBytes } = this.#log;
    const read = (block: number, target: Uint8Array): void => base.read(block, target, 0);
    const { over, key } = applyChoice(pending, choice, blockBytes, this.#atomicBytes, read);
    if (this.#seen.has(key)) return null;
    this.#seen.add(key);
    this.#states++;
    const disk = new CrashDisk(base, over);
    const lost = choice.reduce<number>((sum, fate) => sum + (fate === KEPT ? 0 : 1), 0);
    return (yield { disk, marks: this.#marks, cut: this.#cut, lost }) ?? null;
  }

  /**
   * From both ends: as few writes lost as possible, and as few kept as possible; the smaller set of
   * exceptions tells the story.
   */
  *#shrink(losing: Choice, verdict: string): Run<CrashFailure> {
    const lost = yield* this.#shrinkTowards(losing, verdict, KEPT);
    const kept = yield* this.#shrinkTowards(losing, verdict, LOST);
    const lostCount = lost.choice.filter((fate) => fate !== KEPT).length;
    const keptCount = kept.choice.filter((fate) => fate !== LOST).length;
    const best = lostCount <= keptCount ? lost : kept;
    return this.#failure(best.choice, best.verdict);
  }

  *#shrinkTowards(
    losing: Choice,
    verdict: string,
    goal: typeof LOST | typeof KEPT,
  ): Run<{ choice: Choice; verdict: string }> {
    let choice = losing;
    let message = verdict;
    for (let changed = true; changed; ) {
      changed = false;
      for (let w = 0; w < choice.length; w++) {
        if (choice[w] === goal) continue;
        // A torn write that may as well be lost (or kept) as a whole tells a simpler story.
        const opposite = goal === KEPT ? LOST : KEPT;
        const simpler: (typeof LOST | typeof KEPT)[] =
          typeof choice[w] === 'number' ? [goal] : [goal, opposite];
        for (const plain of simpler) {
          const easier: Choice = choice.map((fate, i) => (i === w ? plain : fate));
          // States seen in planning must be tried again here.
          this.#seen.clear();
          const result = yield* this.#try(easier);
          if (result === null) continue;
          choice = easier;
          message = result;
          changed = true;
          break;
        }
      }
    }
    return { choice, verdict: message };
  }

  #failure(choice: Choice, message: string): CrashFailure {
    const { pending } = this.#writes;
    assert(choice.length === pending.length, 'a losing choice is one of this cut');
    const fates = pending.map(({ entry }, w): WriteFate => {
      const fate = choice[w];
      const name = fate === KEPT ? 'kept' : survives(fate) ? 'torn' : 'lost';
      return { entry, fate: name };
    });
    const story = this.#story(pending, choice, message);
    return { message, cut: this.#cut, marks: [...this.#marks], fates, story };
  }

  #story(pending: readonly PendingWrite[], choice: Choice, message: string): string {
    const lines: string[] = [];
    const start = Math.min(this.#cut, ...pending.map((write) => write.entry));
    const done = new Map<number, PendingWrite>(pending.map((write) => [write.entry, write]));
    for (let index = start; index < this.#cut; index++) {
      const entry = this.#log.entries[index];
      if (entry.kind === LOG_MARK) lines.push(`#${index} mark: ${entry.text}`);
      else if (entry.kind === FLUSH) lines.push(`#${index} flush`);
      else if (entry.kind === LOG_DONE) lines.push(`#${index} #${entry.request} done`);
      else {
        const what = entry.kind === DISCARD ? 'discard' : entry.fua ? 'write (FUA)' : 'write';
        const last = entry.block + entry.blockCount - 1;
        const range = entry.blockCount === 1 ? `${entry.block}` : `${entry.block}..${last}`;
        const write = done.get(index);
        const fate = write === undefined ? 'durable' : fateText(choice[pending.indexOf(write)]);
        lines.push(`#${index} ${what} ${range}: ${fate}`);
      }
    }
    lines.push(`power cut: ${message}`);
    return lines.join('\n');
  }
}

function fateText(fate: Choice[number]): string {
  if (fate === KEPT) return 'kept';
  if (!survives(fate)) return 'LOST';
  const mask = fate as Uint8Array;
  return `TORN, units kept: ${[...mask].join('')}`;
}
