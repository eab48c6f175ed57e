/** Results of `hotpath peers`, one dated file for each area and day. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../package-folder.js';
import type { DatedPeers } from './page-data.js';

const NAME = /^([a-z]+)-(\d{4}-\d{2}-\d{2})\.json$/;

/** Runs that ship with this package: what is shown until there is one of one's own. */
export const shippedPeersFolder = (): string => join(packageFolder(), 'data', 'peers');

/** Keeps a run; a second one of the same day replaces the first. The path. */
export function storePeers(folder: string, run: DatedPeers): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${run.area}-${run.date}.json`);
  writeFileSync(path, `${JSON.stringify(run)}\n`);
  return path;
}

/** The last run of each area, from the first of the folders that has one; by area. */
export function lastPeers(folders: readonly string[]): DatedPeers[] {
  const last = new Map<string, DatedPeers>();
  for (const folder of folders) {
    for (const [area, name] of lastNames(folder)) {
      if (!last.has(area)) last.set(area, JSON.parse(readFileSync(join(folder, name), 'utf8')));
    }
  }
  return [...last.values()].sort((x, y) => (x.area < y.area ? -1 : 1));
}

function lastNames(folder: string): Map<string, string> {
  const names = new Map<string, string>();
  let entries: string[];
  try {
    entries = readdirSync(folder).sort();
  } catch {
    return names; // no run there yet
  }
  // Dates of equal length sort as text: the last of an area stays.
  for (const entry of entries) {
    const area = NAME.exec(entry)?.[1];
    if (area !== undefined) names.set(area, entry);
  }
  return names;
}
