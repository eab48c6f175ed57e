import { readdirSync } from 'node:fs';
import { defineConfig } from 'tsup';
import { packageBuild } from '../../scripts/package-build.js';

// Contestants are loaded by path, each alone into a process: every one is an entry.
const peers = readdirSync('src/peers', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => `peers/${path.slice(0, -3)}`);

const entries = {
  index: 'src/index.ts',
  cli: 'src/cli.ts',
  'harness/child': 'src/harness/child.ts',
  'matrix/worker': 'src/matrix/worker.ts',
  'suite/worker': 'src/suite/worker.ts',
  ...Object.fromEntries(peers.map((path) => [path, `src/${path}.ts`])),
};

export default defineConfig((flags) => {
  const build = packageBuild(entries, flags);
  // Only the library has declarations; the rest is run, not imported.
  const dts = build.dts ? { ...Object(build.dts), entry: 'src/index.ts' } : false;
  return { ...build, dts, platform: 'node' };
});
