import { assert, NIL } from '@hotpath/hw-x86';
import {
  C_AVAILABLE,
  C_EMPTY_COUNT,
  C_PARTIAL,
  C_SLAB_COUNT,
  C_STRIDE,
  CACHE_WORDS,
  H_FREE_SLAB,
  H_FRESH_SLAB,
  H_LOCK,
  S_AVAILABLE,
  S_NEXT,
  S_OWNER,
  S_PREVIOUS,
  SHARED_SLAB_BYTES,
  type SharedLayout,
  SLAB_MAP_WORDS,
  SLAB_WORDS,
} from './shared-layout.js';
import { lock, unlock } from './shared-lock.js';

/**
 * The slabs of a shared arena, all state in the buffer. A cache's slabs are changed only under that
 * cache's lock, the list of unused slabs only under the arena's; a cache's lock is taken first.
 *
 * For every slab with a free slot: it is in its cache's list, empty ones too
 * For every cache: available === sum over its slabs; at most one slab kept empty
 */
export class SharedSlabs {
  readonly layout: SharedLayout;
  readonly words: Int32Array;
  readonly state: Uint8Array;

  constructor(buffer: ArrayBufferLike, layout: SharedLayout) {
    this.layout = layout;
    this.words = new Int32Array(buffer, 0, layout.stateByte / 4);
    const granules = (layout.slabCount * SHARED_SLAB_BYTES) / 16;
    this.state = new Uint8Array(buffer, layout.stateByte, granules);
  }

  /** Word of a worker's magazine for a cache. */
  magazineOf(worker: number, cache: number): number {
    const { magazinesAt, magazineWords, cacheCount } = this.layout;
    return magazinesAt + (worker * cacheCount + cache) * magazineWords;
  }

  /** Moves up to `count` free slots to the words from `to` on; under the cache's lock. */
  take(cache: number, to: number, count: number): number {
    const { words } = this;
    const cacheAt = this.layout.cachesAt + cache * CACHE_WORDS;
    let filled = 0;
    while (filled < count) {
      let slab = words[cacheAt + C_PARTIAL] - 1;
      if (slab === NIL) slab = this.grow(cache);
      if (slab === NIL) break;
      filled += this.extract(cacheAt, slab, to + filled, count - filled);
    }
    return filled;
  }

  private extract(cacheAt: number, slab: number, to: number, count: number): number {
    const { words } = this;
    const at = this.layout.slabsAt + slab * SLAB_WORDS;
    const stride = words[cacheAt + C_STRIDE];
    const inSlab = words[at + S_AVAILABLE];
    const wanted = Math.min(inSlab, count);
    if (inSlab === perSlab(stride)) words[cacheAt + C_EMPTY_COUNT] -= 1;
    const first = this.layout.objectByte + slab * SHARED_SLAB_BYTES;
    const map = this.layout.mapsAt + slab * SLAB_MAP_WORDS;
    let filled = 0;
    for (let w = (perSlab(stride) - 1) >>> 5; filled < wanted; w -= 1) {
      let word = words[map + w];
      while (word !== 0 && filled < wanted) {
        const bit = 31 - Math.clz32(word);
        word ^= 1 << bit;
        words[to + filled] = first + (w * 32 + bit) * stride;
        filled += 1;
      }
      words[map + w] = word;
    }
    assert(filled === wanted, 'the count of available objects is that of the bits');
    words[at + S_AVAILABLE] = inSlab - filled;
    words[cacheAt + C_AVAILABLE] -= filled;
    if (filled === inSlab) this.unlink(cacheAt, slab);
    return filled;
  }

