/**
 * Compares what each entry costs a user's bundle (all of it and of the packages it imports, minified by
 * esbuild, then gzip) with the budget in size-budget.json. `--write` sets the budget anew.
 */

import { writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { type PublicEntry, publicEntries } from './public-entries.js';
import { readText, root } from './workspace.js';

const budgetPath = 'scripts/size-budget.json';
/** A budget leaves this much room, so that a bug fix does not need a new one. */
const HEADROOM = 1.05;

type Budget = Record<string, number>;

async function gzipBytes({ module }: PublicEntry): Promise<number> {
  const result = await build({
    entryPoints: [module],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    external: ['node:*', ...builtinModules],
    logLevel: 'silent',
  });
  return gzipSync(result.outputFiles[0]!.contents, { level: 9 }).byteLength;
}

async function measure(): Promise<Budget> {
  // The command is run, not bundled.
  const entries = publicEntries().filter(({ specifier }) => specifier !== '@hotpath/bench');
  const sizes: Budget = {};
  for (const entry of entries) sizes[entry.specifier] = await gzipBytes(entry);
  return sizes;
}

function write(sizes: Budget): void {
  const budget = Object.fromEntries(
    Object.entries(sizes).map(([name, bytes]) => [name, Math.ceil((bytes * HEADROOM) / 128) * 128]),
  );
  writeFileSync(join(root, budgetPath), `${JSON.stringify(budget, null, 2)}\n`);
}

function compare(sizes: Budget, budget: Budget): string[] {
  const problems: string[] = [];
  for (const [name, bytes] of Object.entries(sizes)) {
    const most = budget[name];
    console.log(`${name.padEnd(32)} ${String(bytes).padStart(7)} of ${most ?? '?'} bytes`);
    if (most === undefined) problems.push(`${name} has no budget`);
    else if (bytes > most) problems.push(`${name} is ${bytes} bytes; its budget is ${most}`);
  }
  for (const name of Object.keys(budget)) {
    if (sizes[name] === undefined) problems.push(`the budget names ${name}, which is no entry`);
  }
  return problems;
}

const sizes = await measure();
if (process.argv.includes('--write')) write(sizes);
const problems = compare(sizes, JSON.parse(readText(budgetPath)));
for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error('make it smaller, or accept it: npm run size-budget -- --write');
  process.exitCode = 1;
}
