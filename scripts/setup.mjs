// Installs what the repository needs, once: only Node and npm have to be on the machine.
// The stamp is equal to a hash of everything that decides what is installed, so that a second run
// does nothing.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampPath = join(root, 'node_modules', '.hotpath-setup');

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Node ${process.versions.node} is too old: Hotpath needs Node 20.19 or later`);
  process.exit(2);
}

function packageManager() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager;
}

function installHash() {
  const packages = readdirSync(join(root, 'packages'));
  const files = [
    'package.json',
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    ...packages.map((name) => join('packages', name, 'package.json')),
  ];
  const hash = createHash('sha256');
  hash.update(`${process.platform} ${process.arch} ${process.versions.modules}\n`);
  for (const file of files) {
    try {
      hash.update(`${file}\n`).update(readFileSync(join(root, file)));
    } catch {
      // A folder without package.json is not a package.
    }
  }
  return hash.digest('hex');
}

function readStamp() {
  try {
    return readFileSync(stampPath, 'utf8');
  } catch {
    return '';
  }
}

/** Runs the pinned pnpm through npx; the exit code. `quiet` shows output only when it fails. */
export function runPnpm(args, { quiet = false, env = {} } = {}) {
  const result = spawnSync('npx', ['--yes', packageManager(), ...args], {
    cwd: root,
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    shell: process.platform === 'win32',
    env: {
      ...process.env,
      npm_config_loglevel: 'error',
      TURBO_TELEMETRY_DISABLED: '1',
      TURBO_NO_UPDATE_NOTIFIER: '1',
      ...env,
    },
  });
  if (result.error) {
    console.error(`npx could not be started: ${result.error.message}; install npm beside Node`);
    return 1;
  }
  if (quiet && result.status !== 0) process.stderr.write(`${result.stdout}${result.stderr}`);
  return result.status ?? 1;
}

/** Installs with the frozen lockfile unless that has been done. Ends the process when it fails. */
export function setUp() {
  requireNode();
  const hash = installHash();
  if (readStamp() === hash) return;
  console.error('hotpath: installing the pinned tools (about a minute the first time)');
  const status = runPnpm(['install', '--frozen-lockfile'], { quiet: true });
  if (status !== 0) process.exit(status);
  mkdirSync(dirname(stampPath), { recursive: true });
  writeFileSync(stampPath, hash);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setUp();
