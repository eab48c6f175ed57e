/** Valgrind's cachegrind on data/native/cachegrind-work.c, compiled by the machine's compiler. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contestant } from '../../harness/contestant.js';
import { packageFolder } from '../../package-folder.js';
import { D1, type HwWorkload, I1, LL } from './work.js';

export const contestant: Contestant<HwWorkload> = {
  name: 'cachegrind (valgrind)',
  semantics: 'caches alone; the time holds the start of its process, the last fact does not',
  prepare(workload) {
    if (workload.kind !== 'program') throw new Error('cachegrind runs programs alone');
    const folder = mkdtempSync(join(tmpdir(), 'hotpath-cachegrind-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const program = join(folder, 'work');
    const source = join(packageFolder(), 'data', 'native', 'cachegrind-work.c');
    const built = spawnSync('gcc', ['-O2', '-static', '-o', program, source], { encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`gcc could not build the program: ${built.stderr}`);
    const empty = references(cachegrind(program, 0));
    const operationCount = references(cachegrind(program, workload.rounds)) - empty;
    let least = Number.POSITIVE_INFINITY;
    const starts = [1, 2, 3].map(() => timed(() => cachegrind(program, 0)));
    return {
      operationCount,
      run() {
        least = Math.min(
          least,
          timed(() => cachegrind(program, workload.rounds)),
        );
        return operationCount % 1_000_003;
      },
      facts: () => ({
        'M references/s without process start':
          operationCount / (least - Math.min(...starts)) / 1e6,
      }),
    };
  },
};

function timed(work: () => void): number {
  const begin = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - begin) / 1e9;
}

function cachegrind(program: string, rounds: number): string {
  const options = ['--tool=cachegrind', '--cache-sim=yes', '--cachegrind-out-file=/dev/null'];
  const caches = [`--I1=${I1.join()}`, `--D1=${D1.join()}`, `--LL=${LL.join()}`];
  const run = spawnSync('valgrind', [...options, ...caches, program, String(rounds)], {
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`cachegrind failed: ${run.stderr}`);
  return run.stderr;
}

/** Instruction and data references that cachegrind says it saw. */
function references(report: string): number {
  const count = (label: string): number => {
    const found = new RegExp(`${label}\\s+refs:\\s+([\\d,]+)`).exec(report);
    if (found === null) throw new Error(`cachegrind reported no ${label} references`);
    return Number(found[1]!.replaceAll(',', ''));
  };
  return count('I') + count('D');
}
