import type { Clock, TraceHook } from '@hotpath/hw-x86';
import {
  PHASE_ASYNC_BEGIN,
  PHASE_ASYNC_END,
  PHASE_ASYNC_INSTANT,
  PHASE_BEGIN,
  PHASE_COUNTER,
  PHASE_END,
  PHASE_FLOW_BEGIN,
  PHASE_FLOW_END,
  PHASE_FLOW_STEP,
  PHASE_INSTANT,
  PHASE_UNIT,
} from './phase.js';

/** A ring as a writer sees it. */
export interface EventWriter {
  /** Appends an event with `code = kind + phase * 65,536`. */
  write(time: number, code: number, a: number, b: number): void;
}

/**
 * Writes one CPU's or worker's events, with the time of a clock. Every call costs the clock's read
 * plus about 3 ns when the kind is recorded, and one byte load when it is not.
 */
export class TraceEmitter implements TraceHook {
  private readonly ring: EventWriter;
  private readonly recorded: Uint8Array;
  private readonly clock: Clock;

  constructor(ring: EventWriter, recorded: Uint8Array, clock: Clock) {
    this.ring = ring;
    this.recorded = recorded;
    this.clock = clock;
  }

  /** An event with the phase its kind was registered with. */
  emit(kind: number, a: number, b: number): void {
    if (this.recorded[kind] !== 1) return;
    this.ring.write(this.clock.now(), kind, a, b);
  }

  /** A span begins; end it with {@link end} of the same kind on the same emitter. */
  begin(kind: number, a = 0, b = 0): void {
    if (this.recorded[kind] !== 1) return;
    this.ring.write(this.clock.now(), kind + PHASE_BEGIN * PHASE_UNIT, a, b);
  }

  /** The innermost open span of this kind ends. */
  end(kind: number, a = 0, b = 0): void {
    if (this.recorded[kind] !== 1) return;
    this.ring.write(this.clock.now(), kind + PHASE_END * PHASE_UNIT, a, b);
  }

  /** A point in time. */
  instant(kind: number, a = 0, b = 0): void {
    if (this.recorded[kind] !== 1) return;
    this.ring.write(this.clock.now(), kind + PHASE_INSTANT * PHASE_UNIT, a, b);
  }

  /** A counter has a new value, any finite number. */
  counter(kind: number, value: number): void {
    if (this.recorded[kind] !== 1) return;
    this.ring.write(this.clock.now(), kind + PHASE_COUNTER * PHASE_UNIT, value, 0);
  }

  /** A flow starts here; `id` is a safe integer that the steps and the end repeat. */
  flowBegin(kind: number, id: number): void {
    if (this.recorded[kind] !== 1) return;
    this.ring.write(this.clock.now(), kind + PHASE_FLOW_BEGIN * PHASE_UNIT, id, 0);
  }

  /** The flow passes here. */
  flowStep(kind: number, id: number): void {
    if (this.recorded[kind] !== 1) return;
    this.ring.write(this.clock.now(), kind + PHASE_FLOW_STEP * PHASE_UNIT, id, 0);
  }

  /** The flow ends here. */
  flowEnd(kind: number, id: number): void {
    if (this.recorded[kind] !== 1) return;
    this.ring.write(this.clock.now(), kind + PHASE_FLOW_END * PHASE_UNIT, id, 0);
  }

  /** A span with identity `id` begins; such spans may overlap and end on another CPU. */
  asyncBegin(kind: number, id: number, b = 0): void {
    if (this.recorded[kind] !== 1) return;
    this.ring.write(this.clock.now(), kind + PHASE_ASYNC_BEGIN * PHASE_UNIT, id, b);
  }

  /** The span with this kind and identity ends. */
  asyncEnd(kind: number, id: number, b = 0): void {
    if (this.recorded[kind] !== 1) return;
    this.ring.write(this.clock.now(), kind + PHASE_ASYNC_END * PHASE_UNIT, id, b);
  }

  /** A point in time inside the span with this kind and identity. */
  asyncInstant(kind: number, id: number, b = 0): void {
    if (this.recorded[kind] !== 1) return;
    this.ring.write(this.clock.now(), kind + PHASE_ASYNC_INSTANT * PHASE_UNIT, id, b);
  }
}
