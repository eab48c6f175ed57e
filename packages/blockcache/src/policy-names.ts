/** The policies that come with this package, by name. */
import { ArgumentError } from '@hotpath/hw-x86';
import { ArcPolicy } from './policies/arc.js';
import { ClockPolicy } from './policies/clock.js';
import { FifoPolicy } from './policies/fifo.js';
import { LirsPolicy } from './policies/lirs.js';
import { LruPolicy } from './policies/lru.js';
import { S3FifoPolicy } from './policies/s3-fifo.js';
import { SievePolicy } from './policies/sieve.js';
import { TwoQPolicy } from './policies/two-q.js';
import type { PolicyClass } from './policy.js';
import { type SlotMapClass, slotMapClass } from './slot-map.js';

/** Names of the online policies. */
export const POLICY_NAMES = [
  'lru',
  'clock',
  'fifo',
  'sieve',
  '2q',
  's3-fifo',
  'arc',
  'lirs',
] as const;

/** Name of an online policy. */
export type PolicyName = (typeof POLICY_NAMES)[number];

/** Map classes of the online policies, one each so that hot call sites see one policy. */
export const LruMap: SlotMapClass = /* @__PURE__ */ slotMapClass(LruPolicy);
/** See {@link LruMap}. */
export const ClockMap: SlotMapClass = /* @__PURE__ */ slotMapClass(ClockPolicy);
/** See {@link LruMap}. */
export const FifoMap: SlotMapClass = /* @__PURE__ */ slotMapClass(FifoPolicy);
/** See {@link LruMap}. */
export const SieveMap: SlotMapClass = /* @__PURE__ */ slotMapClass(SievePolicy);
/** See {@link LruMap}. */
export const TwoQMap: SlotMapClass = /* @__PURE__ */ slotMapClass(TwoQPolicy);
/** See {@link LruMap}. */
export const S3FifoMap: SlotMapClass = /* @__PURE__ */ slotMapClass(S3FifoPolicy);
/** See {@link LruMap}. */
export const ArcMap: SlotMapClass = /* @__PURE__ */ slotMapClass(ArcPolicy);
/** See {@link LruMap}. */
export const LirsMap: SlotMapClass = /* @__PURE__ */ slotMapClass(LirsPolicy);

/** The map class of a policy: by name, or made anew for a class of the user's. */
export function slotMapFor(policy: PolicyName | PolicyClass): SlotMapClass {
  if (typeof policy === 'function') return slotMapClass(policy);
  switch (policy) {
    case 'lru':
      return LruMap;
    case 'clock':
      return ClockMap;
    case 'fifo':
      return FifoMap;
    case 'sieve':
      return SieveMap;
    case '2q':
      return TwoQMap;
    case 's3-fifo':
      return S3FifoMap;
    case 'arc':
      return ArcMap;
    case 'lirs':
      return LirsMap;
    default:
      throw new ArgumentError(
        'ERR_POLICY',
        `policy is ${String(policy)}; allowed: ${POLICY_NAMES.join(', ')}, or a policy class`,
      );
  }
}
