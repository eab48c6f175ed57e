/** How every package is built: one ESM file per entry, shared chunks, declarations. */

import type { Options } from 'tsup';

/** Options of tsup for a package whose entries are `entry` (output name -> source). */
export function packageBuild(entry: Record<string, string>): Options {
  return {
    entry,
    format: 'esm',
    target: 'node20',
    platform: 'neutral',
    // TypeScript 6 calls an option deprecated that tsup's declaration build still sets.
    dts: {
      compilerOptions: {
        ignoreDeprecations: '6.0',
        // The check of types reports what is unused; a package can be built without that.
        noUnusedLocals: false,
        noUnusedParameters: false,
      },
    },
    sourcemap: true,
    splitting: true,
    clean: true,
    silent: true,
    external: [/^node:/],
  };
}
