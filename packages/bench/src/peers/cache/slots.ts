import type { SlotMap } from '@hotpath/blockcache';
import type { Keys } from './requests.js';

/**
 * `getOrInsert` for our maps: a hit reads its value, a miss stores one, as the rivals do. Values are
 * whole numbers of 32 bits, in a column of that type as mnemonist's.
 */
export function getOrInsertSlots(map: SlotMap, values: Uint32Array, keys: Keys): number {
  let missed = 0;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index];
    const slot = map.getOrInsert(key);
    if (map.hit && values[slot] >= 0) continue;
    values[slot] = index;
    missed = Math.imul(missed ^ key ^ index, 0x01000193);
  }
  return missed;
}
