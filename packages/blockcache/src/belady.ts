/**
 * Belady's MIN (1966): evicts the resident key whose next use lies furthest ahead. Needs the future, so
 * it serves only to compare others with.
 */
import { assert } from '@hotpath/hw-x86';

/** Whether each request hits, as 0 and 1. O(n log capacity) time, O(n) memory. */
export function beladyHits(keys: ArrayLike<number>, capacity: number): Uint8Array {
  assert(capacity >= 1, 'belady: a capacity below one');
  const nextUse = nextUses(keys);
  const hits = new Uint8Array(keys.length);
  /** Time of the pending use of each resident key; what is elsewhere in the heap is out of date. */
  const resident = new Map<number, number>();
  const heap = new FurthestFirst(keys.length);
  for (let now = 0; now < keys.length; now++) {
    const key = keys[now];
    if (resident.has(key)) {
      hits[now] = 1;
    } else {
      while (resident.size >= capacity) {
        const use = heap.pop();
        const victim = use < keys.length ? keys[use] : heap.poppedKey;
        // A heap entry counts only if it is still this key's next use.
        if (resident.get(victim) === use) resident.delete(victim);
      }
    }
    resident.set(key, nextUse[now]);
    heap.push(nextUse[now], key);
  }
  return hits;
}

/** For each request the position of the next one with the same key, or `keys.length` for never. */
function nextUses(keys: ArrayLike<number>): Int32Array {
  const next = new Int32Array(keys.length);
  const seen = new Map<number, number>();
  for (let i = keys.length - 1; i >= 0; i--) {
    next[i] = seen.get(keys[i]) ?? keys.length;
    seen.set(keys[i], i);
  }
  return next;
}

/** A binary heap of (use, key), the furthest use on top. */
class FurthestFirst {
  readonly #uses: Int32Array;
  readonly #keys: Float64Array;
  #size = 0;
  /** Key of the entry popped last. */
  poppedKey = 0;

  constructor(room: number) {
    this.#uses = new Int32Array(room);
    this.#keys = new Float64Array(room);
  }

  push(use: number, key: number): void {
    const uses = this.#uses;
    const keys = this.#keys;
    let at = this.#size;
    this.#size += 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (uses[parent] >= use) break;
      uses[at] = uses[parent];
      keys[at] = keys[parent];
      at = parent;
    }
    uses[at] = use;
    keys[at] = key;
  }

  pop(): number {
    assert(this.#size > 0, 'belady: nothing left to evict');
    const uses = this.#uses;
    const keys = this.#keys;
    const top = uses[0];
    this.poppedKey = keys[0];
    this.#size -= 1;
    const use = uses[this.#size];
    const key = keys[this.#size];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && uses[child + 1] > uses[child]) child += 1;
      if (uses[child] <= use) break;
      uses[at] = uses[child];
      keys[at] = keys[child];
      at = child;
    }
    uses[at] = use;
    keys[at] = key;
    return top;
  }
}
