/** What users import: the entries in the packages' `exports`. */

import { join } from 'node:path';
import { packageNames, readText, root } from './workspace.js';

/** One entry of a package, with its built files. */
export interface PublicEntry {
  /** As it is imported: `@hotpath/hw-x86/model`. */
  readonly specifier: string;
  /** Folder of the package. */
  readonly folder: string;
  /** Absolute path of the built module. */
  readonly module: string;
  /** Absolute path of the built declarations. */
  readonly declarations: string;
}

interface ExportTarget {
  readonly types: string;
  readonly default: string;
}

/** The entries of every package, in the order of the diagram. Files like `./package.json` are none. */
export function publicEntries(): PublicEntry[] {
  return packageNames.flatMap((name) => {
    const folder = join(root, 'packages', name);
    const manifest = JSON.parse(readText(`packages/${name}/package.json`));
    const targets = manifest.publishConfig.exports as Record<string, ExportTarget | string>;
    return Object.entries(targets).flatMap(([path, target]) =>
      typeof target === 'string'
        ? []
        : [
            {
              specifier: `${manifest.name}${path.slice(1)}`,
              folder,
              module: join(folder, target.default),
              declarations: join(folder, target.types),
            },
          ],
    );
  });
}
