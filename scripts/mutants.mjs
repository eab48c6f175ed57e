/**
 * Breaks the code on purpose: applies each committed patch in packages/NAME/test/mutants/ to a copy of
 * the repository, runs the test that the patch names, and expects it to fail. A mutant that survives
 * is a test that proves nothing.
 *
 *     npm run mutants [-- WORD]        only patches whose path contains WORD
 *
 * A patch begins with two lines: `Test: FILE` and `Title: words of the test's title`.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const SKIPPED = new Set(['node_modules', 'dist', '.git', '.turbo', 'coverage', 'out']);

function findPatches(word) {
  const patches = [];
  for (const name of readdirSync(join(root, 'packages'))) {
    const folder = join(root, 'packages', name, 'test', 'mutants');
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder).sort()) {
      const path = join(folder, file);
      if (file.endsWith('.patch') && path.includes(word)) patches.push(readPatch(path));
    }
  }
  return patches;
}

function readPatch(path) {
  const text = readFileSync(path, 'utf8');
  const test = /^Test: (.+)$/m.exec(text)?.[1];
  const title = /^Title: (.+)$/m.exec(text)?.[1];
  if (test === undefined || title === undefined)
    throw new Error(`${path}: no Test: or Title: line`);
  return { path, name: relative(root, path), test, title };
}

/** A copy of the sources, with the installed packages linked. */
function copyRepository() {
  const copy = mkdtempSync(join(tmpdir(), 'hotpath-mutants-'));
  cpSync(root, copy, {
    recursive: true,
    filter: (source) => !SKIPPED.has(source.split('/').at(-1) ?? ''),
  });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const name of readdirSync(join(root, 'packages'))) {
    const modules = join(root, 'packages', name, 'node_modules');
    if (existsSync(modules))
      linkModules(copy, modules, join(copy, 'packages', name, 'node_modules'));
  }
  return copy;
}

/** Links what a package has installed; packages of this repository are those of the copy. */
function linkModules(copy, from, to) {
  mkdirSync(to);
  for (const entry of readdirSync(from)) {
    if (entry !== '@hotpath') {
      symlinkSync(realpathSync(join(from, entry)), join(to, entry));
      continue;
    }
    mkdirSync(join(to, entry));
    for (const own of readdirSync(join(from, entry)))
      symlinkSync(join(copy, 'packages', own), join(to, entry, own));
  }
}

function patch(copy, path, reverse) {
  const args = ['apply', ...(reverse ? ['-R'] : []), path];
  const { status, stderr } = spawnSync('git', args, { cwd: copy, encoding: 'utf8' });
  return status === 0 ? null : stderr.trim();
}

/** Runs the test; how many passed and failed. */
function runTest(copy, { test, title }) {
  const pattern = title.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const args = ['vitest', 'run', test, '-t', pattern, '--reporter=json'];
  const { stdout } = spawnSync('npx', args, {
    cwd: copy,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: 120_000,
    env: { ...process.env, CI: '1' },
  });
  const start = stdout.indexOf('{"');
  // A run that hangs or dies before its report did not pass.
  if (start < 0) return { passed: 0, failed: 1 };
  const report = JSON.parse(stdout.slice(start));
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numFailedTestSuites,
  };
}

const patches = findPatches(process.argv[2] ?? '');
const copy = copyRepository();
let survived = 0;
try {
  for (const mutant of patches) {
    const before = runTest(copy, mutant);
    let verdict = 'killed';
    if (before.passed === 0 || before.failed > 0) verdict = 'ITS TEST DOES NOT PASS UNCHANGED';
    else {
      const refused = patch(copy, mutant.path, false);
      if (refused !== null) verdict = `DOES NOT APPLY (${refused.split('\n')[0]})`;
      else {
        if (runTest(copy, mutant).failed === 0) verdict = 'SURVIVED';
        patch(copy, mutant.path, true);
      }
    }
    if (verdict !== 'killed') survived += 1;
    console.log(`${mutant.name}: ${verdict}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`${patches.length - survived} passed, ${survived} failed`);
process.exitCode = survived === 0 && patches.length > 0 ? 0 : 1;
