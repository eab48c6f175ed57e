import { ArgumentError } from '@hotpath/hw-x86';
import type { SlabCache } from './slab-cache.js';

/**
 * Why `cache` cannot take `address` back, as an error. `owner` is the cache whose slab the address
 * lies in, or null.
 */
export function refusalOf(
  cache: SlabCache,
  owner: SlabCache | null,
  address: number,
): ArgumentError {
  const { name, lists, geometry } = cache;
  if (owner !== cache) {
    const whose = owner === null ? 'no cache' : `cache ${owner.name}`;
    return new ArgumentError('ERR_FOREIGN_POINTER', `${name}: ${address} belongs to ${whose}`);
  }
  const offset = address - cache.base;
  const distance = offset - lists.firstOf(lists.headOf(offset));
  const isStart = distance % geometry.stride === 0 && distance >= 0;
  return isStart && distance < geometry.objectCount * geometry.stride
    ? new ArgumentError('ERR_DOUBLE_FREE', `${name}: ${address} is free already`)
    : new ArgumentError('ERR_INTERIOR_POINTER', `${name}: ${address} is not an object's start`);
}
