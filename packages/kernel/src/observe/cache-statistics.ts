/** What the caches between a program and the disk, and the TLBs, have counted. */
import type { BlockCache } from '@hotpath/blockcache';
import {
  DTLB_LOAD_STLB_HITS,
  DTLB_LOAD_WALKS,
  DTLB_STORE_STLB_HITS,
  DTLB_STORE_WALKS,
  INSTRUCTIONS,
  ITLB_STLB_HITS,
  ITLB_WALKS,
  SHOOTDOWNS,
  WALK_CYCLES,
} from '@hotpath/hw-x86';
import type { PageCache } from '@hotpath/pagecache';

/** One cache of pages or blocks. */
export interface CacheCounts {
  readonly name: 'page cache' | 'block cache';
  /** Pages or blocks in it now, and of them those that the disk does not have yet. */
  readonly resident: number;
  readonly dirty: number;
  readonly hits: number;
  readonly misses: number;
  /** Pages or blocks brought in and written out since boot. */
  readonly read: number;
  readonly written: number;
  readonly evicted: number;
}

/** One processor's TLBs; all 0 in flat mode, where they are not modelled. */
export interface TlbCounts {
  readonly cpu: number;
  readonly instructions: number;
  /** Accesses that missed the first level and hit the second. */
  readonly loadSecondHits: number;
  readonly storeSecondHits: number;
  readonly fetchSecondHits: number;
  /** Accesses that walked the page tables. */
  readonly loadWalks: number;
  readonly storeWalks: number;
  readonly fetchWalks: number;
  readonly walkCycles: number;
  /** Requests of other processors to flush. */
  readonly shootdowns: number;
}

/** All of them. */
export interface CacheStatistics {
  readonly caches: readonly CacheCounts[];
  readonly tlbs: readonly TlbCounts[];
}

/** Reads the counters of caches and processors. */
export function cacheStatistics(
  pageCache: PageCache,
  blocks: BlockCache,
  cpus: readonly { readonly id: number; readonly cells: Float64Array }[],
): CacheStatistics {
  const pages = pageCache.counters;
  const block = blocks.statistics();
  return {
    caches: [
      {
        name: 'page cache',
        resident: pageCache.pageCount,
        dirty: pageCache.dirtyCount,
        hits: pages.hits,
        misses: pages.misses,
        read: pages.pagesRead,
        written: pages.pagesWritten,
        evicted: pages.evictions,
      },
      {
        name: 'block cache',
        resident: block.size,
        dirty: block.dirty,
        hits: block.hits,
        misses: block.misses,
        read: block.blocksRead,
        written: block.blocksWritten,
        evicted: block.evictions,
      },
    ],
    tlbs: cpus.map(({ cells, id }) => ({
      cpu: id,
      instructions: Math.floor(cells[INSTRUCTIONS]),
      loadSecondHits: cells[DTLB_LOAD_STLB_HITS],
      storeSecondHits: cells[DTLB_STORE_STLB_HITS],
      fetchSecondHits: cells[ITLB_STLB_HITS],
      loadWalks: cells[DTLB_LOAD_WALKS],
      storeWalks: cells[DTLB_STORE_WALKS],
      fetchWalks: cells[ITLB_WALKS],
      walkCycles: cells[WALK_CYCLES],
      shootdowns: cells[SHOOTDOWNS],
    })),
  };
}
