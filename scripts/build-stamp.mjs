// Whether what lies in the dist folders was built from the sources as they are now: a hash of every
// file that the build reads. Saves `npm start` from starting pnpm and turbo only to hear "cached".

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const stampPath = join(root, 'node_modules', '.hotpath-build');

function packageFolders() {
  return readdirSync(join(root, 'packages')).map((name) => join('packages', name));
}

function sourceFiles() {
  const files = [
    'pnpm-lock.yaml',
    'tsconfig.base.json',
    'tsconfig.json',
    'scripts/package-build.ts',
  ];
  for (const folder of packageFolders()) {
    files.push(join(folder, 'package.json'), join(folder, 'tsup.config.ts'));
    const sources = readdirSync(join(root, folder, 'src'), {
      recursive: true,
      withFileTypes: true,
    });
    for (const entry of sources) {
      if (entry.isFile()) files.push(join(entry.parentPath ?? entry.path, entry.name));
    }
  }
  return files.sort();
}

function sourceHash() {
  const hash = createHash('sha256');
  for (const file of sourceFiles()) {
    const path = file.startsWith(root) ? file : join(root, file);
    hash.update(`${file}\n`);
    if (existsSync(path)) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** True when every package has its JavaScript, built from these sources. */
export function isBuilt() {
  const complete = packageFolders().every((folder) =>
    existsSync(join(root, folder, 'dist', 'index.js')),
  );
  return complete && existsSync(stampPath) && readFileSync(stampPath, 'utf8') === sourceHash();
}

/** Notes that the dist folders belong to these sources. */
export function noteBuilt() {
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(stampPath, sourceHash());
}
