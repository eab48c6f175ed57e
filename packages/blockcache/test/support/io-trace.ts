/** Reads the recorded I/O traces (format FIO1) and flattens them to page keys. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const READ = 0;
const WRITE = 1;
const TRUNCATE = 3;
const MAP = 5;

interface Row {
  readonly policy: string;
  readonly capacity: number;
  readonly misses: number;
  readonly hash: string;
}

export interface GoldenTrace {
  readonly name: string;
  readonly path: string;
  readonly rows: readonly Row[];
  /** Comes with this package. */
  readonly isOwn: boolean;
}

/** Page keys, dense by first access. */
export function readPageKeys(path: string): Uint32Array {
  const bytes = gunzipSync(readFileSync(path));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.toString('latin1', 0, 4) !== 'FIO1') throw new Error(`${path} is not FIO1`);
  const eventCount = view.getUint32(4, true);
  let at = 32;
  const varint = (): number => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  const end: number[] = [];
  const lastLength = [0, 0, 0, 0, 0, 0];
  const keys: number[] = [];
  const ids = new Map<number, number>();
  let file = 0;
  for (let i = 0; i < eventCount; i++) {
    const head = varint();
    const op = head & 7;
    if (head & 8) varint();
    if (head & 16) file = varint();
    varint();
    const moves = op === READ || op === WRITE || op === MAP;
    let offset = 0;
    if (moves) {
      offset = end[file] ?? 0;
      if ((head & 32) === 0) {
        const zigzag = varint();
        offset += zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2;
      }
    }
    let length = 0;
    if (moves || op === TRUNCATE) {
      length = head & 64 ? lastLength[op] : varint();
      lastLength[op] = length;
    }
    if (!moves) continue;
    end[file] = offset + length;
    if (length === 0 || (op === MAP && length > 65_536)) continue;
    const last = Math.floor((offset + length - 1) / 4096);
    for (let page = Math.floor(offset / 4096); page <= last; page++) {
      const name = file * 2_097_152 + page;
      const id = ids.get(name) ?? ids.size;
      ids.set(name, id);
      keys.push(id);
    }
  }
  return Uint32Array.from(keys);
}

/** The recordings in `folder` (with the answers of libCacheSim), if it has any. */
function goldenIn(folder: string, answers: string, isOwn: boolean): GoldenTrace[] {
  const path = join(folder, answers);
  if (!existsSync(path)) return [];
  const { traces } = JSON.parse(readFileSync(path, 'utf8')) as {
    traces: Record<string, { rows: [string, string, number, number, number, string][] }>;
  };
  return Object.entries(traces).map(([name, { rows }]) => ({
    name,
    isOwn,
    path: join(folder, `${name}.fio.gz`),
    rows: rows.map(([policy, , capacity, misses, , hash]) => ({ policy, capacity, misses, hash })),
  }));
}

/** The recordings of this package, and those in HOTPATH_DATA/cache if that is set. */
export function goldenTraces(): GoldenTrace[] {
  const own = join(dirname(fileURLToPath(import.meta.url)), '..', 'data');
  const traces = goldenIn(own, 'io-cache-open.json', true);
  const more = process.env['HOTPATH_DATA'];
  if (more === undefined) return traces;
  const known = new Set(traces.map(({ name }) => name));
  for (const answers of ['io-cache-open.json', 'io-cache-held.json', 'io-cache.json']) {
    for (const trace of goldenIn(join(more, 'cache'), answers, false)) {
      if (!known.has(trace.name) && existsSync(trace.path)) traces.push(trace);
      known.add(trace.name);
    }
  }
  return traces;
}
