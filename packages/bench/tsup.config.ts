import { readdirSync } from 'node:fs';
import { defineConfig, type Options } from 'tsup';
import { packageBuild } from '../../scripts/package-build.js';

// Contestants are loaded by path, each alone into a process: every one is an entry.
const peers = readdirSync('src/peers', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => `peers/${path.slice(0, -3)}`);

const entries = {
  index: 'src/index.ts',
  cli: 'src/cli.ts',
  'harness/child': 'src/harness/child.ts',
  'gate/probe': 'src/gate/probe.ts',
  'matrix/worker': 'src/matrix/worker.ts',
  'suite/worker': 'src/suite/worker.ts',
  ...Object.fromEntries(peers.map((path) => [path, `src/${path}.ts`])),
};

/** The report's page: one script for a browser, with everything in it. */
const page: Options = {
  entry: { page: 'src/page/main.ts' },
  format: 'iife',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  noExternal: [/./],
  loader: { '.css': 'text' },
  outExtension: () => ({ js: '.js' }),
  esbuildOptions: (options) => {
    options.charset = 'ascii';
    options.legalComments = 'inline';
  },
  clean: false,
  silent: true,
};

export default defineConfig((flags) => {
  const build = packageBuild(entries, flags);
  // Only the library has declarations; the rest is run, not imported.
  const dts = build.dts ? { ...Object(build.dts), entry: 'src/index.ts' } : false;
  const main: Options = {
    ...build,
    dts,
    platform: 'node',
    external: [...build.external!, 'esbuild'],
  };
  return build.dts ? main : [main, page];
});
