import { ByteReader } from './byte-reader.js';
import { TraceError } from './trace-error.js';

export const IO_READ = 0;
export const IO_WRITE = 1;
export const IO_FSYNC = 2;
export const IO_TRUNCATE = 3;
export const IO_UNLINK = 4;
export const IO_MAP = 5;

const HEADER_BYTES = 32;
const OP_COUNT = 6;
const SAME_PID = 8;
const SAME_FILE = 16;
const CONTINUES = 32;
const SAME_LENGTH = 64;

/** Flattening: a page of the recordings, and the longest mapping that counts as touched at once. */
const PAGE_BYTES = 4096;
const MAP_BYTES_MAX = 65_536;
/** Page numbers are below this: a page's identity is file * PAGES_PER_FILE_MAX + page. */
const PAGES_PER_FILE_MAX = 2 ** 21;

/** File I/O of a program, one column entry per event, in order. Lengths and offsets in bytes. */
export interface IoTrace {
  readonly eventCount: number;
  readonly fileCount: number;
  readonly pidCount: number;
  /** IO_READ, IO_WRITE, ... */
  readonly op: Uint8Array;
  readonly pid: Uint32Array;
  /** A life of an inode, not a name. */
  readonly file: Uint32Array;
  /** Microseconds since the first event's base; order and ratios only, as strace slowed it. */
  readonly timeUs: Float64Array;
  readonly offset: Float64Array;
  /** Of a truncate: the new size. */
  readonly length: Float64Array;
}

/** A stream of keys: which page each access touches. */
export interface KeyStream {
  /** Dense ids in order of first access, where the stream came from an I/O trace. */
  readonly keys: Uint32Array;
  /** 1 where the access writes. */
  readonly writes: Uint8Array;
  readonly uniqueCount: number;
}

/**
 * Decodes a recording in format FIO1 (unpacked bytes).
 * @throws TraceError with a code when it is another format, cut short or inconsistent
 */
export function decodeIoTrace(bytes: Uint8Array): IoTrace {
  const reader = new ByteReader(bytes);
  const { eventCount, fileCount, pidCount } = decodeHeader(reader, bytes.length);
  const trace: IoTrace = {
    eventCount,
    fileCount,
    pidCount,
    op: new Uint8Array(eventCount),
    pid: new Uint32Array(eventCount),
    file: new Uint32Array(eventCount),
    timeUs: new Float64Array(eventCount),
    offset: new Float64Array(eventCount),
    length: new Float64Array(eventCount),
  };
  decodeEvents(reader, trace);
  reader.expectEnd();
  return trace;
}

function decodeHeader(reader: ByteReader, byteCount: number) {
  if (byteCount < HEADER_BYTES || !reader.magic('FIO1')) {
    throw new TraceError('ERR_TRACE_FORMAT', `not an I/O trace: it must begin with 'FIO1'`);
  }
  const eventCount = reader.word();
  const fileCount = reader.word();
  const pidCount = reader.word();
  const payloadBytes = reader.word();
  const pageBytes = reader.word();
  const version = reader.word();
  reader.word();
  if (version !== 1) {
    throw new TraceError('ERR_TRACE_VERSION', `FIO1 version ${version} is unknown; allowed: 1`);
  }
  if (pageBytes !== PAGE_BYTES) {
    throw new TraceError('ERR_TRACE_VALUE', `page size ${pageBytes} is unknown; allowed: 4096`);
  }
  reader.expectPayload(payloadBytes);
  // Every event takes two bytes at least: a huge count must not allocate.
  if (eventCount * 2 > payloadBytes) {
    throw new TraceError(
      'ERR_TRACE_LENGTH',
      `${eventCount} events do not fit into ${payloadBytes} bytes`,
    );
  }
  return { eventCount, fileCount, pidCount };
}

