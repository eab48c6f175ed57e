import { expect, test } from 'vitest';
import { diagram, findViolations, type Manifest } from '../layering.js';
import { packageNames, readManifests, readSources } from '../workspace.js';

const entries = (...names: string[]): Manifest => ({
  exports: Object.fromEntries(names.map((name) => [name, {}])),
  dependencies: { commander: '1.0.0' },
});

const manifests: Record<string, Manifest> = Object.fromEntries(
  packageNames.map((name) => [name, entries('.', './node')]),
);
manifests['hw-x86'] = entries('.', './model', './host');

const violationsOf = (path: string, text: string): string[] =>
  findViolations([{ path, text }], manifests);

test('the sources keep the layering', () => {
  expect(findViolations(readSources(), readManifests())).toEqual([]);
});

test('package.json names only the dependencies of the diagram', () => {
  for (const [name, manifest] of Object.entries(readManifests())) {
    const own = Object.keys(manifest.dependencies ?? {}).filter((d) => d.startsWith('@hotpath/'));
    const foreign = Object.keys(manifest.dependencies ?? {}).filter((d) => !own.includes(d));
    const allowed = diagram[name]!.map((dependency) => `@hotpath/${dependency}`);
    expect(own.filter((dependency) => !allowed.includes(dependency))).toEqual([]);
    if (name !== 'bench') expect(foreign).toEqual([]);
  }
});

test('a reversed import is found', () => {
  expect(
    violationsOf('packages/hw-x86/src/machine.ts', `import { Kernel } from '@hotpath/kernel';`),
  ).toEqual(['packages/hw-x86/src/machine.ts:1: hw-x86 may import no package, not kernel']);
  expect(
    violationsOf('packages/slab/src/a.ts', `\nimport type { X } from '@hotpath/sched';`),
  ).toEqual(['packages/slab/src/a.ts:2: slab may import hw-x86, not sched']);
});

test.each([
  ['packages/slab/src/a.ts', `import fs from 'node:fs';`, 'cannot import'],
  ['packages/slab/src/a.ts', `const fs = await import('node:fs');`, 'cannot import'],
  ['packages/slab/src/a.ts', `type A = import('node:fs').Stats;`, 'cannot import'],
  ['packages/slab/src/a.ts', `import { x } from './node/disk.js';`, 'needs Node'],
  ['packages/slab/src/a.ts', `import { x } from '@hotpath/hw-x86/host';`, 'needs Node'],
  ['packages/slab/src/a.ts', `import { x } from '../../sched/src/rr.js';`, 'leaves the sources'],
  ['packages/kernel/src/a.ts', `import { x } from '@hotpath/slab/src/buddy.js';`, 'public entry'],
  ['packages/bench/src/a.ts', `import { x } from '@hotpath/slab/dist/index.js';`, 'public entry'],
  ['packages/bench/src/a.ts', `import { x } from 'left-pad';`, 'not among the dependencies'],
  ['packages/bench/src/page/a.ts', `import { x } from 'left-pad';`, 'not among the dependencies'],
  ['packages/slab/src/a.ts', `import { x } from 'left-pad';`, 'no third-party imports'],
  ['packages/slab/src/node/index.ts', `import { x } from 'left-pad';`, 'no peer dependency'],
  ['packages/slab/src/a.ts', `import { x } from '@hotpath/slab';`, 'not slab'],
  ['packages/slab/src/a.ts', `const now = { Date };`, `'Date'`],
  ['packages/slab/src/a.ts', `export * from './b.js';`, 'export *'],
  ['packages/slab/src/a.ts', `export * as b from './b.js';`, 'export *'],
  ['packages/slab/src/a.ts', `const now = Date.now();`, `'Date'`],
  ['packages/slab/src/a.ts', `const now = performance.now();`, `'performance'`],
  ['packages/slab/src/a.ts', `globalThis.setTimeout(f, 1);`, `'setTimeout'`],
  ['packages/slab/src/a.ts', `const f = new Function('return 1');`, `'Function'`],
  ['packages/slab/src/a.ts', `const r = Math.random();`, 'Math.random'],
  ['packages/slab/src/a.ts', `const r = Math.log(2);`, 'Math.log'],
])('in %s `%s` is refused', (path, text, what) => {
  const violations = violationsOf(path, text);
  expect(violations).toHaveLength(1);
  expect(violations[0]).toContain(what);
});

test.each([
  ['packages/hw-x86/src/host/clock.ts', `import { hrtime } from 'node:process';`],
  ['packages/sched/src/loop/runner.ts', `globalThis.setTimeout(f, performance.now());`],
  ['packages/slab/src/a.ts', `function f(fetch: number) { return { fetch } }`],
  ['packages/slab/src/conformance/index.ts', `import { x } from '@hotpath/slab';`],
  ['packages/bench/src/cli.ts', `import { Command } from 'commander'; Date.now();`],
  ['packages/slab/src/a.ts', `interface A { performance: number; Date: string } x.process = 1;`],
  ['packages/kernel/src/a.ts', `import { Model } from '@hotpath/hw-x86/model';`],
])('in %s `%s` is allowed', (path, text) => {
  expect(violationsOf(path, text)).toEqual([]);
});
