import { describe, expect, it } from 'vitest';
import { torture } from './torture.js';

const OPERATIONS = Number(process.env['HOTPATH_FSX_OPERATIONS'] ?? 2500);

describe('random reads, writes, mapped stores, truncations, punches, syncs against plain arrays', () => {
  for (const slots of [1, 2, 3, 6, 24]) {
    it(`${slots} page slots, transfers finish in any order`, () => {
      const run = torture({ seed: 100 + slots, operations: OPERATIONS, slots, cuts: 1 });
      expect(run.cutChecks).toBeGreaterThan(0);
    });
    it(`${slots} page slots, a store that finishes at once`, () => {
      torture({ seed: 200 + slots, operations: OPERATIONS, slots, async: false });
    });
    it(`${slots} page slots, one transfer in ten fails`, () => {
      const run = torture({
        seed: 300 + slots,
        operations: OPERATIONS / 2,
        slots,
        tasks: 3,
        readErrors: 10,
        writeErrors: 10,
        cuts: 1,
      });
      expect(run.errorsSeen).toBeGreaterThan(0);
    });
  }
});
