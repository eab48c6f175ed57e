import type { VirtAddr } from '../units.js';

/**
 * Strict mode: a TLB entry was used whose page-table entry has changed since, that is, an INVLPG
 * (or a shootdown of this CPU) is missing. Thrown at the access that used it.
 */
export class StaleTranslationError extends Error {
  override readonly name = 'StaleTranslationError';
  readonly code = 'ERR_STALE_TRANSLATION';
  /** The address that was accessed. */
  readonly address: VirtAddr;
  /** The leaf entry that the TLB holds. */
  readonly cached: bigint;
  /** What the tables hold now: the leaf, or the entry at which a walk would stop. */
  readonly current: bigint;

  constructor(address: VirtAddr, cached: bigint, current: bigint) {
    super(
      `stale TLB entry used at ${formatAddress(address)}: the TLB has 0x${cached.toString(16)}, ` +
        `the tables have 0x${current.toString(16)}; an INVLPG or shootdown is missing`,
    );
    this.address = address;
    this.cached = cached;
    this.current = current;
  }
}

/** A virtual address as manuals write it: 16 hexadecimal digits. */
export function formatAddress(address: VirtAddr): string {
  return `0x${BigInt.asUintN(64, BigInt(address)).toString(16).padStart(16, '0')}`;
}
