import { ArgumentError } from '@hotpath/hw-x86';

const EMPTY = -1;

/** Size of a cache as cachegrind writes it: bytes, ways, bytes of a line. */
export interface CacheGeometry {
  readonly byteCount: number;
  readonly ways: number;
  readonly lineBytes: number;
}

/**
 * A set-associative cache of line tags with LRU sets, write-allocate, as cachegrind simulates it.
 *
 * A set's tags lie in order of use: the most recent first. EMPTY ones come last.
 */
export class SetAssociativeCache {
  private readonly tags: Float64Array;
  private readonly ways: number;
  private readonly lineBytes: number;
  private readonly setMask: number;

  /** @throws ArgumentError ERR_GEOMETRY unless line and set count are powers of two */
  constructor(geometry: CacheGeometry) {
    const { byteCount, ways, lineBytes } = checkGeometry(geometry);
    const setCount = byteCount / ways / lineBytes;
    this.tags = new Float64Array(setCount * ways).fill(EMPTY);
    this.ways = ways;
    this.lineBytes = lineBytes;
    this.setMask = setCount - 1;
  }

  /** Touches every line of `size` bytes from `address`; whether one of them was missing. */
  misses(address: number, size: number): boolean {
    const first = Math.floor(address / this.lineBytes);
    const last = Math.floor((address + Math.max(size, 1) - 1) / this.lineBytes);
    let missed = false;
    for (let line = first; line <= last; line++) {
      if (this.touch(line)) missed = true;
    }
    return missed;
  }

  private touch(line: number): boolean {
    const { tags, ways } = this;
    // The low bits of a line number: it may pass 2^32, so the mask is taken of its remainder.
    const set = (line % 0x80000000) & this.setMask;
    const first = set * ways;
    let at = first;
    const last = first + ways - 1;
    while (at < last && tags[at] !== line) at++;
    const missed = tags[at] !== line;
    for (; at > first; at--) tags[at] = tags[at - 1];
    tags[first] = line;
    return missed;
  }
}

function checkGeometry(geometry: CacheGeometry): CacheGeometry {
  const { byteCount, ways, lineBytes } = geometry;
  const setCount = byteCount / ways / lineBytes;
  const whole = Number.isSafeInteger(ways) && ways >= 1 && ways <= 1024;
  if (whole && lineBytes >= 8 && isPowerOfTwo(lineBytes) && isPowerOfTwo(setCount)) return geometry;
  throw new ArgumentError(
    'ERR_GEOMETRY',
    `cache geometry is ${byteCount},${ways},${lineBytes}; allowed: BYTES,WAYS,LINE with 1..1024 ` +
      'ways, a line of 8 bytes or more, and powers of two for the line and BYTES / WAYS / LINE',
  );
}

/** Exact up to 2^53: halves while even. */
export function isPowerOfTwo(value: number): boolean {
  if (!Number.isSafeInteger(value) || value < 1) return false;
  while (value % 2 === 0) value /= 2;
  return value === 1;
}
