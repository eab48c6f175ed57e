import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Memory references of a program. kind: 0 instruction, 1 load, 2 store, 3 modify. */
export interface References {
  readonly kind: Uint8Array;
  readonly size: Uint8Array;
  readonly address: Float64Array;
}

const own = new URL('../data/', import.meta.url).pathname;
const bench = new URL('../../../bench/data/hw/', import.meta.url).pathname;
const more = process.env['HOTPATH_DATA'];

/** Paths of recordings whose name matches: of this package, of bench, and in HOTPATH_DATA/hw. */
export function recordings(pattern: RegExp): string[] {
  const folders = [own, bench, ...(more === undefined ? [] : [join(more, 'hw')])];
  const paths = new Map<string, string>();
  for (const folder of folders.filter((name) => existsSync(name))) {
    for (const name of readdirSync(folder).filter((file) => pattern.test(file))) {
      if (!paths.has(name)) paths.set(name, join(folder, name));
    }
  }
  return [...paths.values()];
}

/** Reads a lackey recording (no header) or a MEM1 file (16-byte header). */
export function readReferences(path: string): References {
  const bytes = gunzipSync(readFileSync(path));
  let at = bytes.toString('latin1', 0, 4) === 'MEM1' ? 16 : 0;
  const kind: number[] = [];
  const size: number[] = [];
  const address: number[] = [];
  const last = [0, 0, 0, 0];
  while (at < bytes.length) {
    const head = bytes[at++];
    const of = head >> 6;
    let value = 0;
    let scale = 1;
    let byte = 0;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while ((byte & 128) !== 0);
    const target = last[of] + (value % 2 === 1 ? -(value + 1) / 2 : value / 2);
    kind.push(of);
    size.push(head & 63);
    address.push(target);
    last[of] = of === 0 ? target + (head & 63) : target;
  }
  return {
    kind: Uint8Array.from(kind),
    size: Uint8Array.from(size),
    address: Float64Array.from(address),
  };
}
