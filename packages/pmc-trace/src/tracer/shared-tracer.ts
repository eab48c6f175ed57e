import { ArgumentError, type Clock, checkInteger } from '@hotpath/hw-x86';
import { TraceEmitter } from './emitter.js';
import { KIND_LIMIT } from './phase.js';
import { type EventKind, EventRegistry } from './registry.js';
import type { RingEvents } from './ring.js';
import {
  type SharedRingMode,
  SharedRingReader,
  SharedRingWriter,
  sharedRingBytes,
} from './shared-ring.js';
import { DEFAULT_RING_CAPACITY, type TraceSnapshot } from './tracer.js';

/** What a worker needs to write its ring; pass it by `postMessage` or `workerData`. */
export interface SharedRingHandle {
  readonly buffer: SharedArrayBuffer;
  readonly mode: SharedRingMode;
  /** The filter, shared: switching it in one thread switches it in all. */
  readonly recorded: SharedArrayBuffer;
  /** Kinds by name, as registered when the handle was made. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Interned texts by text, as of the same moment. */
  readonly texts: readonly string[];
}

/** Options of a shared tracer. */
export interface SharedTracerOptions {
  /** Number of rings, one per worker; range 1..1,024. */
  readonly workerCount: number;
  /** Events per ring, a power of two 16..2**24; default 65,536. */
  readonly capacity?: number;
  /** Default `discard`: nothing that was not read is overwritten. */
  readonly mode?: SharedRingMode;
  /** Clock ticks a second; default 1e9. */
  readonly ticksPerSecond?: number;
  /** Wall-clock time of tick 0; default 0n, "none". */
  readonly epochNanoseconds?: bigint;
}

/**
 * A tracer over several threads: one ring per worker in shared memory, read by the thread that made
 * it. Register kinds and texts first, then hand out `handle(worker)`.
 */
export class SharedTracer {
  readonly registry: EventRegistry;
  private readonly ticksPerSecond: number;
  private readonly epochNanoseconds: bigint;
  private readonly mode: SharedRingMode;
  private readonly recorded: SharedArrayBuffer;
  private readonly buffers: SharedArrayBuffer[] = [];
  private readonly readers: SharedRingReader[] = [];

  /** @throws ArgumentError ERR_WORKER_COUNT, ERR_RING_CAPACITY, ERR_RING_MODE */
  constructor(options: SharedTracerOptions) {
    const count = checkInteger('ERR_WORKER_COUNT', 'workerCount', options.workerCount, 1, 1024);
    this.mode = options.mode ?? 'discard';
    if (this.mode !== 'discard' && this.mode !== 'overwrite') {
      throw new ArgumentError(
        'ERR_RING_MODE',
        `mode is ${this.mode}; allowed: overwrite, discard (drained by consume)`,
      );
    }
    this.ticksPerSecond = options.ticksPerSecond ?? 1e9;
    this.epochNanoseconds = options.epochNanoseconds ?? 0n;
    this.recorded = new SharedArrayBuffer(KIND_LIMIT);
    this.registry = new EventRegistry(new Uint8Array(this.recorded));
    for (let worker = 0; worker < count; worker += 1) {
      const bytes = sharedRingBytes(options.capacity ?? DEFAULT_RING_CAPACITY);
      const buffer = new SharedArrayBuffer(bytes);
      this.buffers.push(buffer);
      this.readers.push(new SharedRingReader(buffer, this.mode, worker));
      this.registry.nameCpu(worker, `worker ${worker}`);
    }
    this.enable();
  }

  /** What a worker attaches with. @throws ArgumentError ERR_WORKER */
  handle(worker: number): SharedRingHandle {
    checkInteger('ERR_WORKER', 'worker', worker, 0, this.buffers.length - 1);
    const kinds = Object.fromEntries(this.registry.list().map(({ name, kind }) => [name, kind]));
    const texts: string[] = [];
    for (let text = 0; text < this.registry.textCount; text += 1) {
      texts.push(this.registry.text(text)!);
    }
    const { mode, recorded } = this;
    return { buffer: this.buffers[worker], mode, recorded, kinds, texts };
  }

  /** Records the kinds that `wanted` accepts, or all, in every thread. */
  enable(wanted?: (kind: EventKind) => boolean): void {
    this.registry.record(wanted);
  }

  /** Records nothing in any thread until {@link enable}. */
  disable(): void {
    this.registry.recordNothing();
  }

  /** What all rings hold now; they keep it. Workers go on meanwhile. */
  snapshot(): TraceSnapshot {
    return this.wrap(this.readers.map((reader) => reader.snapshot()));
  }

  /** What all rings hold now, and frees it. */
  consume(): TraceSnapshot {
    return this.wrap(this.readers.map((reader) => reader.consume()));
  }

  /** Events lost so far, per worker. */
  lost(): number[] {
    return this.readers.map((reader) => reader.lost);
  }

  private wrap(cpus: readonly RingEvents[]): TraceSnapshot {
    const { registry, ticksPerSecond, epochNanoseconds } = this;
    return { registry, cpus, ticksPerSecond, epochNanoseconds };
  }
}

/** In a worker: an emitter that writes the ring of a handle. One per ring, for its whole life. */
export function attachRing(handle: SharedRingHandle, clock: Clock): TraceEmitter {
  const ring = new SharedRingWriter(handle.buffer, handle.mode);
  return new TraceEmitter(ring, new Uint8Array(handle.recorded), clock);
}
