/**
 * Tries the packed packages elsewhere: the README examples on other versions of Node and on Bun, and
 * the declarations with other compilers. Prints a table. Needs `npm run pack-check` before (it leaves
 * the tarballs in out/pack) and a package registry.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicEntries } from './public-entries.js';
import { outputMatches, readExamples } from './readme-examples.js';
import { packageNames, readText, root } from './workspace.js';

const RUNTIMES = ['node@20', 'node@22', 'node@24', 'node@26', 'bun@1.4.5'];
const COMPILERS = ['5.7', '5.9', '6.0', '7.0'];

interface Run {
  readonly ok: boolean;
  readonly output: string;
}

function run(command: string, args: readonly string[], cwd: string): Run {
  const env = { ...process.env, npm_config_loglevel: 'error', NODE_OPTIONS: '' };
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', env });
  return { ok: result.status === 0, output: `${result.stdout}${result.stderr}` };
}

function must(command: string, args: readonly string[], cwd: string): string {
  const { ok, output } = run(command, args, cwd);
  if (!ok) throw new Error(`${command} ${args.join(' ')} failed:\n${output}`);
  return output;
}

interface Example {
  readonly file: string;
  readonly output: string | null;
}

/** An empty project with the tarballs, and the examples of the READMEs as JavaScript. */
function prepare(folder: string): Example[] {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const pack = join(root, 'out', 'pack');
  if (!existsSync(pack)) {
    console.error(
      'out/pack is missing: `npm run pack-check` makes the tarballs that are tried here',
    );
    process.exit(2);
  }
  const tarballs = readdirSync(pack).map((file) => join(pack, file));
  const tools = ['typescript@6.0.3', '@types/node@20'];
  must('npm', ['install', '--no-audit', '--no-fund', ...tools, ...tarballs], folder);
  const examples: Example[] = [];
  for (const name of packageNames) {
    for (const { line, code, output } of readExamples(readText(`packages/${name}/README.md`))) {
      writeFileSync(join(folder, `${name}-${line}.ts`), code);
      examples.push({ file: `${name}-${line}.js`, output });
    }
  }
  const options = ['--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023', '--strict'];
  const files = examples.map(({ file }) => file.replace(/js$/, 'ts'));
  must('npx', ['--no-install', 'tsc', ...options, '--types', 'node', ...files], folder);
  return examples;
}

/** The runtime of an npm package, installed apart. */
function install(folder: string, spec: string): string {
  const place = join(folder, 'tools', spec);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'package.json'), '{ "private": true }\n');
  must('npm', ['install', '--no-audit', '--no-fund', spec], place);
  return join(place, 'node_modules', '.bin');
}

function tryRuntime(folder: string, spec: string, examples: readonly Example[]): string {
  const program = join(install(folder, spec), spec.split('@')[0]!);
  const version = must(program, ['--version'], folder).trim();
  const failed: string[] = [];
  for (const { file, output } of examples) {
    const result = run(program, [file], folder);
    const right = result.ok && (output === null || outputMatches(output, result.output));
    if (!right) failed.push(file);
  }
  return row(`${spec.split('@')[0]} ${version}`, failed, `${examples.length} README examples`);
}

function tryCompiler(folder: string, version: string): string {
  const bin = join(install(folder, `typescript@${version}`), 'tsc');
  const entries = publicEntries().map(({ specifier }) => specifier);
  const text = entries.map((name, at) => `export * as e${at} from '${name}';\n`).join('');
  writeFileSync(join(folder, 'consumer.ts'), text);
  const options = ['--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023', '--strict'];
  const result = run(
    bin,
    [...options, '--types', 'node', '--skipLibCheck', 'false', '--noEmit', 'consumer.ts'],
    folder,
  );
  const errors = result.output.match(/^.*error TS.*$/gm) ?? [];
  const failed = result.ok ? [] : [`${errors.length} errors, first: ${errors[0]}`];
  const found = must(bin, ['--version'], folder).replace('Version', '').trim();
  return row(`TypeScript ${found}`, failed, `declarations of ${entries.length} entries`);
}

function row(name: string, failed: readonly string[], what: string): string {
  if (failed.length > 0) process.exitCode = 1;
  return `| ${name} | ${what} | ${failed.length === 0 ? 'pass' : `FAIL: ${failed.join(', ')}`} |`;
}

const folder = mkdtempSync(join(tmpdir(), 'hotpath-matrix-'));
try {
  const examples = prepare(folder);
  console.log('| version | tried | result |\n|---|---|---|');
  for (const spec of RUNTIMES) console.log(tryRuntime(folder, spec, examples));
  for (const version of COMPILERS) console.log(tryCompiler(folder, version));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
