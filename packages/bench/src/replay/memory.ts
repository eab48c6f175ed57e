import { LruPolicy, type SlotMap, slotMapClass } from '@hotpath/blockcache';
import { ArgumentError } from '@hotpath/hw-x86';
import {
  CacheSimulator,
  type CacheSimulatorCounts,
  type CacheSimulatorOptions,
} from '@hotpath/hw-x86/model';
import { type MemoryTrace, REF_INSTRUCTION, REF_STORE } from '../traces/memory-trace.js';

/** Look-ups of a TLB: one for each page that a reference touches. */
export interface TlbCounts {
  readonly lookups: number;
  readonly misses: number;
}

/** Counts of separate instruction and data TLBs, and of one for both. */
export interface TlbReplay {
  readonly I: TlbCounts;
  readonly D: TlbCounts;
  readonly unified: TlbCounts;
}

/**
 * Sends every reference through two levels of cache by cachegrind's rules. A modify counts once, as
 * a read. Exact.
 * @throws ArgumentError ERR_GEOMETRY
 */
export function replayCaches(
  { referenceCount, kind, address, size }: MemoryTrace,
  geometry: CacheSimulatorOptions,
): CacheSimulatorCounts {
  const caches = new CacheSimulator(geometry);
  for (let index = 0; index < referenceCount; index++) {
    const of = kind[index];
    if (of === REF_INSTRUCTION) caches.fetch(address[index], size[index]);
    else if (of === REF_STORE) caches.store(address[index], size[index]);
    else caches.load(address[index], size[index]);
  }
  return caches.counts();
}

const LruTlb = slotMapClass(LruPolicy);

/** A TLB that any entry may be anywhere in, with LRU replacement. */
class AssociativeTlb {
  lookups = 0;
  misses = 0;
  private readonly pages: SlotMap;

  constructor(entries: number) {
    this.pages = new LruTlb(entries);
  }

  lookUp(page: number): void {
    this.lookups++;
    this.pages.getOrInsert(page);
    if (!this.pages.hit) this.misses++;
  }

  counts(): TlbCounts {
    return { lookups: this.lookups, misses: this.misses };
  }
}

/**
 * Sends every reference through fully associative LRU TLBs. Exact.
 * @param entries - of each TLB, 1 or more
 * @param pageBytes - a power of two
 * @throws ArgumentError ERR_PAGE_BYTES, ERR_CAPACITY
 */
export function replayTlb(trace: MemoryTrace, entries: number, pageBytes: number): TlbReplay {
  if (!Number.isSafeInteger(pageBytes) || pageBytes < 1) {
    throw new ArgumentError('ERR_PAGE_BYTES', `page is ${pageBytes}; allowed: a power of two`);
  }
  const instructions = new AssociativeTlb(entries);
  const data = new AssociativeTlb(entries);
  const unified = new AssociativeTlb(entries);
  for (let index = 0; index < trace.referenceCount; index++) {
    const address = trace.address[index];
    const end = address + Math.max(trace.size[index], 1) - 1;
    const separate = trace.kind[index] === REF_INSTRUCTION ? instructions : data;
    const last = Math.floor(end / pageBytes);
    for (let page = Math.floor(address / pageBytes); page <= last; page++) {
      separate.lookUp(page);
      unified.lookUp(page);
    }
  }
  return { I: instructions.counts(), D: data.counts(), unified: unified.counts() };
}