function decodeEvents(reader: ByteReader, trace: IoTrace): void {
  const lastEnd = new Map<number, number>();
  const lastLength = [0, 0, 0, 0, 0, 0];
  let pid = 0;
  let file = 0;
  let timeUs = 0;
  for (let event = 0; event < trace.eventCount; event++) {
    const head = reader.varint();
    const op = head % 8;
    if (op >= OP_COUNT || head > 127) {
      throw new TraceError('ERR_TRACE_VALUE', `event ${event} has the unknown head ${head}`);
    }
    if ((head & SAME_PID) !== 0) pid = reader.varint();
    if ((head & SAME_FILE) !== 0) file = reader.varint();
    timeUs += reader.varint();
    let offset = 0;
    let length = 0;
    const transfers = op === IO_READ || op === IO_WRITE || op === IO_MAP;
    if (transfers) {
      offset = lastEnd.get(file) ?? 0;
      if ((head & CONTINUES) === 0) offset += reader.zigzag();
    }
    if (transfers || op === IO_TRUNCATE) {
      length = (head & SAME_LENGTH) !== 0 ? lastLength[op] : reader.varint();
      lastLength[op] = length;
    }
    if (transfers) lastEnd.set(file, offset + length);
    checkEvent(event, trace, pid, file, offset, length);
    trace.op[event] = op;
    trace.pid[event] = pid;
    trace.file[event] = file;
    trace.timeUs[event] = timeUs;
    trace.offset[event] = offset;
    trace.length[event] = length;
  }
}

function checkEvent(
  event: number,
  trace: IoTrace,
  pid: number,
  file: number,
  offset: number,
  length: number,
): void {
  if (file < trace.fileCount && pid < trace.pidCount && offset >= 0) {
    if (offset + length <= PAGES_PER_FILE_MAX * PAGE_BYTES) return;
  }
  throw new TraceError(
    'ERR_TRACE_VALUE',
    `event ${event} names file ${file} of ${trace.fileCount}, process ${pid} of ` +
      `${trace.pidCount}, offset ${offset}, length ${length}`,
  );
}

/**
 * The page accesses of a trace: reads, writes and mappings up to 64 KiB touch each page that they
 * cover, ascending. Truncate, unlink and fsync touch nothing.
 */
export function flattenToPages(trace: IoTrace): KeyStream {
  const accessCount = countAccesses(trace);
  const keys = new Uint32Array(accessCount);
  const writes = new Uint8Array(accessCount);
  const ids = new Map<number, number>();
  let access = 0;
  for (let event = 0; event < trace.eventCount; event++) {
    if (!touchesPages(trace, event)) continue;
    const end = trace.offset[event] + trace.length[event];
    const last = Math.floor((end - 1) / PAGE_BYTES);
    for (let page = Math.floor(trace.offset[event] / PAGE_BYTES); page <= last; page++) {
      const identity = trace.file[event] * PAGES_PER_FILE_MAX + page;
      let id = ids.get(identity);
      if (id === undefined) ids.set(identity, (id = ids.size));
      keys[access] = id;
      writes[access++] = trace.op[event] === IO_WRITE ? 1 : 0;
    }
  }
  return { keys, writes, uniqueCount: ids.size };
}

function countAccesses(trace: IoTrace): number {
  let count = 0;
  for (let event = 0; event < trace.eventCount; event++) {
    if (!touchesPages(trace, event)) continue;
    const end = trace.offset[event] + trace.length[event];
    count += Math.floor((end - 1) / PAGE_BYTES) - Math.floor(trace.offset[event] / PAGE_BYTES) + 1;
  }
  return count;
}

function touchesPages(trace: IoTrace, event: number): boolean {
  const op = trace.op[event];
  const length = trace.length[event];
  if (length === 0) return false;
  return op === IO_READ || op === IO_WRITE || (op === IO_MAP && length <= MAP_BYTES_MAX);
}

/**
 * A stream of keys as little-endian u32 words, without a header.
 * @throws TraceError ERR_TRACE_LENGTH when the bytes are no whole words
 */
export function decodeKeyStream(bytes: Uint8Array): KeyStream {
  if (bytes.length === 0 || bytes.length % 4 !== 0) {
    throw new TraceError(
      'ERR_TRACE_LENGTH',
      `a key stream is one or more 4-byte words; this one has ${bytes.length} bytes`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const keys = new Uint32Array(bytes.length / 4);
  for (let index = 0; index < keys.length; index++) keys[index] = view.getUint32(index * 4, true);
  return { keys, writes: new Uint8Array(keys.length), uniqueCount: new Set(keys).size };
}
