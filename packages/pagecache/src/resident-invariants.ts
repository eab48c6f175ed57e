import { assert, NIL } from '@hotpath/hw-x86';
import { ACTIVE, DIRTY, KEPT, LOCKED, UPTODATE, WRITEBACK } from './flags.js';
import { TAG_DIRTY, TAG_WRITEBACK } from './index-nodes.js';
import type { ResidentPages } from './resident-pages.js';

/** Throws InvariantError if columns, lists, index and counts contradict each other. O(slots). */
export function checkResidents(residents: ResidentPages): void {
  const { columns, index, files, lists } = residents;
  let dirty = 0;
  let writeback = 0;
  let used = 0;
  let kept = 0;
  let indexed = 0;
  for (let slot = 0; slot < columns.slotLimit; slot++) {
    const file = columns.file[slot];
    const state = columns.flags[slot];
    assert(columns.holds[slot] <= columns.pins[slot], 'a page is held without a pin');
    if (columns.frame[slot] === NIL) {
      assert(columns.pins[slot] === 0 && file === NIL, 'a free slot is in use');
      continue;
    }
    used++;
    if (file === NIL) {
      assert(columns.pins[slot] > 0, 'an orphan has no pin');
      assert(columns.mapCount[slot] === 0, 'an orphan is mapped');
      continue;
    }
    indexed++;
    assert(files.used[file] === 1, 'a page belongs to no file');
    assert(
      residents.lookup(file, columns.page[slot]) === slot,
      'a page is not where its slot says',
    );
    assert((state & UPTODATE) !== 0 || (state & DIRTY) === 0, 'a dirty page is not up to date');
    assert((state & UPTODATE) === 0 || (state & LOCKED) === 0, 'a locked page is up to date');
    if ((state & DIRTY) !== 0) dirty++;
    if ((state & WRITEBACK) !== 0) writeback++;
    if ((state & KEPT) !== 0) {
      kept++;
      assert(columns.holds[slot] > 0 && (state & DIRTY) === 0, 'a kept page is not held');
    }
    const page = columns.page[slot];
    const tagged = index.nextTagged(file, page, TAG_DIRTY) === page;
    assert(tagged === ((state & DIRTY) !== 0), 'a dirty tag is wrong');
    const writing = index.nextTagged(file, page, TAG_WRITEBACK) === page;
    assert(writing === ((state & WRITEBACK) !== 0), 'a write-back tag is wrong');
  }
  assert(used === columns.usedCount, 'used slots are miscounted');
  assert(dirty === residents.dirtyCount, 'dirty pages are miscounted');
  assert(writeback === residents.writebackCount, 'pages under write-back are miscounted');
  assert(indexed === index.presentCount, 'pages are missing from the index');
  assert(kept === residents.keptCount, 'kept pages are miscounted');
  const listed = lists.inactiveCount + lists.activeCount;
  assert(indexed === listed + kept, 'pages are missing from the lists');
  index.checkInvariants();
  lists.checkInvariants((slot) => (columns.flags[slot] & ACTIVE) !== 0);
}
