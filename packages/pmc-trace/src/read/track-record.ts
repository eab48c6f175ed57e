/**
 * The spans of one track, kept until the end of the file, since files are not sorted by time.
 *
 * Invariant: all columns have the same length.
 */
export class TrackRecord {
  readonly times: number[] = [];
  readonly phases: number[] = [];
  readonly durations: number[] = [];
  /** Numbers of names; -1 where the file has none. */
  readonly names: number[] = [];

  add(time: number, phase: number, duration: number, name: number): void {
    this.times.push(time);
    this.phases.push(phase);
    this.durations.push(duration);
    this.names.push(name);
  }

  /** Indices in order of time; at the same time longer spans first, then the order of the file. */
  order(): Uint32Array {
    const { times, durations } = this;
    const order = new Uint32Array(times.length);
    let sorted = true;
    for (let index = 0; index < order.length; index += 1) {
      order[index] = index;
      if (index === 0) continue;
      if (times[index] < times[index - 1]) sorted = false;
      if (times[index] === times[index - 1] && durations[index] > durations[index - 1]) {
        sorted = false;
      }
    }
    if (sorted) return order;
    return order.sort((x, y) => times[x] - times[y] || durations[y] - durations[x] || x - y);
  }
}
