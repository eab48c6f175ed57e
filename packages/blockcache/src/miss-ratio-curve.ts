/**
 * A miss-ratio curve of LRU by sampling (SHARDS, Waldspurger et al., FAST 2015): keys whose hash is
 * below a threshold are followed, and their reuse distances scaled up. The threshold falls so that at
 * most `sampleLimit` keys are followed: constant memory for any number of keys.
 */
import { assert, checkInteger } from '@hotpath/hw-x86';

// A key is followed exactly when hash(key) < threshold. rate === threshold / 2**24.
// tree is a Fenwick tree over time: position t holds 1 if t is the last use of a followed key.

const HASH_RANGE = 2 ** 24;
const HISTOGRAM_BUCKETS = 4096;

function hash24(key: number): number {
  const high = Math.imul((key / 4_294_967_296) | 0, 0x85ebca6b);
  let x = (key | 0) ^ high;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 8;
}

/** Options of {@link MissRatioCurve}. */
export interface MissRatioCurveOptions {
  /** Largest cache size that will be asked for, in blocks. */
  maximum: number;
  /** Keys followed at most; default 8,192. The mean error falls with its square root. */
  sampleLimit?: number;
}

/** "What would another size give?", from the requests as they come. */
export class MissRatioCurve {
  readonly #maximum: number;
  readonly #sampleLimit: number;
  #threshold = HASH_RANGE;
  /** Last use of each followed key, as a time of the tree. */
  readonly #lastUse = new Map<number, number>();
  /** Followed keys by hash, largest first to go: a heap of (hash, key). */
  readonly #heapHash: number[] = [];
  readonly #heapKey: number[] = [];
  #tree: Int32Array;
  #now = 0;
  /** Weighted counts of reuse distances: bucket b holds distances up to `(b + 1) * step`. */
  readonly #histogram = new Float64Array(HISTOGRAM_BUCKETS + 1);
  readonly #step: number;
  #weight = 0;
  /** Requests seen, followed or not. */
  requests = 0;

  constructor(options: MissRatioCurveOptions) {
    this.#maximum = checkInteger('ERR_MAXIMUM', 'maximum', options.maximum, 1, 2 ** 40);
    const limit = options.sampleLimit ?? 8192;
    this.#sampleLimit = checkInteger('ERR_SAMPLE_LIMIT', 'sampleLimit', limit, 16, 2 ** 20);
    this.#step = Math.max(1, this.#maximum / HISTOGRAM_BUCKETS);
    this.#tree = new Int32Array(this.#sampleLimit * 4 + 1);
  }

  /** Share of keys that are followed, 0 to 1. */
  get rate(): number {
    return this.#threshold / HASH_RANGE;
  }

  /** Takes a request. One hash for a key that is not followed, else O(log sampleLimit). */
  access(key: number): void {
    this.requests += 1;
    const hash = hash24(key);
    if (hash >= this.#threshold) return;
    const weight = HASH_RANGE / this.#threshold;
    const last = this.#lastUse.get(key);
    if (this.#now === this.#tree.length - 1) this.#compact();
    this.#weight += weight;
    if (last === undefined) {
      this.#histogram[HISTOGRAM_BUCKETS] += weight;
      this.#pushHeap(hash, key);
    } else {
      const before = this.#lastUse.get(key) as number;
      const distance = this.#sum(this.#now) - this.#sum(before) + 1;
      const scaled = distance * weight;
      const bucket = Math.ceil(scaled / this.#step) - 1;
      this.#histogram[Math.min(bucket, HISTOGRAM_BUCKETS)] += weight;
      this.#add(before, -1);
    }
    this.#now += 1;
    this.#add(this.#now, 1);
    this.#lastUse.set(key, this.#now);
    while (this.#lastUse.size > this.#sampleLimit) this.#lowerThreshold();
  }

  /** Estimated miss ratio of an LRU cache of this many blocks, 0 to 1; NaN before any request. */
  missRatio(capacity: number): number {
    checkInteger('ERR_CAPACITY', 'capacity', capacity, 1, this.#maximum);
    // The sampled weight differs from the requests by chance: the difference belongs to the
    // shortest distances (SHARDS-adj), which the hottest keys have.
    let hits = this.requests - this.#weight;
    const buckets = capacity / this.#step;
    const whole = Math.floor(buckets);
    for (let bucket = 0; bucket < whole; bucket++) hits += this.#histogram[bucket];
    if (whole < HISTOGRAM_BUCKETS) hits += this.#histogram[whole] * (buckets - whole);
    return Math.min(1, Math.max(0, 1 - hits / this.requests));
  }

  #lowerThreshold(): void {
    const top = this.#heapHash[0];
    this.#threshold = top;
    while (this.#heapHash.length > 0 && this.#heapHash[0] >= this.#threshold) {
      const key = this.#heapKey[0];
      this.#popHeap();
      this.#add(this.#lastUse.get(key) as number, -1);
      this.#lastUse.delete(key);
    }
  }

  /** Renumbers the times of the followed keys 1 .. n, in order. */
  #compact(): void {
    const entries = [...this.#lastUse].sort((a, b) => a[1] - b[1]);
    this.#tree = new Int32Array(this.#tree.length);
    this.#now = 0;
    for (const [key] of entries) {
      this.#now += 1;
      this.#lastUse.set(key, this.#now);
      this.#add(this.#now, 1);
    }
  }

  #add(time: number, delta: number): void {
    const tree = this.#tree;
    for (let t = time; t < tree.length; t += t & -t) tree[t] += delta;
  }

  #sum(time: number): number {
    const tree = this.#tree;
    let sum = 0;
    for (let t = time; t > 0; t -= t & -t) sum += tree[t];
    return sum;
  }

  #pushHeap(hash: number, key: number): void {
    const hashes = this.#heapHash;
    const keys = this.#heapKey;
    let at = hashes.length;
    hashes.push(hash);
    keys.push(key);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (hashes[parent] >= hash) break;
      hashes[at] = hashes[parent];
      keys[at] = keys[parent];
      at = parent;
    }
    hashes[at] = hash;
    keys[at] = key;
  }

  #popHeap(): void {
    const hashes = this.#heapHash;
    const keys = this.#heapKey;
    const hash = hashes.pop() as number;
    const key = keys.pop() as number;
    if (hashes.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= hashes.length) break;
      if (child + 1 < hashes.length && hashes[child + 1] > hashes[child]) child += 1;
      if (hashes[child] <= hash) break;
      hashes[at] = hashes[child];
      keys[at] = keys[child];
      at = child;
    }
    hashes[at] = hash;
    keys[at] = key;
  }

  /** Throws InvariantError when tree, heap and map contradict each other. */
  checkInvariants(): void {
    assert(this.#lastUse.size <= this.#sampleLimit, 'miss-ratio curve: too many keys followed');
    assert(this.#lastUse.size === this.#heapHash.length, 'miss-ratio curve: heap and map differ');
    assert(this.#sum(this.#now) === this.#lastUse.size, 'miss-ratio curve: the tree is wrong');
    for (const hash of this.#heapHash) {
      assert(hash < this.#threshold, 'miss-ratio curve: a key above the threshold is followed');
    }
  }
}
