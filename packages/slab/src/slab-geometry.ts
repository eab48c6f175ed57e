import {
  ArgumentError,
  assert,
  type ByteCount,
  checkInteger,
  checkPowerOfTwo,
  LINE_BYTES,
  PAGE_BYTES,
} from '@hotpath/hw-x86';
import { MAX_SLAB_BYTES, MAX_SLAB_ORDER } from './page-state.js';

/** Largest object of a slab cache: a slab of order 3 that holds one. */
export const MAX_OBJECT_BYTES = MAX_SLAB_BYTES;
/** Objects start at multiples of this: one bit of the used map stands for it. */
export const GRANULE_BYTES = 16;

/** How a slab of a cache is cut up. */
export interface SlabGeometry {
  /** From one object to the next, a multiple of the alignment and of 16. */
  readonly stride: ByteCount;
  /** Pages of a slab as a power of two, 0..3. */
  readonly order: number;
  readonly slabBytes: ByteCount;
  /** 1..256. */
  readonly objectCount: number;
  /** Different starts of the first object that the unused tail allows, 1..256. */
  readonly colourCount: number;
  /** Bytes from one colour to the next. */
  readonly colourBytes: ByteCount;
  /** Bytes of a slot in front of its object (left red zone); 0 without debugging. */
  readonly leftBytes: ByteCount;
}

/**
 * Cuts a slab for objects of this size: the smallest order 0..3 that leaves at most 1/8 of the slab
 * unused at the tail; where none does, the one that leaves least. The tail is spent on colours, so
 * that equal fields of objects in different slabs fall on different cache sets (Bonwick 1994, 4.1).
 * @param leftBytes - in front of each object, a multiple of the alignment
 * @param rightBytes - behind each object
 * @throws ArgumentError ERR_OBJECT_BYTES, ERR_ALIGN
 */
export function slabGeometry(
  objectBytes: ByteCount,
  align: ByteCount = GRANULE_BYTES,
  leftBytes = 0,
  rightBytes = 0,
): SlabGeometry {
  checkInteger('ERR_OBJECT_BYTES', 'objectBytes', objectBytes, 1, MAX_OBJECT_BYTES);
  checkPowerOfTwo('ERR_ALIGN', 'align', align, 1, PAGE_BYTES);
  const grain = Math.max(align, GRANULE_BYTES);
  const stride = Math.ceil((leftBytes + objectBytes + rightBytes) / grain) * grain;
  if (stride > MAX_OBJECT_BYTES) {
    throw new ArgumentError(
      'ERR_OBJECT_BYTES',
      `an object of ${objectBytes} bytes takes ${stride} with alignment and red zones; allowed: at most ${MAX_OBJECT_BYTES}`,
    );
  }
  const order = smallestOrder(stride);
  const slabBytes = PAGE_BYTES << order;
  const objectCount = Math.floor(slabBytes / stride);
  const colourBytes = Math.max(grain, LINE_BYTES);
  assert(objectCount >= 1 && objectCount <= 256, 'a slab holds 1 to 256 objects');
  return {
    stride,
    order,
    slabBytes,
    objectCount,
    colourCount: 1 + Math.floor((slabBytes - objectCount * stride) / colourBytes),
    colourBytes,
    leftBytes,
  };
}

/** 32-bit words of the used map that belong to a slab. */
export function mapWords({ slabBytes }: SlabGeometry): number {
  return slabBytes / (GRANULE_BYTES * 32);
}

/**
 * Where objects start in a slab, as bits of the used map: `mapWords` words for each colour. Slots
 * are found with it by one AND for 512 bytes, without a multiplication.
 */
export function startMasks(geometry: SlabGeometry): Int32Array {
  const { stride, objectCount, colourCount, colourBytes, leftBytes } = geometry;
  const words = mapWords(geometry);
  const masks = new Int32Array(words * colourCount);
  for (let colour = 0; colour < colourCount; colour += 1) {
    for (let slot = 0; slot < objectCount; slot += 1) {
      const granule = (colour * colourBytes + leftBytes + slot * stride) / GRANULE_BYTES;
      masks[colour * words + (granule >>> 5)] |= 1 << granule;
    }
  }
  return masks;
}

function smallestOrder(stride: ByteCount): number {
  let order = 0;
  let best = 1;
  for (let o = 0; o <= MAX_SLAB_ORDER; o += 1) {
    const bytes = PAGE_BYTES * 2 ** o;
    const waste = bytes < stride ? 1 : (bytes % stride) / bytes;
    if (waste <= 1 / 8) return o;
    if (waste < best) {
      best = waste;
      order = o;
    }
  }
  return order;
}

/** Bits that are set. */
export function bitCount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
