import type { VirtAddr } from '../units.js';

/** Receives exceptions at the access that raised them; true means "handled, try again". */
export interface ExceptionSink {
  exception(vector: number, code: number, address: VirtAddr): boolean;
}
