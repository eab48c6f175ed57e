import type { VirtAddr } from '../units.js';

/**
 * Virtual range that the meter hands out and translates by itself, as one direct map of 2 MiB
 * pages: 0xffffe000_00000000 and 1 TiB upwards. A kernel maps nothing there.
 */
export const METER_BASE: VirtAddr = -(2 ** 45);
/** Bytes of that range. */
export const METER_BYTES = 2 ** 40;
