import { PAGE_BYTES } from '@hotpath/hw-x86';
import type { SlabAllocator } from './slab-allocator.js';
import type { SlabCache } from './slab-cache.js';
import type { SlabDamage, SlabReport } from './slab-debug.js';

/** Result of `validateCache`. */
export interface Validation {
  /**
   * Findings and repairs, counted as Linux counts slab errors: a damaged and repaired object is 2.
   */
  readonly errors: number;
  readonly reports: readonly SlabReport[];
}

/**
 * Checks every slab and every object of a cache, and repairs what it can (Linux mm/slub.c,
 * validate_slab_cache): red zones and poison where the cache has them; that no slot is both handed
 * out and free, that none is lost, that the count of each slab is that of its map. Findings of
 * allocations and frees since the last validation are included. O(slots).
 */
export function validateCache(slabs: SlabAllocator, cache: SlabCache): Validation {
  const { debugging } = cache;
  const reports = debugging === null ? [] : debugging.takeReports();
  const waiting = new Set<number>();
  cache.forEachWaiting((offset) => waiting.add(offset));
  cache.lists.forEachSlab((head) => {
    validateSlab(slabs, cache, head, waiting, reports);
  });
  if (debugging !== null) debugging.inspectGuards(reports);
  let errors = 0;
  for (const report of reports) errors += report.repaired ? 2 : 1;
  return { errors, reports };
}

function validateSlab(
  slabs: SlabAllocator,
  cache: SlabCache,
  head: number,
  waiting: ReadonlySet<number>,
  reports: SlabReport[],
): void {
  const { objectCount, stride } = cache.geometry;
  const { table, base } = slabs;
  const first = cache.lists.firstOf(head);
  const note = (
    damage: SlabDamage,
    at: number,
    expected: number,
    found: number,
    repaired: boolean,
  ) =>
    reports.push({
      cache: cache.name,
      damage,
      address: at,
      at,
      expected,
      found,
      site: null,
      repaired,
    });
  let available = 0;
  let lost = 0;
  for (let slot = 0; slot < objectCount; slot += 1) {
    const offset = first + slot * stride;
    const inUse = table.isUsed(offset);
    const isWaiting = waiting.has(offset);
    const isAvailable = cache.lists.isAvailable(offset, isWaiting);
    if (isAvailable) available += 1;
    if (Number(inUse) + Number(isAvailable) + Number(isWaiting) > 1) {
      note('two states', base + offset, 1, 2, false);
    }
    if (!inUse && !isAvailable && !isWaiting) lost += 1;
    if (cache.debugging !== null) cache.debugging.inspect(base + offset, inUse, reports);
  }
  const address = base + head * PAGE_BYTES;
  if (lost > 0) note('lost slot', address, 0, lost, false);
  const counted = table.available[head];
  if (counted !== available) {
    cache.lists.correctCount(head, available);
    note('count', address, available, counted, true);
  }
}
