/** Host instructions an operation, counted by callgrind: noise does not reach them. */
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../command/failure.js';
import { modulePath } from '../harness/runner.js';
import { runsFromSource } from '../package-folder.js';
import type { HotPath } from './hot-paths.js';

/** The compiler off, one thread, no randomness: the same instructions each time (to about 1e-6). */
const NODE_FLAGS = [
  ...['--jitless', '--predictable', '--single-threaded', '--hash-seed=1', '--random-seed=1'],
];
const ROUNDS = [1, 3] as const;

/** True where valgrind can be run. */
export function hasCallgrind(): boolean {
  return spawnSync('valgrind', ['--version']).status === 0;
}

/**
 * Instructions that one operation of the path executes in V8's interpreter.
 * @throws UsageError without valgrind or from sources; Error when the path fails
 */
export function instructionsOf(path: HotPath): number {
  if (runsFromSource) throw new UsageError('instructions are counted in the build: npm run build');
  const [few, many] = ROUNDS.map((rounds) => count(path, rounds));
  return (many!.instructions - few!.instructions) / (ROUNDS[1] - ROUNDS[0]) / few!.operations;
}

function count(path: HotPath, rounds: number): { instructions: number; operations: number } {
  const module = pathToFileURL(modulePath(path.module)).href;
  const probe = [modulePath('gate/probe'), module, JSON.stringify(path.parameters), `${rounds}`];
  const { error, status, stderr, stdout } = spawnSync(
    'valgrind',
    [
      '--tool=callgrind',
      '--callgrind-out-file=/dev/null',
      process.execPath,
      ...NODE_FLAGS,
      ...probe,
    ],
    // An address space laid out anew each time would move hash tables of the runtime.
    { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', NODE_OPTIONS: '' }, cwd: '/' },
  );
  if (error !== undefined)
    throw new UsageError('valgrind is not installed; allowed: --cycles-only');
  const collected = /Collected : (\d+)/.exec(stderr);
  if (status !== 0 || collected === null) {
    throw new Error(`${path.name} failed under callgrind: ${stderr.trim().split('\n').at(-1)}`);
  }
  const { operations } = JSON.parse(stdout) as { operations: number };
  return { instructions: Number(collected[1]), operations };
}
