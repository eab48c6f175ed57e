import { ArgumentError, assert, type Clock, checkInteger } from '@hotpath/hw-x86';
import type { TraceEmitter } from './emitter.js';
import type { Tracer, TraceSnapshot } from './tracer.js';

/** Why the recorder dumped. */
export interface FlightDump {
  /** `span`: one took too long. `manual`: `trigger` was called. */
  readonly cause: 'span' | 'manual';
  /** Kind of the span, or NIL. */
  readonly kind: number;
  /** How long it took in ticks, 0 for `manual`. */
  readonly ticks: number;
  /** What `trigger` was told; the kind's name for a span. */
  readonly reason: string;
  /** The last events of all rings, the span's end included. */
  readonly snapshot: TraceSnapshot;
}

/** Options of a flight recorder. */
export interface FlightRecorderOptions {
  /** Gets each dump; write it to a file with any exporter. */
  readonly onDump: (dump: FlightDump) => void;
  /** Ticks that pass at least between two dumps; default 0. */
  readonly cooldownTicks?: number;
  /** Dumps at most, 1..1e6; default 100. */
  readonly maxDumps?: number;
}

const MAX_DEPTH = 1024;

/**
 * Leaves an overwriting tracer running and keeps what led to trouble: when a watched span takes longer
 * than its limit, the rings are copied and handed out. A span that is not watched costs nothing more.
 *
 * Invariant: `0 <= depth <= 1,024`; open watched spans lie in columns, outermost first.
 */
export class FlightRecorder {
  /** Dumps handed out. */
  dumpCount = 0;
  /** Dumps that the cool-down or `maxDumps` suppressed. */
  suppressedCount = 0;
  private readonly tracer: Tracer;
  private readonly emitter: TraceEmitter;
  private readonly clock: Clock;
  private readonly onDump: (dump: FlightDump) => void;
  private readonly cooldownTicks: number;
  private readonly maxDumps: number;
  private readonly limits = new Map<number, number>();
  private readonly openKind = new Int32Array(MAX_DEPTH);
  private readonly openTime = new Float64Array(MAX_DEPTH);
  private depth = 0;
  private lastDump = Number.NEGATIVE_INFINITY;

  /** @throws ArgumentError ERR_MAX_DUMPS, ERR_COOLDOWN */
  constructor(tracer: Tracer, emitter: TraceEmitter, clock: Clock, options: FlightRecorderOptions) {
    this.tracer = tracer;
    this.emitter = emitter;
    this.clock = clock;
    this.onDump = options.onDump;
    this.maxDumps = checkInteger('ERR_MAX_DUMPS', 'maxDumps', options.maxDumps ?? 100, 1, 1e6);
    this.cooldownTicks = options.cooldownTicks ?? 0;
    if (!(this.cooldownTicks >= 0)) {
      throw new ArgumentError(
        'ERR_COOLDOWN',
        `cooldownTicks is ${this.cooldownTicks}; allowed: 0 or more`,
      );
    }
  }

  /** Dump when a span of this kind takes longer than `limit` ticks. @throws ArgumentError ERR_SPAN_LIMIT */
  watch(kind: number, limit: number): void {
    if (!(limit >= 0)) {
      throw new ArgumentError('ERR_SPAN_LIMIT', `limit is ${limit}; allowed: 0 or more ticks`);
    }
    this.limits.set(kind, limit);
  }

  /** A span begins; it is recorded and, if watched, timed. */
  begin(kind: number, a = 0, b = 0): void {
    this.emitter.begin(kind, a, b);
    if (!this.limits.has(kind)) return;
    assert(this.depth < MAX_DEPTH, 'watched spans nest at most 1,024 deep');
    this.openKind[this.depth] = kind;
    this.openTime[this.depth] = this.clock.now();
    this.depth += 1;
  }

  /** The innermost span of this kind ends; it is recorded, and dumped if it took too long. */
  end(kind: number, a = 0, b = 0): void {
    this.emitter.end(kind, a, b);
    const limit = this.limits.get(kind);
    if (limit === undefined) return;
    let depth = this.depth - 1;
    // Spans inside that were never ended go with it.
    while (depth >= 0 && this.openKind[depth] !== kind) depth -= 1;
    if (depth < 0) return;
    this.depth = depth;
    const ticks = this.clock.now() - this.openTime[depth];
    if (ticks > limit) this.dump('span', kind, ticks, this.tracer.registry.kind(kind).name);
  }

  /** Dumps now, for a reason of the caller's. */
  trigger(reason: string): void {
    this.dump('manual', -1, 0, reason);
  }

  private dump(cause: FlightDump['cause'], kind: number, ticks: number, reason: string): void {
    const now = this.clock.now();
    if (this.dumpCount >= this.maxDumps || now - this.lastDump < this.cooldownTicks) {
      this.suppressedCount += 1;
      return;
    }
    this.lastDump = now;
    this.dumpCount += 1;
    this.onDump({ cause, kind, ticks, reason, snapshot: this.tracer.snapshot() });
  }
}
