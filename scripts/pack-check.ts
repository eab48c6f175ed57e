/**
 * Packs every package, lets publint and attw judge each tarball, installs all of them in an empty project
 * outside the workspace, and compiles and runs the README examples there, as a user would.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { outputMatches, readExamples } from './readme-examples.js';
import { findTool, toolsRequired } from './testing/find-tool.js';
import { packageNames, readText, root } from './workspace.js';

const problems: string[] = [];
const packFolder = join(root, 'out', 'pack');
const { packageManager } = JSON.parse(readText('package.json')) as { packageManager: string };

interface Tarball {
  readonly name: string;
  readonly path: string;
}

function pack(): Tarball[] {
  rmSync(packFolder, { recursive: true, force: true });
  mkdirSync(packFolder, { recursive: true });
  return packageNames.map((name) => {
    const before = new Set(readdirSync(packFolder));
    execFileSync('npx', ['--yes', packageManager, 'pack', '--pack-destination', packFolder], {
      cwd: join(root, 'packages', name),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const file = readdirSync(packFolder).find((entry) => !before.has(entry))!;
    return { name, path: join(packFolder, file) };
  });
}

async function lint({ name, path }: Tarball): Promise<void> {
  const bytes = readFileSync(path);
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  for (const message of messages) {
    problems.push(`publint: ${name}: ${formatMessage(message, pkg, { color: false })}`);
  }
}

/** attw's view: types and code of each entry agree for Node's ESM and for bundlers. */
function resolveTypes({ name, path }: Tarball): void {
  const command = join(root, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
  const options = ['--profile', 'esm-only', '--no-emoji', '--format', 'ascii'];
  const { ok, output } = run(process.execPath, [command, path, ...options], root);
  // A package without any declarations is right in attw's eyes.
  if (!ok || /does not contain types/i.test(output)) problems.push(`attw: ${name}:\n${output}`);
}

function run(command: string, args: string[], cwd: string): { ok: boolean; output: string } {
  const env = { ...process.env, npm_config_loglevel: 'error', NODE_OPTIONS: '' };
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', env });
  return { ok: result.status === 0, output: `${result.stdout}${result.stderr}` };
}

function install(folder: string, tarballs: readonly Tarball[]): boolean {
  writeFileSync(
    join(folder, 'package.json'),
    '{ "name": "outsider", "private": true, "type": "module" }\n',
  );
  const paths = tarballs.map(({ path }) => path);
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', ...paths];
  const { ok, output } = run('npm', args, folder);
  if (!ok) problems.push(`npm install of the tarballs failed: ${output}`);
  return ok;
}

/** Compiles the examples against the packed declarations; the names of the files. */
function compile(folder: string): Map<string, string | null> {
  const outputs = new Map<string, string | null>();
  for (const name of packageNames) {
    for (const { line, code, output } of readExamples(readText(`packages/${name}/README.md`))) {
      writeFileSync(join(folder, `${name}-${line}.ts`), code);
      outputs.set(`${name}-${line}`, output);
    }
  }
  const options = {
    compilerOptions: {
      ...{ module: 'nodenext', target: 'es2022', lib: ['es2023'], strict: true },
      ...{ types: ['node'], typeRoots: [join(root, 'node_modules', '@types')], outDir: '.' },
    },
    include: ['*.ts'],
    exclude: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { ok, output } = run(process.execPath, [compiler, '-p', '.'], folder);
  if (!ok) problems.push(`the examples do not compile against the packages:\n${output}`);
  return outputs;
}

function runExamples(folder: string, outputs: ReadonlyMap<string, string | null>): void {
  for (const [file, claimed] of outputs) {
    const { ok, output } = run(process.execPath, [`${file}.js`], folder);
    if (!ok) problems.push(`example ${file} failed:\n${output}`);
    else if (claimed !== null && !outputMatches(claimed, output)) {
      problems.push(`example ${file} printed\n${output}instead of\n${claimed}`);
    }
  }
}

/** The command as packed, and the page that it writes, which tests see only as built from sources. */
async function runCommand(folder: string): Promise<void> {
  for (const args of [['--help'], ['suite', '--out', 'out']]) {
    const { ok, output } = run('npx', ['--no-install', 'hotpath', ...args], folder);
    if (!ok) problems.push(`npx hotpath ${args.join(' ')} failed:\n${output}`);
  }
  const browserPath = findTool('chromium');
  if (browserPath === undefined) {
    console.log('chromium is not installed: the packed report is not opened');
    if (toolsRequired) problems.push('chromium is not installed, and HOTPATH_REQUIRE_TOOLS=1');
    return;
  }
  await openReport(browserPath, pathToFileURL(join(folder, 'out', 'report.html')).href);
}

async function openReport(executablePath: string, url: string): Promise<void> {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(`the packed report: ${error}`));
    await page.goto(url);
    await page.waitForSelector('html[data-ready="true"]', { timeout: 20_000 });
    const plots = await page.locator('canvas').count();
    if (plots < 4) problems.push(`the packed report has ${plots} plots, at least 4 expected`);
  } catch (error) {
    problems.push(`the packed report does not open: ${error}`);
  } finally {
    await browser.close();
  }
}

async function main(): Promise<void> {
  const tarballs = pack();
  for (const tarball of tarballs) {
    await lint(tarball);
    resolveTypes(tarball);
  }
  const folder = mkdtempSync(join(tmpdir(), 'hotpath-outsider-'));
  try {
    if (install(folder, tarballs)) {
      runExamples(folder, compile(folder));
      await runCommand(folder);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const problem of problems) console.error(problem);
  const verdict = problems.length === 0 ? 'install and run' : `${problems.length} problems`;
  console.log(`${tarballs.length} packages packed, linted and tried outside: ${verdict}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

await main();
