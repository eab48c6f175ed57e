import type { ByteCount } from '@hotpath/hw-x86';
import type { ObjectMemory } from './slab-allocator.js';
import type { SlabDamage, SlabReport } from './slab-debug.js';

/** What a report says beside the bytes. */
export interface SpanOwner {
  readonly cache: string;
  readonly damage: SlabDamage;
  readonly address: number;
  readonly site: string | null;
}

/**
 * Checks that a span of memory holds one byte throughout. Damage is one report, however many bytes
 * it has, and is repaired, so that the next check starts clean.
 */
export function checkSpan(
  memory: ObjectMemory,
  from: number,
  byteCount: ByteCount,
  expected: number,
  owner: SpanOwner,
  reports: SlabReport[],
): void {
  for (let at = from; at < from + byteCount; at += 1) {
    const found = memory.load8(at);
    if (found === expected) continue;
    reports.push({ ...owner, at, expected, found, repaired: true });
    memory.fill(from, byteCount, expected);
    return;
  }
}
