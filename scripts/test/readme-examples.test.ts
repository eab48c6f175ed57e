import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { outputMatches, type ReadmeExample, readExamples } from '../readme-examples.js';
import { packageNames, readText, root } from '../workspace.js';

interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

const created: string[] = [];
afterAll(() => {
  for (const path of created) rmSync(path, { recursive: true, force: true });
});

/** Runs TypeScript against the sources, as a file beside the package so that imports resolve. */
function runAgainstSources(folder: string, name: string, code: string): Promise<Run> {
  // Not below node_modules: there a package cannot import itself by its name.
  const place = join(root, folder, 'out', 'readme-examples');
  mkdirSync(place, { recursive: true });
  created.push(place);
  const file = join(place, name);
  writeFileSync(file, code);
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--conditions=@hotpath/source', file],
      { cwd: join(root, folder) },
    );
    const run: Run = { status: null, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (run.stdout += chunk));
    child.stderr.on('data', (chunk) => (run.stderr += chunk));
    child.on('error', reject);
    child.on('close', (status) => resolve({ ...run, status }));
  });
}

async function check(folder: string, example: ReadmeExample): Promise<void> {
  const run = await runAgainstSources(folder, `line-${example.line}.mts`, example.code);
  expect(run.status, run.stderr).toBe(0);
  if (example.output === null) return;
  if (!outputMatches(example.output, run.stdout)) expect(run.stdout).toBe(example.output);
}

const places = [
  // bench depends on every package, as a reader's own project would.
  { readme: 'README.md', folder: 'packages/bench' },
  { readme: 'CONTRIBUTING.md', folder: 'packages/bench' },
  { readme: 'packages/blockcache/docs/from-lru-cache.md', folder: 'packages/blockcache' },
  ...packageNames.map((name) => ({
    readme: `packages/${name}/README.md`,
    folder: `packages/${name}`,
  })),
];

describe.each(places)('$readme', ({ readme, folder }) => {
  const examples = readExamples(readText(readme));
  test('has an example that is run', () => {
    expect(examples.length).toBeGreaterThan(0);
  });
  for (const example of examples) {
    test(`the example at line ${example.line} prints what it says`, () => check(folder, example));
  }
});

test('an example is found with its line and its output', () => {
  const text = '# t\n\n<!-- example -->\n```ts\nrun();\n```\n\n<!-- output -->\n```text\n1\n```\n';
  expect(readExamples(text)).toEqual([{ line: 5, code: 'run();\n', output: '1\n' }]);
});

test('an ellipsis in the output matches within one line only', () => {
  expect(outputMatches('took … ms\n', 'took 12.5 ms\n')).toBe(true);
  expect(outputMatches('took … ms\n', 'took 12.5 s\n')).toBe(false);
  expect(outputMatches('a…\n', 'a\nb\n')).toBe(false);
  expect(outputMatches('(1.5)\n', '(1x5)\n')).toBe(false);
});
