/** What is kept from the last run that was found right. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from '../command/failure.js';

/** Golden figures. */
export interface Golden {
  readonly schema: 'hotpath-gate/1';
  /** Simulated cycles by benchmark and figure. */
  readonly cycles: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Host instructions an operation by path; they belong to one version of Node. */
  readonly instructions: Readonly<Record<string, number>>;
  /** Node and architecture of the instructions; empty where none were counted. */
  readonly runtime: string;
}

/** @throws UsageError when there is none, or it is another kind of file */
export function readGolden(path: string): Golden {
  let golden: Golden;
  try {
    golden = JSON.parse(readFileSync(path, 'utf8')) as Golden;
  } catch {
    throw new UsageError(`no golden figures in '${path}'; --update writes them`);
  }
  if (golden.schema !== 'hotpath-gate/1') {
    throw new UsageError(`'${path}' is of schema '${golden.schema}'; allowed: hotpath-gate/1`);
  }
  return golden;
}

/** Keeps figures as the new golden ones. */
export function writeGolden(path: string, golden: Golden): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(golden, null, 2)}\n`);
}
