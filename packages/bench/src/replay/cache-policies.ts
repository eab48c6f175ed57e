import { LruPolicy, type PolicyClass } from '@hotpath/blockcache';

/** Replacement policies by the names that the command line takes. */
export const CACHE_POLICIES: Readonly<Record<string, PolicyClass>> = {
  lru: LruPolicy,
};
