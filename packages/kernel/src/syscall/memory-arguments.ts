/** Checks of what the memory calls are given. */
import { EINVAL, ENOMEM, OK, PAGE_BYTES, type VirtAddr } from '@hotpath/hw-x86';
import { AREA_EXECUTE, AREA_READ, AREA_WRITE } from '../memory/area-list.js';
import { USER_END } from '../memory/memory-map.js';
import type { Call } from './call.js';
import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from './memory-flags.js';

export function refuseMmap(call: Call): number {
  const { a, b, c, d, f } = call;
  if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b) || b <= 0) return EINVAL;
  if (!isProtection(c) || !Number.isInteger(d)) return EINVAL;
  const kind = d & (MAP_SHARED | MAP_PRIVATE);
  if (kind !== MAP_SHARED && kind !== MAP_PRIVATE) return EINVAL;
  if (b > USER_END) return ENOMEM;
  if ((d & MAP_ANONYMOUS) !== 0) return OK;
  // The page cache numbers 2**32 pages of a file.
  const fits = Number.isSafeInteger(f) && f >= 0 && f % PAGE_BYTES === 0 && f + b <= 2 ** 44;
  return fits ? OK : EINVAL;
}

export function isProtection(protection: number): boolean {
  const known = PROT_READ | PROT_WRITE | PROT_EXEC;
  return Number.isInteger(protection) && (protection & ~known) === 0;
}

/** x86 reads whatever it may write or execute. */
export function areaRights(protection: number): number {
  if (protection === 0) return 0;
  return (
    AREA_READ |
    ((protection & PROT_WRITE) !== 0 ? AREA_WRITE : 0) |
    ((protection & PROT_EXEC) !== 0 ? AREA_EXECUTE : 0)
  );
}

/** True for an aligned start and a length that stay in the user half. */
export function isRange(start: VirtAddr, bytes: number): boolean {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(bytes)) return false;
  return start >= 0 && start % PAGE_BYTES === 0 && bytes >= 0 && start + bytes <= USER_END;
}

export function roundUp(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}
