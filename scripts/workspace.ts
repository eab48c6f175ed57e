/** The packages of this repository, as files. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { diagram, type Manifest, type SourceFile } from './layering.js';

/** The folder of the repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Every package, in the order of the diagram: what a package imports comes before it. */
export const packageNames = Object.keys(diagram);

/** Text of a file inside the repository. */
export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** package.json of each package by its folder's name. */
export function readManifests(): Record<string, Manifest> {
  return Object.fromEntries(
    packageNames.map((name) => [name, JSON.parse(readText(`packages/${name}/package.json`))]),
  );
}

/** Every TypeScript source (not tests) of every package. */
export function readSources(): SourceFile[] {
  return packageNames.flatMap((name) =>
    readdirSync(join(root, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => `packages/${name}/src/${path.replaceAll('\\', '/')}`)
      .map((path) => ({ path, text: readText(path) })),
  );
}
