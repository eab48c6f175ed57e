/** Interrupts taken: by vector, one count a CPU. */
export class InterruptCounts {
  readonly #cpuCount: number;
  readonly #counts = new Map<number, Float64Array>();

  constructor(cpuCount: number) {
    this.#cpuCount = cpuCount;
  }

  /** A CPU takes an interrupt. */
  add(vector: number, cpu: number): void {
    let counts = this.#counts.get(vector);
    if (counts === undefined) {
      counts = new Float64Array(this.#cpuCount);
      this.#counts.set(vector, counts);
    }
    counts[cpu] += 1;
  }

  /** Of one vector, a count for each CPU; undefined if it was never taken. */
  get(vector: number): Float64Array | undefined {
    return this.#counts.get(vector);
  }

  /** Vectors that were taken and their counts, by vector. */
  entries(): [number, Float64Array][] {
    return [...this.#counts].sort(([a], [b]) => a - b);
  }
}
