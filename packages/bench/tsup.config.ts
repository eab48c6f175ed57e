import { readdirSync } from 'node:fs';
import { defineConfig } from 'tsup';
import { packageBuild } from '../../scripts/package-build.js';

// Contestants are loaded by path, each alone into a process: every one is an entry.
const peers = readdirSync('src/peers', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => `peers/${path.slice(0, -3)}`);

export default defineConfig({
  ...packageBuild({
    index: 'src/index.ts',
    cli: 'src/cli.ts',
    'harness/child': 'src/harness/child.ts',
    ...Object.fromEntries(peers.map((path) => [path, `src/${path}.ts`])),
  }),
  dts: { entry: 'src/index.ts', compilerOptions: { ignoreDeprecations: '6.0' } },
  platform: 'node',
});
