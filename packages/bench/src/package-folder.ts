import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/** Folder of this package, the same from its sources and from its build. */
export function packageFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('@hotpath/bench/package.json'));
}

/** True when this runs from TypeScript sources, as in tests: child processes then need a loader. */
export const runsFromSource = import.meta.url.endsWith('.ts');
