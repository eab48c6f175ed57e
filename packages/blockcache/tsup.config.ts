import { defineConfig } from 'tsup';
import { packageBuild } from '../../scripts/package-build.js';

export default defineConfig((flags) =>
  packageBuild(
    {
      index: 'src/index.ts',
      'conformance/index': 'src/conformance/index.ts',
    },
    flags,
  ),
);
