import { defineConfig } from 'tsup';
import { packageBuild } from '../../scripts/package-build.js';

export default defineConfig((flags) =>
  packageBuild(
    {
      index: 'src/index.ts',
      'ext2/index': 'src/ext2/index.ts',
      'user/index': 'src/user/index.ts',
    },
    flags,
  ),
);
