import type { ByteCount, VirtAddr } from './units.js';

/**
 * Takes what a subsystem's data structures do to the machine: loads and stores of its columns,
 * retired operations, branches. The model sends them through TLB, caches and a branch predictor, so
 * that "tree against heap" in cycles is what their memory accesses really cost. No constant stands
 * for a whole operation.
 *
 * Held as `Meter | null`, absent on the host: `if (meter !== null) meter.load(base + slot * 8)`.
 */
export interface Meter {
  /**
   * Assigns a kernel virtual range to a column of typed-array data, aligned to a cache line and
   * never reused. `name` appears in reports.
   */
  region(name: string, byteCount: ByteCount): VirtAddr;
  /** A load of at most 8 bytes at an address inside a region. */
  load(address: VirtAddr): void;
  /** A store of at most 8 bytes at an address inside a region. */
  store(address: VirtAddr): void;
  /** `count` simple operations retired (add, compare, move), loads and branches not included. */
  retire(count: number): void;
  /** A conditional branch. `site` identifies it in the source, unique within the program. */
  branch(site: number, taken: boolean): void;
}
