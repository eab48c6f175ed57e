import { PTE_USER, PTE_WRITE } from '../architecture.js';
import { FLAG_NO_EXECUTE } from './access-rights.js';
import { offsetIn } from './page-size.js';
import type { PageWalk } from './page-walk.js';
import { StaleTranslationError } from './stale-translation.js';
import type { TlbBank } from './tlb-bank.js';
import { FLAG_SMASHED } from './tlb-set.js';

/**
 * Strict mode: compares a TLB entry that is about to be used with the tables as they are now.
 * Rights that grew since, and bits that software or the walker may change, are no staleness.
 * @throws StaleTranslationError with the address and both values
 */
export function checkFresh(
  walk: PageWalk,
  low: number,
  high: number,
  bank: TlbBank,
  slot: number,
): void {
  const present = walk.inspect(low, high);
  const flags = bank.flagsOf(slot);
  const lost = flags & ~walk.flags & (PTE_WRITE | PTE_USER);
  const sealed = (walk.flags & ~flags & FLAG_NO_EXECUTE) !== 0;
  const size = (flags & FLAG_SMASHED) !== 0 ? walk.size : bank.sizeOf(slot);
  const moved =
    present &&
    walk.frame + offsetIn(low, walk.size) !== bank.frame[slot] + offsetIn(low, bank.sizeOf(slot));
  if (present && lost === 0 && !sealed && !moved && size === walk.size) return;
  throw new StaleTranslationError(
    high * 2 ** 32 + (low >>> 0),
    entryValue(bank.entryLow[slot], bank.entryHigh[slot]),
    entryValue(walk.leafLow, walk.leafHigh),
  );
}

function entryValue(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
