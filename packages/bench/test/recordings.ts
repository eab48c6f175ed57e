/** Where recordings with known answers are: shipped with this package, and in HOTPATH_DATA if set. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const shipped = join(dirname(fileURLToPath(import.meta.url)), '..', 'data');
const further = process.env['HOTPATH_DATA'];
const folders = further === undefined ? [shipped] : [shipped, further];

/** Paths of the files in `area` (cache, sched, hw, slab) whose names match; shipped ones first. */
export function recordings(area: string, pattern: RegExp): string[] {
  const paths = new Map<string, string>();
  for (const folder of folders.map((root) => join(root, area))) {
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder).sort()) {
      if (pattern.test(file) && !paths.has(file)) paths.set(file, join(folder, file));
    }
  }
  return [...paths.values()];
}

/** A JSON file. */
export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
