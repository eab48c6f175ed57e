/**
 * What a contestant's module exports as `contestant`. It is loaded alone into a child process, so
 * that no other contestant's object shapes or garbage touch its figures.
 */
export interface Contestant<Parameters> {
  /** As shown in tables: `lru-cache`, or ours by what it is: `@hotpath/blockcache LRU`. */
  readonly name: string;
  /** npm package whose version is shown beside the name. */
  readonly package?: string;
  /**
   * Why results differ from the others' on purpose (another eviction order, no fairness). Only
   * contestants with equal semantics must have equal checksums; absent means the reference's.
   */
  readonly semantics?: string;
  /** Builds the structure and its input. Not timed. Must depend on nothing but its arguments. */
  prepare(parameters: Parameters, seed: number): PreparedWork | Promise<PreparedWork>;
}

/** Time of one round. */
export interface Spent {
  /** By the wall clock. */
  readonly ns: number;
  /** CPU time of the whole process: compiler and collector threads included. */
  readonly cpuNs: number;
}

/** Work that is timed again and again; each call does the same amount. */
export interface PreparedWork {
  /** Operations that one `run` does: figures are given per operation. */
  readonly operationCount: number;
  /**
   * Does the work and returns a checksum of its results. The same sequence of calls must give the
   * same sequence of checksums in every contestant; it is also the sink that keeps the optimiser
   * from dropping the work.
   */
  run(): number | Promise<number>;
  /**
   * What the last `run` took, where it was done by another process: by that process's own clocks,
   * for this one's CPU time says nothing of it.
   */
  spent?(): Spent;
  /** Bytes or other figures that are no time, shown after the times; asked once at the end. */
  facts?(): Readonly<Record<string, number>>;
}

/** One race: every contestant does this work. */
export interface Workload<Parameters> {
  /** Short, for tables and for `--workload`: `zipf-1Ki`. */
  readonly name: string;
  /** What is done, in one sentence. */
  readonly title: string;
  readonly parameters: Parameters;
  /** Contestants that cannot do this one (file names without suffix). */
  readonly without?: readonly string[];
}

/** What `src/peers/AREA/area.ts` exports as `area`. */
export interface Area<Parameters> {
  readonly title: string;
  /** What one operation is, for the table's head: `get-or-insert`. */
  readonly operation: string;
  /** File names in the area's folder without suffix; the first is ours, the others' reference. */
  readonly contestants: readonly string[];
  readonly workloads: readonly Workload<Parameters>[];
}

/** Parent to child. */
export type Command =
  | {
      readonly kind: 'prepare';
      readonly module: string;
      readonly parameters: unknown;
      readonly seed: number;
    }
  | { readonly kind: 'run' }
  | { readonly kind: 'finish' };

/** Child to parent, one for each command. */
export type Reply =
  | {
      readonly kind: 'prepared';
      readonly name: string;
      readonly version: string | null;
      readonly semantics: string | null;
      readonly operationCount: number;
    }
  | ({ readonly kind: 'ran'; readonly checksum: number } & Spent)
  | { readonly kind: 'finished'; readonly facts: Readonly<Record<string, number>> }
  | { readonly kind: 'failed'; readonly message: string };
