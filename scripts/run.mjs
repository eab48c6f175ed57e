// npm start | npm test | npm run check: set-up, then turbo, then a closing line that counts.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isBuilt, noteBuilt } from './build-stamp.mjs';
import { root, runPnpm, setUp } from './setup.mjs';

const resultsPath = join(root, 'out', 'test-results.json');

function turbo(tasks, { options = [], quiet = false } = {}) {
  return runPnpm(['exec', 'turbo', 'run', ...tasks, '--log-prefix=none', ...options], { quiet });
}

function node(args) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
}

const build = () => turbo(['build'], { quiet: true });
const buildAll = () => turbo(['build', 'declarations']);

function test() {
  rmSync(resultsPath, { force: true });
  // The folder's contents are no part of turbo's hash.
  const force = process.env.HOTPATH_DATA ? ['--force'] : [];
  return turbo(['//#vitest'], { options: ['--output-logs=new-only', ...force] });
}

/** Counts of the last test run, restored by turbo when it was cached. */
function testCounts() {
  if (!existsSync(resultsPath)) return { passed: 0, failed: 1, skipped: 0 };
  const results = JSON.parse(readFileSync(resultsPath, 'utf8'));
  // A file that cannot be loaded has no test in it and would go uncounted.
  const unloaded = results.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + unloaded,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

function printCounts({ passed, failed, skipped }) {
  const tail = skipped > 0 ? `, ${skipped} skipped` : '';
  console.log(`${passed} passed, ${failed} failed${tail}`);
}

function runTests() {
  const status = test();
  const counts = testCounts();
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  printCounts(counts);
  return status;
}

/** Everything that CI runs. `--after-test STATUS` takes over the results of an `npm test` just before. */
function check(args) {
  const steps = [
    ['format and lint', () => runPnpm(['run', '--silent', 'lint'])],
    ['types', () => runPnpm(['run', '--silent', 'types'])],
    ['nothing unused', () => runPnpm(['run', '--silent', 'knip'])],
    ['documentation', () => runPnpm(['run', '--silent', 'api-docs', '--emit', 'none'])],
    ['build', buildAll],
    ['API reports', () => runPnpm(['run', '--silent', 'api-report'])],
    ['size budget', () => runPnpm(['run', '--silent', 'size-budget'])],
    ['packages', () => runPnpm(['run', '--silent', 'pack-check'])],
  ];
  const testStatus = args[0] === '--after-test' ? Number(args[1]) : test();
  const counts = testCounts();
  if (testStatus !== 0 && counts.failed === 0) counts.failed = 1;
  for (const [title, run] of steps) {
    const passed = run() === 0;
    console.log(`${passed ? 'ok' : 'FAILED'}: ${title}`);
    counts[passed ? 'passed' : 'failed'] += 1;
  }
  printCounts(counts);
  return counts.failed === 0 ? 0 : 1;
}

function start(args) {
  const status = isBuilt() ? 0 : build();
  if (status === 0) noteBuilt();
  return status === 0 ? node(['packages/bench/bin/hotpath.js', 'suite', ...args]) : status;
}

/** Publishes the packages whose version the registry lacks; CI alone does so (release.yml). */
const release = () => buildAll() || runPnpm(['exec', 'changeset', 'publish']);

const commands = { start, test: runTests, check, build: buildAll, release };
const [command = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(commands, command)) {
  console.error(`unknown command '${command}': one of ${Object.keys(commands).join(', ')}`);
  process.exit(2);
}
setUp();
process.exit(commands[command](args));
