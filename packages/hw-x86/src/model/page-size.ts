/** Page-size codes: what a key is masked with. The last is for PML4 entries in paging caches. */
export const SIZE_4K = 0;
/** 2 MiB. */
export const SIZE_2M = 1;
/** 1 GiB. */
export const SIZE_1G = 2;
/** 512 GiB: reach of one PML4 entry. */
export const SIZE_512G = 3;

/** Bits of the low address word that belong to the page number, by size code. */
export const LOW_MASK = Int32Array.of(-4096, -2097152, -1073741824, 0);
/** Bits of the high address word that belong to the page number, by size code. */
export const HIGH_MASK = Int32Array.of(-1, -1, -1, -128);

/** Low 32 bits of the page number in units of the size: sets and hints are its low bits. */
export function pageNumber(low: number, high: number, size: number): number {
  if (size === SIZE_4K) return low >>> 12;
  if (size === SIZE_2M) return (low >>> 21) | (high << 11);
  if (size === SIZE_1G) return (low >>> 30) | (high << 2);
  return high >>> 7;
}

/** Byte offset of an address in its page, without the low 12 bits. */
export function offsetIn(low: number, size: number): number {
  if (size === SIZE_4K) return 0;
  return size === SIZE_1G ? low & 0x3ffff000 : low & 0x1ff000;
}
