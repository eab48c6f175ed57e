import { InvalidArgumentError } from 'commander';
import { type CacheGeometry, isPowerOfTwo } from '../replay/set-associative.js';

/** Parser of an option whose value is a whole number in `low..high`. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`allowed: a whole number ${low}..${high}`);
  };
}

/** Parser of an option whose value is one of a few words. */
export function oneOf<Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`allowed: ${words.join(', ')}`);
  };
}

/** Parser of a byte count such as 4096, 4K or 2M, a power of two in `low..high`. */
export function byteCount(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = parseBytes(text);
    if (value >= low && value <= high && isPowerOfTwo(value)) return value;
    throw new InvalidArgumentError(
      `allowed: a power of two ${formatBytes(low)}..${formatBytes(high)}`,
    );
  };
}

const SCALE: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Bytes that `4096`, `4K`, `2M` or `1G` stand for, or NaN. */
export function parseBytes(text: string): number {
  const match = /^(\d+)([KMG]?)$/.exec(text);
  return match === null ? Number.NaN : Number(match[1]) * SCALE[match[2]!]!;
}

/** Shortest form: 4K, 2M, 1G, or plain bytes. */
export function formatBytes(value: number): string {
  for (const unit of ['G', 'M', 'K'] as const) {
    const scale = SCALE[unit]!;
    if (value >= scale && value % scale === 0) return `${value / scale}${unit}`;
  }
  return `${value}`;
}

/** Parser of a cache's BYTES,WAYS,LINE, as `32768,8,64` or `32K,8,64`. */
export function cacheGeometry(text: string): CacheGeometry {
  const [byteCount, ways, lineBytes, ...rest] = text.split(',').map(parseBytes);
  const three = byteCount !== undefined && ways !== undefined && lineBytes !== undefined;
  if (three && rest.length === 0 && byteCount > 0 && ways > 0 && lineBytes > 0) {
    return { byteCount, ways, lineBytes };
  }
  throw new InvalidArgumentError('allowed: BYTES,WAYS,LINE, such as 32K,8,64');
}
