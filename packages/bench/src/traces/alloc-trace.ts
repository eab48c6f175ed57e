import { ByteReader } from './byte-reader.js';
import { TraceError } from './trace-error.js';

export const ALLOC_MALLOC = 0;
export const ALLOC_FREE = 1;
export const ALLOC_REALLOC = 2;
export const ALLOC_CALLOC = 3;
export const ALLOC_MEMALIGN = 4;

const HEADER_BYTES = 16;
const SIZE_BYTES_MAX = 2 ** 32 - 1;
const ALIGN_SHIFT_MAX = 30;

/** Calls of malloc and its kin, one column entry per event, in order. */
export interface AllocTrace {
  readonly eventCount: number;
  /** Objects ever allocated: ids are 0..objectCount-1, in order of allocation. */
  readonly objectCount: number;
  /** ALLOC_MALLOC, ALLOC_FREE, ... */
  readonly op: Uint8Array;
  /** The object that the event allocates, frees or resizes. */
  readonly object: Uint32Array;
  /** Bytes asked for; 0 of a free. */
  readonly size: Uint32Array;
  /** Bytes of alignment asked for by memalign; 0 of others. */
  readonly align: Uint32Array;
  /** Most bytes asked for and live at one time. */
  readonly peakLiveBytes: number;
  /** Objects that the recording never frees. */
  readonly liveAtEnd: number;
}

/**
 * Decodes a recording in format KMT1 (unpacked bytes), and checks that every object is allocated
 * once and never used after its free.
 * @throws TraceError with a code when it is another format, cut short or inconsistent
 */
export function decodeAllocTrace(bytes: Uint8Array): AllocTrace {
  const reader = new ByteReader(bytes);
  if (bytes.length < HEADER_BYTES || !reader.magic('KMT1')) {
    throw new TraceError('ERR_TRACE_FORMAT', `not an allocation trace: it must begin with 'KMT1'`);
  }
  const eventCount = reader.word();
  const objectCount = reader.word();
  const payloadBytes = reader.word();
  reader.expectPayload(payloadBytes);
  if (eventCount > payloadBytes || objectCount > eventCount) {
    throw new TraceError(
      'ERR_TRACE_LENGTH',
      `${eventCount} events with ${objectCount} objects do not fit into ${payloadBytes} bytes`,
    );
  }
  const columns = {
    op: new Uint8Array(eventCount),
    object: new Uint32Array(eventCount),
    size: new Uint32Array(eventCount),
    align: new Uint32Array(eventCount),
  };
  for (let event = 0, next = 0; event < eventCount; event++) {
    next = decodeEvent(reader, columns, event, next, objectCount);
  }
  reader.expectEnd();
  return { eventCount, objectCount, ...columns, ...checkLives(columns, objectCount) };
}

type Columns = Pick<AllocTrace, 'op' | 'object' | 'size' | 'align'>;

/** Decodes one event; the count of objects allocated after it. */
function decodeEvent(
  reader: ByteReader,
  columns: Columns,
  event: number,
  next: number,
  objectCount: number,
): number {
  const head = reader.varint();
  const op = head % 8;
  const value = Math.floor(head / 8);
  if (op > ALLOC_MEMALIGN) throw wrong(event, `the unknown operation ${op}`);
  if (op !== ALLOC_FREE && value > SIZE_BYTES_MAX) throw wrong(event, `the size ${value}`);
  columns.op[event] = op;
  if (op === ALLOC_FREE || op === ALLOC_REALLOC) {
    const distance = op === ALLOC_FREE ? value : reader.varint();
    if (distance < 1 || distance > next) throw wrong(event, `the object ${next - distance}`);
    columns.object[event] = next - distance;
    columns.size[event] = op === ALLOC_FREE ? 0 : value;
    return next;
  }
  if (next >= objectCount) throw wrong(event, `more than ${objectCount} objects`);
  columns.object[event] = next;
  columns.size[event] = value;
  if (op === ALLOC_MEMALIGN) {
    const shift = reader.varint();
    if (shift > ALIGN_SHIFT_MAX) throw wrong(event, `the alignment 2^${shift}`);
    columns.align[event] = 2 ** shift;
  }
  return next + 1;
}

function checkLives({ op, object, size }: Columns, objectCount: number) {
  const DEAD = -1;
  const liveBytes = new Float64Array(objectCount).fill(DEAD);
  let total = 0;
  let peakLiveBytes = 0;
  let live = 0;
  for (let event = 0; event < op.length; event++) {
    const id = object[event];
    const before = liveBytes[id];
    const kind = op[event];
    if ((kind === ALLOC_FREE || kind === ALLOC_REALLOC) && before === DEAD) {
      throw wrong(event, `the object ${id}, which was freed before`);
    }
    liveBytes[id] = kind === ALLOC_FREE ? DEAD : size[event];
    total += size[event] - Math.max(before, 0);
    if (kind === ALLOC_FREE) live--;
    else if (kind !== ALLOC_REALLOC) live++;
    if (total > peakLiveBytes) peakLiveBytes = total;
  }
  return { peakLiveBytes, liveAtEnd: live };
}

function wrong(event: number, what: string): TraceError {
  return new TraceError('ERR_TRACE_VALUE', `event ${event} names ${what}`);
}