  /** Puts `count` objects from the words at `from` back into their slabs; under the cache's lock. */
  give(cache: number, from: number, count: number): void {
    const { words, layout } = this;
    const cacheAt = layout.cachesAt + cache * CACHE_WORDS;
    const stride = words[cacheAt + C_STRIDE];
    const objectCount = perSlab(stride);
    for (let i = from; i < from + count; i += 1) {
      const place = words[i] - layout.objectByte;
      const slab = Math.floor(place / SHARED_SLAB_BYTES);
      const slot = (place % SHARED_SLAB_BYTES) / stride;
      const at = layout.slabsAt + slab * SLAB_WORDS;
      const word = layout.mapsAt + slab * SLAB_MAP_WORDS + (slot >>> 5);
      assert((words[word] & (1 << slot)) === 0, 'a slot that comes back was not there');
      words[word] |= 1 << slot;
      words[at + S_AVAILABLE] += 1;
      words[cacheAt + C_AVAILABLE] += 1;
      if (words[at + S_AVAILABLE] === 1) this.link(cacheAt, slab);
      if (words[at + S_AVAILABLE] === objectCount) this.becomeEmpty(cacheAt, slab, 1);
    }
  }

  /** Gives a cache's empty slabs back until `keep` are left; under its lock. */
  releaseEmpty(cache: number, keep: number): void {
    const { words, layout } = this;
    const cacheAt = layout.cachesAt + cache * CACHE_WORDS;
    const objectCount = perSlab(words[cacheAt + C_STRIDE]);
    let slab = words[cacheAt + C_PARTIAL] - 1;
    while (slab !== NIL && words[cacheAt + C_EMPTY_COUNT] > keep) {
      const at = layout.slabsAt + slab * SLAB_WORDS;
      const next = words[at + S_NEXT] - 1;
      if (words[at + S_AVAILABLE] === objectCount) {
        words[cacheAt + C_EMPTY_COUNT] -= 1;
        this.becomeEmpty(cacheAt, slab, 0);
      }
      slab = next;
    }
  }

  private becomeEmpty(cacheAt: number, slab: number, keep: number): void {
    const { words, layout } = this;
    if (words[cacheAt + C_EMPTY_COUNT] < keep) {
      words[cacheAt + C_EMPTY_COUNT] += 1;
      return;
    }
    const at = layout.slabsAt + slab * SLAB_WORDS;
    this.unlink(cacheAt, slab);
    words[cacheAt + C_AVAILABLE] -= words[at + S_AVAILABLE];
    words[cacheAt + C_SLAB_COUNT] -= 1;
    words.fill(
      0,
      layout.mapsAt + slab * SLAB_MAP_WORDS,
      layout.mapsAt + (slab + 1) * SLAB_MAP_WORDS,
    );
    words[at + S_AVAILABLE] = 0;
    words[at + S_OWNER] = 0;
    lock(words, H_LOCK);
    words[at + S_NEXT] = words[H_FREE_SLAB];
    words[H_FREE_SLAB] = slab + 1;
    unlock(words, H_LOCK);
  }

  /** Another slab, in the cache's list; or NIL when none is left. */
  private grow(cache: number): number {
    const { words, layout } = this;
    const cacheAt = layout.cachesAt + cache * CACHE_WORDS;
    lock(words, H_LOCK);
    let slab = words[H_FREE_SLAB] - 1;
    if (slab !== NIL) words[H_FREE_SLAB] = words[layout.slabsAt + slab * SLAB_WORDS + S_NEXT];
    else if (words[H_FRESH_SLAB] < layout.slabCount) {
      slab = words[H_FRESH_SLAB];
      words[H_FRESH_SLAB] = slab + 1;
    }
    unlock(words, H_LOCK);
    if (slab === NIL) return NIL;
    const at = layout.slabsAt + slab * SLAB_WORDS;
    assert(words[at + S_OWNER] === 0, 'an unused slab has no owner');
    const objectCount = perSlab(words[cacheAt + C_STRIDE]);
    for (let w = 0; w < SLAB_MAP_WORDS; w += 1) {
      const left = objectCount - w * 32;
      words[layout.mapsAt + slab * SLAB_MAP_WORDS + w] =
        left >= 32 ? -1 : left <= 0 ? 0 : 2 ** left - 1;
    }
    words[at + S_OWNER] = cache + 1;
    words[at + S_AVAILABLE] = objectCount;
    words[cacheAt + C_SLAB_COUNT] += 1;
    words[cacheAt + C_AVAILABLE] += objectCount;
    words[cacheAt + C_EMPTY_COUNT] += 1;
    this.link(cacheAt, slab);
    return slab;
  }

