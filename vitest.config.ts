import { defineConfig } from 'vitest/config';

// Tests read the sources of every package, so that no build is needed before them.
const conditions = ['@hotpath/source'];

export default defineConfig({
  resolve: { conditions: [...conditions, 'module', 'node', 'import', 'default'] },
  ssr: {
    resolve: {
      conditions: [...conditions, 'module', 'node', 'import', 'default'],
      externalConditions: [...conditions, 'node'],
    },
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'scripts/test/**/*.test.ts'],
    pool: 'threads',
    isolate: false,
    testTimeout: 30_000,
    globalSetup: ['scripts/testing/seed.ts'],
    setupFiles: ['scripts/testing/fast-check.ts'],
    coverage: { provider: 'v8', include: ['packages/*/src/**'], reportsDirectory: 'coverage' },
  },
});
