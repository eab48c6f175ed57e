/**
 * gshare (McFarling, "Combining Branch Predictors", DEC WRL TN-36, 1993): a table of two-bit
 * saturating counters indexed by branch address xor global history.
 */
export class BranchPredictor {
  /** 0 strongly not taken .. 3 strongly taken. */
  readonly #counters: Uint8Array;
  readonly #mask: number;
  #history = 0;

  /** @param bits - log2 of the number of counters, 1..24; the history has as many bits */
  constructor(bits: number) {
    this.#counters = new Uint8Array(2 ** bits).fill(1);
    this.#mask = 2 ** bits - 1;
  }

  /** Predicts, learns, and answers whether the prediction was right. */
  resolve(site: number, taken: boolean): boolean {
    const at = (Math.imul(site, 0x9e3779b1) ^ this.#history) & this.#mask;
    const counter = this.#counters[at];
    if (taken) {
      if (counter < 3) this.#counters[at] = counter + 1;
      this.#history = ((this.#history << 1) | 1) & this.#mask;
      return counter >= 2;
    }
    if (counter > 0) this.#counters[at] = counter - 1;
    this.#history = (this.#history << 1) & this.#mask;
    return counter < 2;
  }

  /** Counters followed by the history, for snapshots and hashes. */
  save(): PredictorState {
    return { counters: this.#counters.slice(), history: this.#history };
  }

  /** Puts a saved state back. */
  load(state: PredictorState): void {
    this.#counters.set(state.counters);
    this.#history = state.history;
  }
}

/** What {@link BranchPredictor.save} answers. */
export interface PredictorState {
  readonly counters: Uint8Array;
  readonly history: number;
}
