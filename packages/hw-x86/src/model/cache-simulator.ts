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

/** Kinds of reference in a recording: an instruction. */
export const REFERENCE_FETCH = 0;
/** A data read. */
export const REFERENCE_LOAD = 1;
/** A data write. */
export const REFERENCE_STORE = 2;
/** A read and a write of the same bytes; cachegrind counts it as one read. */
export const REFERENCE_MODIFY = 3;

/** References of a program, a column entry each, in order. */
export interface ReferenceColumns {
  /** REFERENCE_*. */
  readonly kind: Uint8Array;
  /** Bytes, 1 or more. */
  readonly size: Uint8Array;
  /** Virtual addresses below 2**53. */
  readonly address: Float64Array;
}

/** References of a recording that are replayed by one call. */
const PIECE = 2048;

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
  readonly lineInverse: number;

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
    this.lineInverse = 1 / lineBytes;
  }

  /** True when a reference misses; one that straddles lines touches both and misses at most once. */
  misses(address: number, byteCount: number): boolean {
    const line = Math.floor(address * this.lineInverse);
    const last = Math.floor((address + byteCount - 1) * this.lineInverse);
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

  /**
   * Replays references `from` .. `end - 1` of a recording, as that many calls of `fetch`, `load` and
   * `store` would, but several times as fast: an instruction in the line of the one before it hits
   * for certain, and all columns and counters are held in registers.
   * @throws ArgumentError ERR_REFERENCES for a range outside the columns
   */
  replay(references: ReferenceColumns, from = 0, end = references.kind.length): void {
    const { kind, size, address } = references;
    const most = Math.min(kind.length, size.length, address.length);
    checkInteger('ERR_REFERENCES', 'end', end, 0, most);
    checkInteger('ERR_REFERENCES', 'from', from, 0, end);
    // In pieces: a function that is called often is compiled whole, one long loop is not.
    for (let at = from; at < end; at += PIECE) {
      this.#replayPiece(kind, size, address, at, Math.min(at + PIECE, end));
    }
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

  #replayPiece(
    kind: Uint8Array,
    size: Uint8Array,
    address: Float64Array,
    from: number,
    end: number,
  ): void {
    const counts = this.#counts;
    const { lines: i1Lines, setMask: i1Mask, ways: i1Ways, lineBytes: i1Bytes } = this.#i1;
    const { lines: d1Lines, setMask: d1Mask, ways: d1Ways, lineBytes: d1Bytes } = this.#d1;
    const i1Inverse = 1 / i1Bytes;
    const d1Inverse = 1 / d1Bytes;
    // The line of the last fetch as a range; empty at first.
    let limit = 0;
    let begin = 0;
    let i = from;
    for (;;) {
      // Hits on the newest line of a set. No call in here: such a loop's checks are made once.
      for (; i < end; i++) {
        const at = address[i];
        const behind = at + size[i];
        if (kind[i] === REFERENCE_FETCH) {
          if (at >= begin && behind <= limit) continue;
          const line = Math.floor(at * i1Inverse);
          if (i1Lines[(line & i1Mask) * i1Ways] !== line) break;
          begin = line * i1Bytes;
          limit = begin + i1Bytes;
          if (behind > limit) break;
        } else {
          const line = Math.floor(at * d1Inverse);
          if (d1Lines[(line & d1Mask) * d1Ways] !== line) break;
          if (behind > (line + 1) * d1Bytes) break;
        }
      }
      if (i >= end) break;
      this.#bring(kind[i], address[i], size[i]);
      limit = 0;
      i += 1;
    }
    let stores = 0;
    let data = 0;
    for (let at = from; at < end; at++) {
      const of = kind[at];
      data += of === REFERENCE_FETCH ? 0 : 1;
      stores += of === REFERENCE_STORE ? 1 : 0;
    }
    counts[FETCHES] += end - from - data;
    counts[LOADS] += data - stores;
    counts[STORES] += stores;
  }

  #bring(kind: number, address: number, byteCount: number): void {
    if (kind === REFERENCE_FETCH) {
      if (this.#i1.misses(address, byteCount)) this.#missed(FETCHES, address, byteCount);
    } else if (this.#d1.misses(address, byteCount)) {
      this.#missed(kind === REFERENCE_STORE ? STORES : LOADS, address, byteCount);
    }
  }

  #missed(kind: number, address: number, byteCount: number): void {
    this.#counts[kind + 1] += 1;
    if (this.#ll.misses(address, byteCount)) this.#counts[kind + 2] += 1;
  }
}
