import type { ProtoReader } from '../protobuf/proto-reader.js';
import { CLOCK_BOOTTIME, CLOCK_OF_SEQUENCE, CLOCKS } from './fields.js';

interface SequenceClock {
  incremental: boolean;
  unit: number;
  /** Last absolute time, in nanoseconds of this clock. */
  last: number;
  /** Add to get nanoseconds of the trace's clock. */
  offset: number;
}

/**
 * Brings the timestamps of a Perfetto trace to one clock. Each snapshot says what several clocks
 * showed at one moment; the first built-in clock ever seen that way is the trace's clock (BOOTTIME
 * where a snapshot has it). Drift between snapshots is not corrected.
 */
export class PerfettoClocks {
  private reference = 0;
  private readonly builtIn = new Map<number, number>();
  private readonly ofSequence = new Map<string, SequenceClock>();

  /** Takes a ClockSnapshot of a sequence. */
  snapshot(sequence: number, message: ProtoReader): void {
    const shown: { id: number; clock: SequenceClock }[] = [];
    while (message.next()) {
      if (message.field !== CLOCKS.clock) continue;
      const clock = { incremental: false, unit: 1, last: 0, offset: 0 };
      let id = 0;
      const inner = message.message();
      while (inner.next()) {
        if (inner.field === CLOCKS.id) id = inner.unsigned();
        else if (inner.field === CLOCKS.timestamp) clock.last = inner.unsigned();
        else if (inner.field === CLOCKS.incremental) clock.incremental = inner.unsigned() !== 0;
        else if (inner.field === CLOCKS.unit) clock.unit = Math.max(1, inner.unsigned());
      }
      clock.last *= clock.unit;
      shown.push({ id, clock });
    }
    const now = this.now(shown);
    if (now === null) return;
    for (const { id, clock } of shown) {
      clock.offset = now - clock.last;
      if (id >= CLOCK_OF_SEQUENCE && id < 2 * CLOCK_OF_SEQUENCE) {
        this.ofSequence.set(`${sequence}/${id}`, clock);
      } else if (!this.builtIn.has(id)) this.builtIn.set(id, clock.offset);
    }
  }

  /** Nanoseconds of the trace's clock, or NaN when the clock was never explained. */
  convert(sequence: number, id: number, timestamp: number): number {
    if (id >= CLOCK_OF_SEQUENCE && id < 2 * CLOCK_OF_SEQUENCE) {
      const clock = this.ofSequence.get(`${sequence}/${id}`);
      if (clock === undefined) return Number.NaN;
      if (!clock.incremental) return timestamp * clock.unit + clock.offset;
      clock.last += timestamp * clock.unit;
      return clock.last + clock.offset;
    }
    const offset = this.builtIn.get(id);
    if (offset !== undefined) return timestamp + offset;
    // Without any snapshot a trace has one clock, and its times are taken as they are.
    return this.reference === 0 || id === this.reference ? timestamp : Number.NaN;
  }

  /** What the trace's clock shows in a snapshot. */
  private now(shown: readonly { id: number; clock: SequenceClock }[]): number | null {
    const boot = shown.find(({ id }) => id === CLOCK_BOOTTIME);
    const own = shown.filter(({ id }) => id < CLOCK_OF_SEQUENCE);
    if (this.reference === 0) {
      const first = boot ?? own[0];
      if (first === undefined) return null;
      this.reference = first.id;
    }
    for (const { id, clock } of own) if (id === this.reference) return clock.last;
    for (const { id, clock } of own) {
      const offset = this.builtIn.get(id);
      if (offset !== undefined) return clock.last + offset;
    }
    return null;
  }
}
