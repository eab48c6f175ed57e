import { ArgumentError, assert, type Clock, checkInteger, TSC } from '@hotpath/hw-x86';
import { CpuTraceHook } from './cpu-hook.js';
import { TraceEmitter } from './emitter.js';
import { type EventKind, EventRegistry } from './registry.js';
import { type RingEvents, type RingMode, TraceRing } from './ring.js';

/** Events of one ring by default: 2 MiB. */
export const DEFAULT_RING_CAPACITY = 65_536;
const MODES: readonly RingMode[] = ['overwrite', 'discard', 'stream'];

/** Events of all CPUs at one moment, or since the last drain, with what is needed to read them. */
export interface TraceSnapshot {
  readonly registry: EventRegistry;
  /** One entry per CPU, in order of CPU number. */
  readonly cpus: readonly RingEvents[];
  /** Clock ticks a second: 1e9 for nanoseconds, the TSC's frequency for cycles. */
  readonly ticksPerSecond: number;
  /** Wall-clock time of tick 0 in nanoseconds since 1970, or 0n where there is none. */
  readonly epochNanoseconds: bigint;
}

/** Takes what a tracer in stream mode has recorded, such as an exporter. */
export interface SnapshotConsumer {
  write(snapshot: TraceSnapshot): void;
}

/** Options of a tracer. */
export interface TracerOptions {
  /** Number of rings; default 1. Range 1..1,024. */
  readonly cpuCount?: number;
  /** Events per ring, a power of two 16..2**24; default 65,536. */
  readonly capacity?: number;
  /** Default `overwrite`. */
  readonly mode?: RingMode;
  /** Clock ticks a second; default 1e9. */
  readonly ticksPerSecond?: number;
  /** Wall-clock time of tick 0; default 0n, "none". */
  readonly epochNanoseconds?: bigint;
  /** Needed in stream mode: gets the events of all rings whenever one is full. */
  readonly consumer?: SnapshotConsumer;
}

/**
 * One ring per CPU, a registry of event kinds, and snapshots of all rings at one moment. Recording
 * starts switched on; what is switched off costs a byte load.
 */
export class Tracer {
  readonly registry: EventRegistry;
  readonly ticksPerSecond: number;
  readonly epochNanoseconds: bigint;
  private readonly rings: TraceRing[] = [];
  private readonly consumer: SnapshotConsumer | null;

  /**
   * @throws ArgumentError ERR_CPU_COUNT, ERR_RING_CAPACITY, ERR_RING_MODE, ERR_TICKS, ERR_CONSUMER
   */
  constructor(options: TracerOptions = {}) {
    const cpuCount = checkInteger('ERR_CPU_COUNT', 'cpuCount', options.cpuCount ?? 1, 1, 1024);
    const mode = options.mode ?? 'overwrite';
    if (!MODES.includes(mode)) {
      throw new ArgumentError('ERR_RING_MODE', `mode is ${mode}; allowed: ${MODES.join(', ')}`);
    }
    if (mode === 'stream' && options.consumer === undefined) {
      throw new ArgumentError('ERR_CONSUMER', 'mode stream needs a consumer; none was given');
    }
    const ticks = options.ticksPerSecond ?? 1e9;
    if (!(ticks > 0 && ticks <= 1e15)) {
      throw new ArgumentError('ERR_TICKS', `ticksPerSecond is ${ticks}; allowed: above 0, to 1e15`);
    }
    this.ticksPerSecond = ticks;
    this.epochNanoseconds = options.epochNanoseconds ?? 0n;
    this.consumer = options.consumer ?? null;
    this.registry = new EventRegistry();
    const drain = mode === 'stream' ? { drain: () => this.flush() } : null;
    for (let cpu = 0; cpu < cpuCount; cpu += 1) {
      const capacity = options.capacity ?? DEFAULT_RING_CAPACITY;
      this.rings.push(new TraceRing(cpu, capacity, mode, drain));
    }
    this.enable();
  }

  /** Number of rings. */
  get cpuCount(): number {
    return this.rings.length;
  }

  /** The ring of a CPU. @throws ArgumentError ERR_CPU */
  ring(cpu: number): TraceRing {
    return this.rings[checkInteger('ERR_CPU', 'CPU', cpu, 0, this.rings.length - 1)];
  }

  /** Records the kinds that `wanted` accepts (for example by category), or all. */
  enable(wanted?: (kind: EventKind) => boolean): void {
    this.registry.record(wanted);
  }

  /** Records nothing until {@link enable}. */
  disable(): void {
    this.registry.recordNothing();
  }

  /**
   * The hook of a machine whose CPUs have these cells: `tracer.hook(machine.cpus.map((c) => c.cells))`.
   * @throws ArgumentError ERR_CPU_COUNT unless there is one per ring
   */
  hook(cellsOfCpu: readonly Float64Array[]): CpuTraceHook {
    for (const cells of cellsOfCpu) assert(cells.length > TSC, 'cells hold a TSC');
    return new CpuTraceHook(this.rings, cellsOfCpu, this.registry.recorded);
  }

  /** An emitter that writes the ring of `cpu` with the time of `clock`, in this tracer's ticks. */
  emitter(clock: Clock, cpu = 0): TraceEmitter {
    return new TraceEmitter(this.ring(cpu), this.registry.recorded, clock);
  }

  /** What all rings hold now; they keep it. A block copy per ring. */
  snapshot(): TraceSnapshot {
    return this.wrap(this.rings.map((ring) => ring.snapshot()));
  }

  /** What all rings hold now, and frees it. */
  consume(): TraceSnapshot {
    return this.wrap(this.rings.map((ring) => ring.consume()));
  }

  /** Hands everything recorded so far to the consumer of stream mode. */
  flush(): void {
    if (this.consumer !== null) this.consumer.write(this.consume());
  }

  /** Events lost so far, per CPU. */
  lost(): number[] {
    return this.rings.map((ring) => ring.lost);
  }

  /** Throws InvariantError where a ring or the registry is inconsistent. */
  checkInvariants(): void {
    this.registry.checkInvariants();
    this.rings.forEach((ring, cpu) => {
      assert(ring.cpu === cpu, 'a ring lies at its CPU');
      ring.checkInvariants();
    });
  }

  private wrap(cpus: readonly RingEvents[]): TraceSnapshot {
    const { registry, ticksPerSecond, epochNanoseconds } = this;
    return { registry, cpus, ticksPerSecond, epochNanoseconds };
  }
}
