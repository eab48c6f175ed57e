/** Where programs are that Node does not bring: e2fsck, chromium, fio. */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Absolute path of `program` on PATH (or in the system's sbin folders), or undefined. */
export function findTool(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const folder of [...folders, '/usr/sbin', '/sbin', '/usr/lib/chromium']) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder: look in the next.
    }
  }
  return undefined;
}

/** True where an absent tool must fail the run instead of skipping tests (CI sets it). */
export const toolsRequired = process.env['HOTPATH_REQUIRE_TOOLS'] === '1';
