import type { TraceHook, VirtAddr } from '@hotpath/hw-x86';
import type { PageAllocator } from './page-allocator.js';
import type { SlabGeometry } from './slab-geometry.js';
import type { SlabTable } from './slab-table.js';

/** What the lists of a cache are made from. */
export interface SlabListsOptions {
  readonly table: SlabTable;
  readonly pages: PageAllocator;
  readonly geometry: SlabGeometry;
  readonly cacheId: number;
  readonly minEmpty: number;
  /** Slots can wait where a filling magazine does not see them: other CPUs', quarantine. */
  readonly needsOut: boolean;
  readonly trace: TraceHook | null;
  /** Region of the cache's own fields, 64 bytes. */
  readonly fieldsBase: VirtAddr;
}
