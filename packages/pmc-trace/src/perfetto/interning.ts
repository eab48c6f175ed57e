/**
 * Numbers for names of one kind (event names, categories, argument names), the same in the whole
 * trace, and which of them each sequence has been told since its state was last cleared.
 *
 * Invariant: numbers are 1, 2, 3, ... in order of first use; 0 means "not set" in Perfetto.
 */
export class InternTable {
  private readonly numbers = new Map<string, number>();
  private readonly told: Uint8Array[] = [];

  /** The number of a name. */
  number(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    const number = this.numbers.size + 1;
    this.numbers.set(name, number);
    return number;
  }

  /** True the first time after {@link forget} that this sequence uses this number. */
  isNew(sequence: number, number: number): boolean {
    const told = this.told[sequence];
    if (told !== undefined && told[number] === 1) return false;
    this.tell(sequence, number);
    return true;
  }

  /** From now on the sequence has been told nothing. */
  forget(sequence: number): void {
    this.told[sequence]?.fill(0);
  }

  private tell(sequence: number, number: number): void {
    let told = this.told[sequence];
    if (told === undefined || told.length <= number) {
      const larger = new Uint8Array(Math.max(64, number * 2));
      if (told !== undefined) larger.set(told);
      told = larger;
      this.told[sequence] = told;
    }
    told[number] = 1;
  }
}
