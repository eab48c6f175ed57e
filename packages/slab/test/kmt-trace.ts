import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Operations of a recording. */
export const MALLOC = 0;
export const FREE = 1;
export const REALLOC = 2;
export const CALLOC = 3;
export const MEMALIGN = 4;

/** A recording of allocator calls, one column entry an event. */
export interface KmtTrace {
  readonly name: string;
  readonly op: Uint8Array;
  readonly id: Uint32Array;
  readonly size: Uint32Array;
  readonly align: Uint32Array;
  readonly objectCount: number;
}

/** Decodes format KMT1: 16-byte header, then LEB128 varints. */
export function readKmt(path: string): KmtTrace {
  const bytes = gunzipSync(readFileSync(path));
  if (bytes.toString('latin1', 0, 4) !== 'KMT1') throw new Error(`${path} is no KMT1 recording`);
  const eventCount = bytes.readUInt32LE(4);
  const objectCount = bytes.readUInt32LE(8);
  let at = 16;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const op = new Uint8Array(eventCount);
  const id = new Uint32Array(eventCount);
  const size = new Uint32Array(eventCount);
  const align = new Uint32Array(eventCount);
  let next = 0;
  for (let event = 0; event < eventCount; event += 1) {
    const value = varint();
    op[event] = value % 8;
    const x = Math.floor(value / 8);
    if (op[event] === FREE) id[event] = next - x;
    else if (op[event] === REALLOC) {
      size[event] = x;
      id[event] = next - varint();
    } else {
      size[event] = x;
      id[event] = next++;
      if (op[event] === MEMALIGN) align[event] = 2 ** varint();
    }
  }
  if (at !== bytes.length || next !== objectCount) throw new Error(`${path} is cut short`);
  return { name: path.replace(/^.*\//, ''), op, id, size, align, objectCount };
}

/** The recordings shipped with the tests, and those in the folder of HOTPATH_DATA. */
export function recordings(): string[] {
  const folders = [join(import.meta.dirname, 'data')];
  const further = process.env['HOTPATH_DATA'];
  if (further !== undefined) folders.push(join(further, 'slab'));
  const paths = new Map<string, string>();
  for (const folder of folders) {
    for (const name of readdirSync(folder)) {
      if (name.endsWith('.kmt.gz') && !paths.has(name)) paths.set(name, join(folder, name));
    }
  }
  return [...paths.values()];
}
