import type { CacheGeometry } from '@hotpath/hw-x86/model';
import { InvalidArgumentError } from 'commander';

/** Parser of an option whose value is a whole number in `low..high`. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`allowed: a whole number ${low}..${high}`);
  };
}

/** Parser of an option whose value is a decimal number in `low..high`. */
export function decimal(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new InvalidArgumentError(`allowed: a number ${low}..${high}`);
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

/** Parser of an option whose value is some of a few words, separated by commas. */
export function listOf<Word extends string>(words: readonly Word[]): (text: string) => Word[] {
  return (text) =>
    text.split(',').map((part) => {
      const found = words.find((word) => word === part.trim());
      if (found !== undefined) return found;
      throw new InvalidArgumentError(`allowed: ${words.join(', ')}`);
    });
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
  const [bytes, ways, lineBytes, ...rest] = text.split(',').map(parseBytes);
  const three = bytes !== undefined && ways !== undefined && lineBytes !== undefined;
  const whole = three && rest.length === 0 && ways >= 1;
  if (whole && isPowerOfTwo(lineBytes) && isPowerOfTwo(bytes / ways / lineBytes)) {
    return [bytes, ways, lineBytes];
  }
  throw new InvalidArgumentError(
    'allowed: BYTES,WAYS,LINE such as 32K,8,64, powers of two for LINE and BYTES / WAYS / LINE',
  );
}

/** Exact up to 2^53: halves while even. */
function isPowerOfTwo(value: number): boolean {
  if (!Number.isSafeInteger(value) || value < 1) return false;
  while (value % 2 === 0) value /= 2;
  return value === 1;
}
