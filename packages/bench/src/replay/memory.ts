import { LruPolicy, type SlotMap, slotMapClass } from '@hotpath/blockcache';
import { ArgumentError } from '@hotpath/hw-x86';
import { type MemoryTrace, REF_INSTRUCTION, REF_STORE } from '../traces/memory-trace.js';
import { type CacheGeometry, isPowerOfTwo, SetAssociativeCache } from './set-associative.js';

/** Caches that a recording is sent through. */
export interface CachesOptions {
  readonly i1: CacheGeometry;
  readonly d1: CacheGeometry;
  /** Shared by instructions and data; looked up when a first level misses. */
  readonly ll: CacheGeometry;
}

/** References and misses by kind; a modify counts once, as a read. Names are cachegrind's. */
export interface CacheCounts {
  readonly Ir: number;
  readonly I1mr: number;
  readonly ILmr: number;
  readonly Dr: number;
  readonly D1mr: number;
  readonly DLmr: number;
  readonly Dw: number;
  readonly D1mw: number;
  readonly DLmw: number;
}

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
 * Sends every reference through two levels of cache by cachegrind's rules: LRU, write-allocate, a
 * reference that straddles lines is one reference and at most one miss. Exact.
 * @throws ArgumentError ERR_GEOMETRY
 */
export function replayCaches(trace: MemoryTrace, { i1, d1, ll }: CachesOptions): CacheCounts {
  const instructions = new SetAssociativeCache(i1);
  const data = new SetAssociativeCache(d1);
  const last = new SetAssociativeCache(ll);
  // Three counts for each of instruction, read and write: references, L1 misses, LL misses.
  const counts = new Float64Array(9);
  for (let index = 0; index < trace.referenceCount; index++) {
    const kind = trace.kind[index];
    const address = trace.address[index];
    const size = trace.size[index];
    const first = kind === REF_INSTRUCTION ? instructions : data;
    const at = kind === REF_INSTRUCTION ? 0 : kind === REF_STORE ? 6 : 3;
    counts[at]++;
    if (!first.misses(address, size)) continue;
    counts[at + 1]++;
    if (last.misses(address, size)) counts[at + 2]++;
  }
  const [Ir, I1mr, ILmr, Dr, D1mr, DLmr, Dw, D1mw, DLmw] = counts as unknown as NineCounts;
  return { Ir, I1mr, ILmr, Dr, D1mr, DLmr, Dw, D1mw, DLmw };
}

type NineCounts = [number, number, number, number, number, number, number, number, number];

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
  if (!isPowerOfTwo(pageBytes)) {
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
