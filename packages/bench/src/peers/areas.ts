/** The areas of `hotpath peers`: one folder each, loaded when it is asked for. */

import type { Area } from '../harness/contestant.js';

/** Names of the areas. */
export const AREA_NAMES = ['cache', 'page', 'sched', 'alloc', 'trace', 'hw'] as const;

/** An area's name. */
export type AreaName = (typeof AREA_NAMES)[number];

const LOADERS: Readonly<Partial<Record<AreaName, () => Promise<{ area: Area<unknown> }>>>> = {
  alloc: () => import('./alloc/area.js'),
  cache: () => import('./cache/area.js'),
  sched: () => import('./sched/area.js'),
  hw: () => import('./hw/area.js'),
  page: () => import('./page/area.js'),
  trace: () => import('./trace/area.js'),
};

/** Areas that have contestants. */
export const filledAreas = AREA_NAMES.filter((name) => LOADERS[name] !== undefined);

/** An area by name, or null when nobody races in it yet. */
export async function loadArea(name: AreaName): Promise<Area<unknown> | null> {
  const load = LOADERS[name];
  return load === undefined ? null : (await load()).area;
}
