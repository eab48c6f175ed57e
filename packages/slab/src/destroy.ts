import { ArgumentError, assert, NIL } from '@hotpath/hw-x86';
import type { SlabCache } from './slab-cache.js';
import type { ObjectChecks } from './slab-debug.js';

/** What `SlabAllocator.destroyCache` found. */
export interface LeakReport {
  /** Objects still handed out; 0: the cache is gone. */
  readonly objectCount: number;
  /** The first 100 of them. */
  readonly addresses: readonly number[];
  /** How many each allocation site has, where sites are remembered. */
  readonly sites: ReadonlyMap<string, number>;
}

/** Walks what is handed out of a cache. O(pages). */
export function leaksOf(cache: SlabCache): LeakReport {
  const addresses: number[] = [];
  const sites = new Map<string, number>();
  let objectCount = 0;
  cache.forEachLive((address) => {
    objectCount += 1;
    if (addresses.length < 100) addresses.push(address);
    const site = cache.debugging === null ? null : cache.debugging.siteOf(address);
    if (site !== null) sites.set(site, (sites.get(site) ?? 0) + 1);
  });
  assert(objectCount === cache.liveObjects, 'as many objects are marked as are counted');
  return { objectCount, addresses, sites };
}

/** Stands in a destroyed cache's way: every allocation is refused, and no page is its own. */
export class DestroyedCache implements ObjectChecks {
  readonly delayedCount = 0;
  readonly substituteCount = 0;
  private readonly cacheName: string;

  constructor(cacheName: string) {
    this.cacheName = cacheName;
  }

  mayAllocate(): boolean {
    throw new ArgumentError('ERR_DESTROYED', `cache ${this.cacheName} was destroyed`);
  }

  substitute(): number {
    return NIL;
  }

  allocated(): void {}

  freed(): void {}

  freeSubstitute(): boolean {
    return false;
  }

  delay(offset: number): number {
    return offset;
  }

  drain(): void {}

  siteOf(): null {
    return null;
  }

  forEachSubstitute(): void {}

  forEachDelayed(): void {}

  takeReports(): [] {
    return [];
  }

  inspect(): void {}

  inspectGuards(): void {}
}
