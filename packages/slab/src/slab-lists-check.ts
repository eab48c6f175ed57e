import { assert } from '@hotpath/hw-x86';
import type { Buddy } from './buddy.js';
import type { SlabLists } from './slab-lists.js';
import type { SlabTable } from './slab-table.js';

/**
 * Walks the lists and maps of a cache; throws InvariantError. O(pages): for tests.
 * @param waiting - slots of the cache in magazines
 */
export function checkLists(
  lists: SlabLists,
  table: SlabTable,
  buddy: Buddy,
  waiting: number,
): void {
  const { geometry, cacheId, marksOut } = lists;
  const { objectCount } = geometry;
  const listed = [0, 0];
  for (let kind = 0; kind < 2; kind += 1) {
    let previous = 0;
    let at = kind === 0 ? lists.partial : lists.empty;
    for (; at !== 0; at = buddy.link[2 * (at - 1)]) {
      const inSlab = table.available[at - 1];
      assert(table.ownerOf(at - 1) === cacheId, "a listed slab is this cache's");
      assert(buddy.link[2 * (at - 1) + 1] === previous, 'previous points back');
      if (kind === 0) assert(inSlab > 0 && inSlab < objectCount, 'a partial slab is partial');
      else assert(inSlab === objectCount, 'an empty slab is empty');
      previous = at;
      listed[kind] += 1;
    }
  }
  assert(listed[1] === lists.emptyCount, 'the count of empty slabs is that of the list');
  let slabs = 0;
  let partial = 0;
  let available = 0;
  let free = 0;
  lists.forEachSlab((head) => {
    const inSlab = table.available[head];
    const bits = lists.countAvailable(head);
    const exact = marksOut || waiting === 0;
    assert(exact ? bits === inSlab : bits >= inSlab, 'the count of a slab is that of its bits');
    slabs += 1;
    free += bits;
    available += inSlab;
    if (inSlab > 0 && inSlab < objectCount) partial += 1;
  });
  assert(slabs === lists.slabCount, 'every slab is counted');
  assert(available === lists.availableObjects, 'available objects are those of the slabs');
  assert(
    free === available + (marksOut ? 0 : waiting),
    'a free slot lies in its slab or in a magazine',
  );
  assert(partial === listed[0], 'every partial slab is listed');
}
