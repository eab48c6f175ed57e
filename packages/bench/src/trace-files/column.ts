/** A growing column of numbers: amortised O(1), eight bytes each. */
export class Column {
  length = 0;
  private values = new Float64Array(64);

  push(value: number): void {
    if (this.length === this.values.length) {
      const wider = new Float64Array(this.length * 2);
      wider.set(this.values);
      this.values = wider;
    }
    this.values[this.length++] = value;
  }

  /** The value at an index below `length`. */
  at(index: number): number {
    return this.values[index];
  }

  /** All values; a view that the next `push` may leave behind. */
  all(): Float64Array {
    return this.values.subarray(0, this.length);
  }
}