  private link(cacheAt: number, slab: number): void {
    const { words, layout } = this;
    const at = layout.slabsAt + slab * SLAB_WORDS;
    const next = words[cacheAt + C_PARTIAL];
    words[at + S_NEXT] = next;
    words[at + S_PREVIOUS] = 0;
    if (next !== 0) words[layout.slabsAt + (next - 1) * SLAB_WORDS + S_PREVIOUS] = slab + 1;
    words[cacheAt + C_PARTIAL] = slab + 1;
  }

  private unlink(cacheAt: number, slab: number): void {
    const { words, layout } = this;
    const at = layout.slabsAt + slab * SLAB_WORDS;
    const next = words[at + S_NEXT];
    const previous = words[at + S_PREVIOUS];
    if (next !== 0) words[layout.slabsAt + (next - 1) * SLAB_WORDS + S_PREVIOUS] = previous;
    if (previous !== 0) words[layout.slabsAt + (previous - 1) * SLAB_WORDS + S_NEXT] = next;
    else {
      assert(words[cacheAt + C_PARTIAL] === slab + 1, 'a slab without a previous one is first');
      words[cacheAt + C_PARTIAL] = next;
    }
  }

  /** What lies at an offset, for the text of an error. */
  slotKind(owner: number, stride: number, offset: number): 'start' | 'inside' | 'foreign' {
    const place = offset - this.layout.objectByte;
    const slab = Math.floor(place / SHARED_SLAB_BYTES);
    if (!(slab >= 0 && slab < this.layout.slabCount)) return 'foreign';
    if (this.words[this.layout.slabsAt + slab * SLAB_WORDS + S_OWNER] !== owner) return 'foreign';
    const inSlab = place % SHARED_SLAB_BYTES;
    return inSlab % stride === 0 && inSlab / stride < perSlab(stride) ? 'start' : 'inside';
  }

  /** While nobody allocates or frees: every slot is in one state; throws InvariantError. O(slots). */
  checkInvariants(): void {
    for (let cache = 0; cache < this.layout.cacheCount; cache += 1) this.checkCache(cache);
  }

  private checkCache(cache: number): void {
    const { words, layout, state } = this;
    const cacheAt = layout.cachesAt + cache * CACHE_WORDS;
    const stride = words[cacheAt + C_STRIDE];
    const waiting = new Set<number>();
    for (let worker = 0; worker < layout.workerCount; worker += 1) {
      const fillAt = this.magazineOf(worker, cache);
      for (let i = 0; i < words[fillAt]; i += 1) {
        assert(!waiting.has(words[fillAt + 16 + i]), 'an object waits in one magazine');
        waiting.add(words[fillAt + 16 + i]);
      }
    }
    let available = 0;
    let slabs = 0;
    for (let slab = 0; slab < layout.slabCount; slab += 1) {
      const at = layout.slabsAt + slab * SLAB_WORDS;
      if (words[at + S_OWNER] !== cache + 1) continue;
      slabs += 1;
      let bits = 0;
      for (let slot = 0; slot < perSlab(stride); slot += 1) {
        const place = slab * SHARED_SLAB_BYTES + slot * stride;
        const map = words[layout.mapsAt + slab * SLAB_MAP_WORDS + (slot >>> 5)];
        const isAvailable = (map & (1 << slot)) !== 0;
        const inUse = state[place / 16] === cache + 1;
        const isWaiting = waiting.has(layout.objectByte + place);
        const states = Number(isAvailable) + Number(inUse) + Number(isWaiting);
        assert(states === 1, 'a slot is in use, or in a magazine, or in its slab');
        bits += Number(isAvailable);
      }
      assert(bits === words[at + S_AVAILABLE], 'the count of a slab is that of its bits');
      available += bits;
    }
    assert(available === words[cacheAt + C_AVAILABLE], 'available objects are those of the slabs');
    assert(slabs === words[cacheAt + C_SLAB_COUNT], 'every slab is counted');
  }
}

function perSlab(stride: number): number {
  return Math.floor(SHARED_SLAB_BYTES / stride);
}
