import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { packageFolder } from '../package-folder.js';
import { TraceError } from './trace-error.js';

/** Larger recordings are refused: everything is decoded in memory. */
const UNPACKED_BYTES_MAX = 2 ** 30;

/** Which recordings ship with this package, by the kind of replay. */
const SHIPPED = {
  io: { folder: 'cache', suffix: '.fio.gz' },
  alloc: { folder: 'slab', suffix: '.kmt.gz' },
  sched: { folder: 'sched', suffix: '.tsv.gz' },
  mem: { folder: 'hw', suffix: '.mem.gz' },
} as const;

/** A kind of recording. */
export type TraceKind = keyof typeof SHIPPED;

/** Names of the shipped recordings of a kind, usable in place of a path. */
export function shippedTraces(kind: TraceKind): string[] {
  const { folder, suffix } = SHIPPED[kind];
  return readdirSync(join(packageFolder(), 'data', folder))
    .filter((file) => file.endsWith(suffix))
    .map((file) => file.slice(0, -suffix.length))
    .sort();
}

/** Path of a recording: `trace` itself when it is a file, else the shipped one of that name. */
export function resolveTrace(kind: TraceKind, trace: string): string {
  if (existsSync(trace)) return trace;
  const { folder, suffix } = SHIPPED[kind];
  if (shippedTraces(kind).includes(trace)) {
    return join(packageFolder(), 'data', folder, trace + suffix);
  }
  throw new TraceError(
    'ERR_TRACE_MISSING',
    `trace '${trace}' is neither a file nor one of ${shippedTraces(kind).join(', ')}`,
  );
}

/**
 * Bytes of a recording, unpacked when it is gzipped.
 * @throws TraceError ERR_TRACE_MISSING, ERR_TRACE_UNREADABLE or ERR_TRACE_GZIP
 */
export function readTraceFile(path: string): Uint8Array {
  const bytes = readBytes(path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: UNPACKED_BYTES_MAX });
  } catch (error) {
    throw new TraceError('ERR_TRACE_GZIP', `'${path}' cannot be unpacked: ${reason(error)}`);
  }
}

function readBytes(path: string): Uint8Array {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing) throw new TraceError('ERR_TRACE_MISSING', `trace file '${path}' does not exist`);
    throw new TraceError('ERR_TRACE_UNREADABLE', `'${path}' cannot be read: ${reason(error)}`);
  }
  try {
    return readFileSync(file);
  } catch (error) {
    throw new TraceError('ERR_TRACE_UNREADABLE', `'${path}' cannot be read: ${reason(error)}`);
  } finally {
    closeSync(file);
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
