/** How every package is built: one ESM file per entry, shared chunks, declarations. */

import type { Options } from 'tsup';

/**
 * Options of tsup for a package whose entries are `entry` (output name -> source). The two halves of a
 * build are run apart, since only the first is needed to run anything: `tsup` makes the JavaScript,
 * `tsup --env.HALF declarations` the types.
 */
export function packageBuild(entry: Record<string, string>, flags: Options): Options {
  const declarations = flags.env?.['HALF'] === 'declarations';
  return {
    entry,
    format: 'esm',
    target: 'node20',
    platform: 'neutral',
    dts: declarations && { only: true, compilerOptions: declarationOptions },
    sourcemap: true,
    splitting: true,
    clean: ['!**/*.d.ts'],
    silent: true,
    // Bare 'fs' is not found by Deno and by bundlers for workers.
    removeNodeProtocol: false,
    // Constants become literals. Node 20 loads and checks a module's constant at each use: hot loops
    // took half as long again.
    esbuildOptions(options) {
      options.minifySyntax = true;
    },
    // Its own name too: a conformance suite imports the core as its users do.
    external: [/^node:/, /^@hotpath\//],
  };
}

const declarationOptions = {
  // TypeScript 6 calls an option deprecated that tsup's declaration build still sets.
  ignoreDeprecations: '6.0',
  // The check of types reports what is unused; a package can be built without that.
  noUnusedLocals: false,
  noUnusedParameters: false,
};
