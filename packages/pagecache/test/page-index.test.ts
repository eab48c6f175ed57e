import { NIL } from '@hotpath/hw-x86';
import { describe, expect, it } from 'vitest';
import { TAG_DIRTY, TAG_PRESENT, TAG_WRITEBACK } from '../src/index-nodes.js';
import { PageIndex } from '../src/page-index.js';
import { Random } from './random.js';

describe('the index', () => {
  for (const range of [60, 5000, 3_000_000, 2 ** 32 - 1]) {
    it(`agrees with a plain map over pages below ${range}`, () => {
      const random = new Random(range);
      const index = new PageIndex(2, 8);
      const model = new Map<number, { slot: number; dirty: boolean }>();
      const pages = Array.from({ length: 80 }, () => random.next() % range);
      for (let step = 0; step < 4000; step++) {
        const page = pages[random.below(pages.length)];
        const there = model.get(page);
        switch (random.below(5)) {
          case 0:
            if (there === undefined) {
              index.insert(1, page, step);
              model.set(page, { slot: step, dirty: false });
            }
            break;
          case 1:
            if (there !== undefined) {
              index.remove(1, page, random.chance(50) ? 0 : -1 - random.below(1000));
              model.delete(page);
            }
            break;
          case 2:
            if (there !== undefined) {
              if (there.dirty) index.clearTag(1, page, TAG_DIRTY);
              else index.setTag(1, page, TAG_DIRTY);
              there.dirty = !there.dirty;
            }
            break;
          case 3:
            if (random.chance(10)) index.removeShadows(1, page, page + random.below(1000));
            break;
          default: {
            expect(Math.max(0, index.lookup(1, page))).toBe(
              there === undefined ? 0 : there.slot + 1,
            );
            const sorted = [...model.entries()].sort((a, b) => a[0] - b[0]);
            const next = sorted.find(([p]) => p >= page);
            expect(index.nextTagged(1, page, TAG_PRESENT)).toBe(next === undefined ? NIL : next[0]);
            const dirty = sorted.find(([p, v]) => p >= page && v.dirty);
            expect(index.nextTagged(1, page, TAG_DIRTY)).toBe(dirty === undefined ? NIL : dirty[0]);
            expect(index.nextTagged(1, page, TAG_WRITEBACK)).toBe(NIL);
            let hole = page;
            while (model.has(hole)) hole++;
            expect(index.nextHole(1, page)).toBe(hole);
          }
        }
        if (step % 50 === 0) index.checkInvariants();
      }
      for (const page of model.keys()) index.remove(1, page, 0);
      index.drop(1);
      index.checkInvariants();
      expect(index.presentCount).toBe(0);
      expect(index.shadowCount).toBe(0);
    });
  }
});
