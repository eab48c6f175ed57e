import {
  ALLOC_CALLOC,
  ALLOC_FREE,
  ALLOC_MALLOC,
  ALLOC_REALLOC,
  type AllocTrace,
} from '../traces/alloc-trace.js';
import type { Heap } from './heap.js';

/** What a heap made of a recording. */
export interface AllocReplay {
  readonly events: number;
  readonly objects: number;
  /** Most bytes asked for and live at one time: a fact of the recording. */
  readonly peakLiveBytes: number;
  /** Most bytes that the heap occupied. */
  readonly peakFootprintBytes: number;
  /** Allocations refused, blocks misaligned, out of the heap or overwritten by another. */
  readonly errors: number;
}

/** Every block is aligned to this at least, as C's malloc does for 8-byte objects. */
const ALIGN_BYTES_MIN = 8;

/**
 * Replays a recording and checks every block: it lies in the heap, is aligned, is zero after calloc,
 * and its first and last byte hold what was written there until it is freed, also across realloc.
 * Objects left at the end are freed, so that a heap can be used again.
 */
export function replayAlloc(trace: AllocTrace, heap: Heap): AllocReplay {
  const checker = new Checker(trace, heap);
  for (let event = 0; event < trace.eventCount; event++) checker.step(event);
  checker.freeAll();
  heap.checkInvariants();
  const { eventCount: events, objectCount: objects, peakLiveBytes } = trace;
  const { peakFootprintBytes, errors } = checker;
  return { events, objects, peakLiveBytes, peakFootprintBytes, errors };
}

/** A live object has address > 0; its marks are at its first and last byte. */
class Checker {
  peakFootprintBytes = 0;
  errors = 0;
  private readonly trace: AllocTrace;
  private readonly heap: Heap;
  private readonly addressOf: Float64Array;
  private readonly sizeOf: Float64Array;

  constructor(trace: AllocTrace, heap: Heap) {
    this.trace = trace;
    this.heap = heap;
    this.addressOf = new Float64Array(trace.objectCount);
    this.sizeOf = new Float64Array(trace.objectCount);
  }

  step(event: number): void {
    const { trace, heap } = this;
    const op = trace.op[event];
    const object = trace.object[event];
    const size = trace.size[event];
    if (op === ALLOC_FREE) this.free(object);
    else if (op === ALLOC_REALLOC) this.realloc(object, size);
    else {
      const align = trace.align[event];
      const address =
        op === ALLOC_MALLOC
          ? heap.malloc(size)
          : op === ALLOC_CALLOC
            ? heap.calloc(size)
            : heap.memalign(align, size);
      if (op === ALLOC_CALLOC && address !== 0) this.checkZero(address, size);
      this.place(object, address, size, Math.max(align, ALIGN_BYTES_MIN));
    }
    const footprint = heap.footprintBytes();
    if (footprint > this.peakFootprintBytes) this.peakFootprintBytes = footprint;
  }

  freeAll(): void {
    for (let object = 0; object < this.addressOf.length; object++) this.free(object);
  }

  private free(object: number): void {
    const address = this.addressOf[object];
    if (address === 0) return;
    this.checkMarks(object, this.sizeOf[object]);
    this.addressOf[object] = 0;
    this.heap.free(address);
  }

  private realloc(object: number, size: number): void {
    const old = this.addressOf[object];
    if (old !== 0) this.checkMarks(object, this.sizeOf[object]);
    const kept = Math.min(size, this.sizeOf[object]);
    const address = this.heap.realloc(old, size);
    if (address === 0) {
      this.errors++;
      return;
    }
    // Only the first byte is sure to survive: the last one may have been cut off.
    if (old !== 0 && kept > 0 && this.heap.bytes[address] !== firstMark(object)) this.errors++;
    this.place(object, address, size, ALIGN_BYTES_MIN);
  }

  private place(object: number, address: number, size: number, align: number): void {
    const { bytes } = this.heap;
    const inside = address > 0 && address + size <= bytes.length;
    if (!inside || address % align !== 0) {
      this.errors++;
      return;
    }
    this.addressOf[object] = address;
    this.sizeOf[object] = size;
    if (size === 0) return;
    bytes[address + size - 1] = lastMark(object);
    bytes[address] = firstMark(object);
  }

  private checkMarks(object: number, size: number): void {
    if (size === 0) return;
    const { bytes } = this.heap;
    const address = this.addressOf[object];
    const last = size === 1 ? firstMark(object) : lastMark(object);
    if (bytes[address] !== firstMark(object)) this.errors++;
    else if (bytes[address + size - 1] !== last) this.errors++;
  }

  private checkZero(address: number, size: number): void {
    const { bytes } = this.heap;
    if (bytes[address] !== 0 || bytes[address + size - 1] !== 0) this.errors++;
  }
}

// Marks are never 0, so that fresh memory is no one's.
const firstMark = (object: number): number => 1 + (object % 255);
const lastMark = (object: number): number => 1 + (Math.floor(object / 255) % 255);
