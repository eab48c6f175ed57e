/**
 * What every replacement policy must do, as a check that users run over their own: `checkPolicy(Mine)`
 * throws with the broken rule. It needs no test framework.
 *
 * @module
 */

import { type PolicyClass, type SlotMap, slotMapClass } from '@hotpath/blockcache';
import { assert, NIL } from '@hotpath/hw-x86';

/** Options of {@link checkPolicy}. */
export interface PolicyCheckOptions {
  /** Start of the pseudo-random schedules; default 1. */
  seed?: number;
  /** Operations for each capacity; default 3,000. */
  operations?: number;
  /** Capacities to try; default 1, 2, 3, 4, 7, 16, 64. */
  capacities?: readonly number[];
}

/** Numbers below `bound` from a xorshift generator: the same everywhere. */
function randomSource(seed: number): (bound: number) => number {
  let state = (seed | 0) === 0 ? 0x9e3779b9 | 0 : seed | 0;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/**
 * Runs a policy through random schedules of uses, insertions, pins, deletions and changes of size, at
 * tiny and larger capacities, against a plain model: resident keys are found, others are not, at most
 * `capacity` are resident, a held slot is never evicted, a slot is found whenever one is not held.
 * @throws InvariantError that names the broken rule.
 */
export function checkPolicy(policy: PolicyClass, options: PolicyCheckOptions = {}): void {
  const capacities = options.capacities ?? [1, 2, 3, 4, 7, 16, 64];
  for (const capacity of capacities) {
    const map = new (slotMapClass(policy))(capacity);
    const random = randomSource((options.seed ?? 1) * 31 + capacity);
    const schedule = new Schedule(map, random, capacity);
    for (let i = 0; i < (options.operations ?? 3000); i++) schedule.step();
    schedule.end();
  }
}

class Schedule {
  readonly #map: SlotMap;
  readonly #random: (bound: number) => number;
  readonly #keyBound: number;
  readonly #resident = new Map<number, number>();
  readonly #held: number[] = [];
  /** After a shrink more may be resident for a while, but never more than before. */
  #sizeBefore = 0;

  constructor(map: SlotMap, random: (bound: number) => number, capacity: number) {
    this.#map = map;
    this.#random = random;
    this.#keyBound = capacity * 3 + 1;
  }

  step(): void {
    const choice = this.#random(20);
    if (choice < 14) this.#use(this.#random(this.#keyBound));
    else if (choice < 16) this.#hold();
    else if (choice < 18) this.#unhold();
    else if (choice < 19) this.#delete(this.#random(this.#keyBound));
    else if (this.#random(20) === 0) this.#resize();
    this.#check();
  }

  /** Lets go of every slot and fills the cache once more: no slot may have been lost. */
  end(): void {
    const map = this.#map;
    while (this.#held.length > 0) this.#unhold();
    for (let key = 1000; key < 1000 + 3 * map.capacity; key++) this.#use(key);
    assert(map.size === map.capacity, 'policy: a slot was lost');
    this.#check();
  }

  #use(key: number): void {
    const map = this.#map;
    const known = this.#resident.get(key);
    const before = new Set(this.#resident.keys());
    const slot = map.getOrInsert(key);
    assert(map.hit === (known !== undefined), 'policy: hit and residency disagree');
    if (known !== undefined) {
      assert(slot === known, 'policy: a key changed its slot');
      return;
    }
    for (const other of before) {
      if (map.find(other) !== NIL) continue;
      const its = this.#resident.get(other) as number;
      assert(!this.#held.includes(its), 'policy: a held slot was evicted');
      this.#resident.delete(other);
    }
    if (slot === NIL) {
      assert(map.size >= map.capacity, 'policy: no slot although there is room');
      assert(this.#held.length === map.size, 'policy: no victim although a slot is not held');
      return;
    }
    this.#resident.set(key, slot);
  }

  #hold(): void {
    const slots = [...this.#resident.values()].filter((slot) => !this.#held.includes(slot));
    if (slots.length === 0) return;
    const slot = slots[this.#random(slots.length)];
    this.#map.held[slot] = 1;
    this.#held.push(slot);
  }

  #unhold(): void {
    if (this.#held.length === 0) return;
    const [slot] = this.#held.splice(this.#random(this.#held.length), 1);
    this.#map.held[slot] = 0;
  }

  #delete(key: number): void {
    const slot = this.#resident.get(key);
    if (slot === undefined || this.#held.includes(slot)) return;
    assert(this.#map.delete(key), 'policy: a resident key could not be deleted');
    this.#resident.delete(key);
  }

  #resize(): void {
    const map = this.#map;
    map.resize(Math.max(1, map.capacity + this.#random(5) - 2));
    while (map.size > map.capacity) {
      const victim = map.victim(NIL);
      if (victim === NIL) break;
      assert(map.held[victim] === 0, 'policy: a held slot was chosen');
      this.#resident.delete(map.keyOf(victim));
      map.remove(victim, true);
    }
  }

  #check(): void {
    const map = this.#map;
    map.checkInvariants();
    assert(map.size === this.#resident.size, 'policy: resident keys differ from the model');
    assert(map.size <= Math.max(map.capacity, this.#sizeBefore), 'policy: more than fit');
    this.#sizeBefore = map.size;
    for (const [key, slot] of this.#resident) {
      assert(map.find(key) === slot, 'policy: a resident key is not found');
    }
  }
}
