/**
 * ARC (Megiddo and Modha, FAST 2003): one LRU list of what was used once (T1), one of what was used
 * again (T2), and ghosts of both (B1, B2); a hit in a ghost list moves the aimed-at size of T1 in its
 * favour.
 */
import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { GhostKeys } from '../ghost-keys.js';
import type { Policy, PolicySlots } from '../policy.js';
import { SlotRing } from '../slot-ring.js';

// |T1| + |B1| <= capacity; |T1| + |T2| + |B1| + |B2| <= 2 * capacity.

const ONCE = 0;
const AGAIN = 1;

/** ARC. All calls O(1), `victim` amortised. */
export class ArcPolicy implements Policy {
  readonly #slots: PolicySlots;
  readonly #once: SlotRing;
  readonly #again: SlotRing;
  readonly #ghosts: GhostKeys;
  #list: Uint8Array;
  #capacity: number;
  /** Aimed-at size of T1, a real number: the paper rounds nothing. */
  #target = 0;
  /** Which ghost list held the key that comes in next, or NIL. */
  #ghostOf = NIL;
  /** The victim leaves without a ghost: T1 alone fills the cache. */
  #forget = false;

  constructor(slots: PolicySlots, capacity: number) {
    this.#slots = slots;
    this.#once = new SlotRing(slots.records, ONCE);
    this.#again = new SlotRing(slots.records, AGAIN);
    this.#ghosts = new GhostKeys(capacity, 2);
    this.#list = new Uint8Array(slots.records.slotCount);
    this.#capacity = capacity;
  }

  miss(key: number): void {
    const ghosts = this.#ghosts;
    this.#ghostOf = ghosts.find(key);
    if (this.#ghostOf === NIL) return;
    const once = ghosts.sizeOf(ONCE);
    const again = ghosts.sizeOf(AGAIN);
    if (this.#ghostOf === ONCE) {
      this.#target = Math.min(this.#capacity, this.#target + Math.max(again / once, 1));
    } else {
      this.#target = Math.max(0, this.#target - Math.max(once / again, 1));
    }
    ghosts.remove(key);
  }

  touch(slot: number): void {
    if (this.#list[slot] === AGAIN) {
      this.#again.renew(slot);
      return;
    }
    this.#once.remove(slot);
    this.#list[slot] = AGAIN;
    this.#again.push(slot);
  }

  charge(slot: number, meter: Meter, recordBase: VirtAddr): void {
    (this.#list[slot] === AGAIN ? this.#again : this.#once).chargeRenew(slot, meter, recordBase);
  }

  victim(): number {
    const ghosts = this.#ghosts;
    this.#forget = false;
    if (this.#ghostOf === NIL) {
      const onceAll = this.#once.size + ghosts.sizeOf(ONCE);
      if (onceAll >= this.#capacity) {
        if (ghosts.sizeOf(ONCE) === 0) {
          this.#forget = true;
          const slot = this.#once.oldestFree(this.#slots);
          return slot !== NIL ? slot : this.#again.oldestFree(this.#slots);
        }
        ghosts.dropOldest(ONCE);
      } else if (onceAll + this.#again.size + ghosts.sizeOf(AGAIN) >= 2 * this.#capacity) {
        ghosts.dropOldest(AGAIN);
      }
    }
    return this.#replace();
  }

  #replace(): number {
    const size = this.#once.size;
    const tie = size === this.#target && this.#ghostOf === AGAIN;
    const fromOnce = size > 0 && (size > this.#target || tie);
    const slot = (fromOnce ? this.#once : this.#again).oldestFree(this.#slots);
    return slot !== NIL ? slot : (fromOnce ? this.#again : this.#once).oldestFree(this.#slots);
  }

  insert(slot: number): void {
    this.#list[slot] = this.#ghostOf === NIL ? ONCE : AGAIN;
    (this.#ghostOf === NIL ? this.#once : this.#again).push(slot);
    this.#ghostOf = NIL;
    // Deletions leave room that newcomers fill without a victim: keep the bound all the same.
    if (this.#once.size + this.#ghosts.sizeOf(ONCE) > this.#capacity) this.#ghosts.dropOldest(ONCE);
  }

  remove(slot: number, evicted: boolean): void {
    const list = this.#list[slot];
    (list === AGAIN ? this.#again : this.#once).remove(slot);
    if (!evicted || this.#forget) return;
    this.#ghosts.push(this.#slots.records.keyOf(slot), list);
  }

  resize(capacity: number): void {
    this.#capacity = capacity;
    this.#target = Math.min(this.#target, capacity);
    this.#ghosts.resize(capacity);
    const list = new Uint8Array(this.#slots.records.slotCount);
    list.set(this.#list);
    this.#list = list;
  }

  checkInvariants(): void {
    this.#once.checkInvariants();
    this.#again.checkInvariants();
    this.#ghosts.checkInvariants();
    assert(this.#target >= 0 && this.#target <= this.#capacity, 'arc: the target is out of range');
  }
}
