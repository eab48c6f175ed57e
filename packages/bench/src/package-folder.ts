import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Folder of this package, the same from its sources and from its build. */
export function packageFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('@hotpath/bench/package.json'));
}

/** Version of this package. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')).version;
}

/** True when this runs from TypeScript sources, as in tests: child processes then need a loader. */
export const runsFromSource = import.meta.url.endsWith('.ts');
