import { assert, NIL } from '@hotpath/hw-x86';

/** Tag: a page is here (a shadow is not a page). */
export const TAG_PRESENT = 0;
/** Tag: the page is dirty. */
export const TAG_DIRTY = 1;
/** Tag: a write of the page is under way. */
export const TAG_WRITEBACK = 2;

const TAG_COUNT = 3;
const FANOUT = 64;
/** Pages covered by a tree of height h. */
const COVER = [1, 64, 64 ** 2, 64 ** 3, 64 ** 4, 64 ** 5, 64 ** 6];

/**
 * Radix trees, one per file, in the manner of Linux's page tree: nodes of 64 entries, and in each
 * node one bit per entry and tag, so that "next dirty page" and "next hole" skip whole subtrees.
 * Look-ups in the leaf that was used last cost one load; others one load a level, and the levels
 * are as many as the largest page number needs (one below 64 pages, two below 4,096, at most six).
 *
 * Entry of a leaf: 0 nothing; s + 1 the page in slot s; negative: -(1 + stamp), the shadow that an
 * evicted page leaves. Entry of an inner node: child + 1.
 *
 * For every node: fill = entries that are not 0; tag bit i of an inner node = OR of that tag in
 * child i; fill > 0.
 */
export class PageIndex {
  /** Pages in all trees. */
  presentCount = 0;
  /** Shadows in all trees. */
  shadowCount = 0;
  /** Nodes in use. */
  nodeCount = 0;

  private child: Int32Array;
  private tags: Int32Array;
  private parent: Int32Array;
  private nodeFile: Int32Array;
  private shadows: Uint8Array;
  private fill: Uint8Array;
  private level: Uint8Array;
  private parentEntry: Uint8Array;
  /** Ring of leaves that hold shadows only, oldest first; the sentinel is index nodeLimit. */
  private ringNext: Int32Array;
  private ringPrevious: Int32Array;
  private freeNode = NIL;
  private nodeLimit: number;
  private barrenCount = 0;
  private readonly barrenLimit: number;

  private root: Int32Array;
  private height: Uint8Array;
  private hintKey: Int32Array;
  private hintLeaf: Int32Array;

  /** @param barrenLimit - leaves that may hold nothing but shadows before the oldest is dropped */
  constructor(fileLimit: number, barrenLimit: number) {
    this.barrenLimit = barrenLimit;
    this.root = new Int32Array(fileLimit).fill(NIL);
    this.height = new Uint8Array(fileLimit);
    this.hintKey = new Int32Array(fileLimit).fill(NIL);
    this.hintLeaf = new Int32Array(fileLimit).fill(NIL);
    this.nodeLimit = 0;
    this.child = new Int32Array(0);
    this.tags = new Int32Array(0);
    this.parent = new Int32Array(0);
    this.nodeFile = new Int32Array(0);
    this.shadows = new Uint8Array(0);
    this.fill = new Uint8Array(0);
    this.level = new Uint8Array(0);
    this.parentEntry = new Uint8Array(0);
    this.ringNext = new Int32Array(1);
    this.ringPrevious = new Int32Array(1);
    this.grow(16);
  }

  /** Bytes of all node columns, used or not. */
  get byteCount(): number {
    return this.nodeLimit * (FANOUT * 4 + TAG_COUNT * 8 + 4 * 4 + 4);
  }

  /** Makes room for more files. */
  growFiles(fileLimit: number): void {
    const root = new Int32Array(fileLimit).fill(NIL);
    const height = new Uint8Array(fileLimit);
    const hintKey = new Int32Array(fileLimit).fill(NIL);
    const hintLeaf = new Int32Array(fileLimit).fill(NIL);
    root.set(this.root);
    height.set(this.height);
    hintKey.set(this.hintKey);
    hintLeaf.set(this.hintLeaf);
    this.root = root;
    this.height = height;
    this.hintKey = hintKey;
    this.hintLeaf = hintLeaf;
  }

  /** The entry of a page: slot + 1, 0, or a negative shadow. */
  lookup(file: number, page: number): number {
    if (this.hintKey[file] === page >>> 6) {
      return this.child[this.hintLeaf[file] * FANOUT + (page & 63)];
    }
    const leaf = this.leafOf(file, page);
    if (leaf === NIL) return 0;
    this.hintKey[file] = page >>> 6;
    this.hintLeaf[file] = leaf;
    return this.child[leaf * FANOUT + (page & 63)];
  }

  /** Puts a page in; returns the entry that was there, 0 or a shadow. O(height). */
  insert(file: number, page: number, slot: number): number {
    const leaf = this.makeLeaf(file, page);
    const at = leaf * FANOUT + (page & 63);
    const before = this.child[at];
    assert(before <= 0, 'a page is indexed twice');
    if (before < 0) {
      this.dropShadow(leaf);
    } else {
      if (this.shadows[leaf] > 0 && this.shadows[leaf] === this.fill[leaf]) this.leaveRing(leaf);
      this.fill[leaf]++;
    }
    this.child[at] = slot + 1;
    this.presentCount++;
    this.setBit(leaf, TAG_PRESENT, page & 63);
    return before;
  }

  /** Takes a page out, leaving `shadow` (0 or negative) in its place. O(height). */
  remove(file: number, page: number, shadow: number): void {
    const leaf = this.leafOf(file, page);
    assert(leaf !== NIL, 'a page to remove is not in the index');
    const at = leaf * FANOUT + (page & 63);
    assert(this.child[at] > 0, 'a page to remove is not in the index');
    for (let tag = 0; tag < TAG_COUNT; tag++) this.clearBit(leaf, tag, page & 63);
    this.presentCount--;
    this.child[at] = shadow;
    if (shadow !== 0) {
      this.shadowCount++;
      this.shadows[leaf]++;
      if (this.shadows[leaf] === this.fill[leaf]) this.enterRing(leaf);
      return;
    }
    this.emptied(leaf);
  }

  /** Forgets the shadows of pages `first .. last`. */
  removeShadows(file: number, first: number, last: number): void {
    if (this.shadowCount === 0) return;
    let page = first;
    while (page <= last) {
      const leaf = this.leafOf(file, page);
      const end = (Math.floor(page / FANOUT) + 1) * FANOUT;
      if (leaf === NIL) {
        page = this.nextLeaf(file, end);
        if (page === NIL) return;
        continue;
      }
      if (this.shadows[leaf] > 0) this.sweepShadows(leaf, page, Math.min(last, end - 1));
      page = end;
    }
  }

  /** Drops a file's whole tree, which may hold shadows only. */
  drop(file: number): void {
    this.removeShadows(file, 0, 2 ** 32 - 1);
    assert(this.root[file] === NIL, 'a file with pages is dropped');
  }

  setTag(file: number, page: number, tag: number): void {
    const leaf = this.leafOf(file, page);
    assert(leaf !== NIL, 'a page to tag is not in the index');
    this.setBit(leaf, tag, page & 63);
  }

  clearTag(file: number, page: number, tag: number): void {
    const leaf = this.leafOf(file, page);
    assert(leaf !== NIL, 'a page to untag is not in the index');
    this.clearBit(leaf, tag, page & 63);
  }

  /** First page >= `from` with the tag, or NIL. O(height) and a word per node on the way. */
  nextTagged(file: number, from: number, tag: number): number {
    let page = from;
    const height = this.height[file];
    if (this.root[file] === NIL) return NIL;
    const { child, tags } = this;
    while (page < COVER[height]) {
      let node = this.root[file];
      let level = height - 1;
      for (;;) {
        const span = COVER[level];
        const entry = Math.floor(page / span) % FANOUT;
        const next = nextBit(tags, (node * TAG_COUNT + tag) * 2, entry);
        if (next === FANOUT) {
          const above = COVER[level + 1];
          page = (Math.floor(page / above) + 1) * above;
          break;
        }
        if (next > entry) page = (Math.floor(page / span) - entry + next) * span;
        if (level === 0) return page;
        node = child[node * FANOUT + next] - 1;
        level--;
      }
    }
    return NIL;
  }

  /** First page >= `from` that is not in the cache. */
  nextHole(file: number, from: number): number {
    let page = from;
    for (;;) {
      const leaf = this.leafOf(file, page);
      if (leaf === NIL) return page;
      const at = (leaf * TAG_COUNT + TAG_PRESENT) * 2;
      for (let entry = page & 63; entry < FANOUT; entry++) {
        const word = this.tags[at + (entry >>> 5)];
        if (word === -1 && (entry & 31) === 0) {
          entry += 31;
          continue;
        }
        if (((word >>> (entry & 31)) & 1) === 0) return Math.floor(page / FANOUT) * FANOUT + entry;
      }
      page = (Math.floor(page / FANOUT) + 1) * FANOUT;
    }
  }

  /** Address arithmetic for the meter: byte offset of the leaf entry that `lookup` loads. */
  entryOffset(file: number, page: number): number {
    return (this.hintLeaf[file] * FANOUT + (page & 63)) * 4;
  }

  /** Throws InvariantError if a count, tag or link contradicts another. O(nodes). For tests. */
  checkInvariants(): void {
    let present = 0;
    let shadows = 0;
    let nodes = 0;
    for (let file = 0; file < this.root.length; file++) {
      const root = this.root[file];
      if (root === NIL) continue;
      const stack = [root];
      while (stack.length > 0) {
        const node = stack.pop()!;
        nodes++;
        const counted = this.checkNode(file, node, stack);
        present += counted.present;
        shadows += counted.shadows;
      }
    }
    assert(present === this.presentCount, 'present pages are miscounted');
    assert(shadows === this.shadowCount, 'shadows are miscounted');
    assert(nodes === this.nodeCount, 'index nodes leak');
    let barren = 0;
    for (let n = this.ringNext[this.nodeLimit]; n !== this.nodeLimit; n = this.ringNext[n]) {
      assert(this.ringPrevious[this.ringNext[n]] === n, 'the shadow ring is broken');
      barren++;
    }
    assert(barren === this.barrenCount, 'barren leaves are miscounted');
  }

  private checkNode(
    file: number,
    node: number,
    stack: number[],
  ): { present: number; shadows: number } {
    let fill = 0;
    let present = 0;
    let shadows = 0;
    assert(this.nodeFile[node] === file, 'an index node belongs to another file');
    for (let entry = 0; entry < FANOUT; entry++) {
      const value = this.child[node * FANOUT + entry];
      if (value !== 0) fill++;
      if (this.level[node] > 0) {
        if (value === 0) continue;
        assert(this.parent[value - 1] === node, 'an index node has the wrong parent');
        stack.push(value - 1);
        for (let tag = 0; tag < TAG_COUNT; tag++) {
          const any = nextBit(this.tags, ((value - 1) * TAG_COUNT + tag) * 2, 0) < FANOUT;
          assert(this.testBit(node, tag, entry) === any, 'an inner tag contradicts its subtree');
        }
      } else {
        if (value > 0) present++;
        if (value < 0) shadows++;
        assert(this.testBit(node, TAG_PRESENT, entry) === value > 0, 'a present tag is wrong');
      }
    }
    assert(fill === this.fill[node] && fill > 0, 'an index node is miscounted');
    assert(shadows === this.shadows[node], 'the shadows of a leaf are miscounted');
    return { present, shadows };
  }

  private leafOf(file: number, page: number): number {
    const height = this.height[file];
    if (page >= COVER[height]) return NIL;
    let node = this.root[file];
    for (let level = height - 1; level > 0 && node !== NIL; level--) {
      node = this.child[node * FANOUT + (Math.floor(page / COVER[level]) % FANOUT)] - 1;
    }
    return node;
  }

  private makeLeaf(file: number, page: number): number {
    if (this.root[file] === NIL) {
      let height = 1;
      while (page >= COVER[height]) height++;
      this.height[file] = height;
      this.root[file] = this.takeNode(file, height - 1, NIL, 0);
    }
    while (page >= COVER[this.height[file]]) this.raiseRoot(file);
    let node = this.root[file];
    for (let level = this.height[file] - 1; level > 0; level--) {
      const entry = Math.floor(page / COVER[level]) % FANOUT;
      let next = this.child[node * FANOUT + entry] - 1;
      if (next === NIL) {
        next = this.takeNode(file, level - 1, node, entry);
        this.child[node * FANOUT + entry] = next + 1;
        this.fill[node]++;
      }
      node = next;
    }
    return node;
  }

  private raiseRoot(file: number): void {
    const below = this.root[file];
    const root = this.takeNode(file, this.height[file], NIL, 0);
    this.child[root * FANOUT] = below + 1;
    this.fill[root] = 1;
    this.parent[below] = root;
    this.parentEntry[below] = 0;
    for (let tag = 0; tag < TAG_COUNT; tag++) {
      const any = nextBit(this.tags, (below * TAG_COUNT + tag) * 2, 0) < FANOUT;
      if (any) this.tags[(root * TAG_COUNT + tag) * 2] |= 1;
    }
    this.root[file] = root;
    this.height[file]++;
  }

  private takeNode(file: number, level: number, parent: number, entry: number): number {
    if (this.freeNode === NIL) this.grow(this.nodeLimit * 2);
    const node = this.freeNode;
    this.freeNode = this.ringNext[node];
    this.ringNext[node] = NIL;
    this.nodeFile[node] = file;
    this.level[node] = level;
    this.parent[node] = parent;
    this.parentEntry[node] = entry;
    this.nodeCount++;
    return node;
  }

  /** Frees the leaf if nothing is left in it, and then its parents. */
  private emptied(leaf: number): void {
    let node = leaf;
    this.fill[node]--;
    if (this.fill[node] > 0) {
      if (this.level[node] === 0 && this.shadows[node] === this.fill[node]) this.enterRing(node);
      return;
    }
    const file = this.nodeFile[node];
    if (this.hintLeaf[file] === leaf) {
      this.hintKey[file] = NIL;
      this.hintLeaf[file] = NIL;
    }
    while (this.fill[node] === 0) {
      const parent = this.parent[node];
      const entry = this.parentEntry[node];
      this.ringNext[node] = this.freeNode;
      this.freeNode = node;
      this.nodeCount--;
      if (parent === NIL) {
        this.root[file] = NIL;
        this.height[file] = 0;
        return;
      }
      this.child[parent * FANOUT + entry] = 0;
      this.fill[parent]--;
      node = parent;
    }
  }

  private dropShadow(leaf: number): void {
    if (this.shadows[leaf] === this.fill[leaf]) this.leaveRing(leaf);
    this.shadows[leaf]--;
    this.shadowCount--;
  }

  private sweepShadows(leaf: number, first: number, last: number): void {
    const page0 = Math.floor(first / FANOUT) * FANOUT;
    for (let entry = first - page0; entry <= last - page0; entry++) {
      if (this.child[leaf * FANOUT + entry] >= 0) continue;
      this.dropShadow(leaf);
      this.child[leaf * FANOUT + entry] = 0;
      this.emptied(leaf);
    }
  }

  /** First page of the next leaf at or after `page`, or NIL. */
  private nextLeaf(file: number, page: number): number {
    const height = this.height[file];
    let at = page;
    while (this.root[file] !== NIL && at < COVER[height]) {
      let node = this.root[file];
      let level = height - 1;
      while (level > 0) {
        const entry = Math.floor(at / COVER[level]) % FANOUT;
        const next = this.child[node * FANOUT + entry] - 1;
        if (next === NIL) break;
        node = next;
        level--;
      }
      if (level === 0) return at;
      at = (Math.floor(at / COVER[level]) + 1) * COVER[level];
    }
    return NIL;
  }

  private enterRing(leaf: number): void {
    const end = this.nodeLimit;
    const last = this.ringPrevious[end];
    this.ringNext[last] = leaf;
    this.ringPrevious[leaf] = last;
    this.ringNext[leaf] = end;
    this.ringPrevious[end] = leaf;
    this.barrenCount++;
    if (this.barrenCount <= this.barrenLimit) return;
    const oldest = this.ringNext[end];
    const file = this.nodeFile[oldest];
    for (let entry = 0; entry < FANOUT && this.shadows[oldest] > 0; entry++) {
      if (this.child[oldest * FANOUT + entry] >= 0) continue;
      this.dropShadow(oldest);
      this.child[oldest * FANOUT + entry] = 0;
      this.emptied(oldest);
    }
    assert(this.nodeFile[oldest] === file, 'a pruned leaf changed its file');
  }

  private leaveRing(leaf: number): void {
    const next = this.ringNext[leaf];
    const previous = this.ringPrevious[leaf];
    this.ringNext[previous] = next;
    this.ringPrevious[next] = previous;
    this.barrenCount--;
  }

  private testBit(node: number, tag: number, entry: number): boolean {
    const word = this.tags[(node * TAG_COUNT + tag) * 2 + (entry >>> 5)];
    return ((word >>> (entry & 31)) & 1) === 1;
  }

  private setBit(leaf: number, tag: number, at: number): void {
    let node = leaf;
    let entry = at;
    while (node !== NIL && !this.testBit(node, tag, entry)) {
      this.tags[(node * TAG_COUNT + tag) * 2 + (entry >>> 5)] |= 1 << (entry & 31);
      entry = this.parentEntry[node];
      node = this.parent[node];
    }
  }

  private clearBit(leaf: number, tag: number, at: number): void {
    let node = leaf;
    let entry = at;
    while (node !== NIL) {
      const word = (node * TAG_COUNT + tag) * 2;
      this.tags[word + (entry >>> 5)] &= ~(1 << (entry & 31));
      if (this.tags[word] !== 0 || this.tags[word + 1] !== 0) return;
      entry = this.parentEntry[node];
      node = this.parent[node];
    }
  }

  private grow(nodeLimit: number): void {
    const before = this.nodeLimit;
    const ringNext = new Int32Array(nodeLimit + 1);
    const ringPrevious = new Int32Array(nodeLimit + 1);
    ringNext.set(this.ringNext.subarray(0, before));
    ringPrevious.set(this.ringPrevious.subarray(0, before));
    // The sentinel moves to the new end.
    const first = this.barrenCount > 0 ? this.ringNext[before] : nodeLimit;
    const last = this.barrenCount > 0 ? this.ringPrevious[before] : nodeLimit;
    ringNext[nodeLimit] = first;
    ringPrevious[nodeLimit] = last;
    if (this.barrenCount > 0) {
      ringPrevious[first] = nodeLimit;
      ringNext[last] = nodeLimit;
    }
    for (let node = before; node < nodeLimit; node++) ringNext[node] = node + 1;
    ringNext[nodeLimit - 1] = this.freeNode;
    this.freeNode = before;
    this.ringNext = ringNext;
    this.ringPrevious = ringPrevious;
    this.child = grown(this.child, new Int32Array(nodeLimit * FANOUT));
    this.tags = grown(this.tags, new Int32Array(nodeLimit * TAG_COUNT * 2));
    this.parent = grown(this.parent, new Int32Array(nodeLimit));
    this.nodeFile = grown(this.nodeFile, new Int32Array(nodeLimit));
    this.shadows = grown(this.shadows, new Uint8Array(nodeLimit));
    this.fill = grown(this.fill, new Uint8Array(nodeLimit));
    this.level = grown(this.level, new Uint8Array(nodeLimit));
    this.parentEntry = grown(this.parentEntry, new Uint8Array(nodeLimit));
    this.nodeLimit = nodeLimit;
  }
}

function grown<T extends Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** First set bit >= `entry` of the two words at `at`, or 64. */
function nextBit(words: Int32Array, at: number, entry: number): number {
  if (entry < 32) {
    const low = words[at] & (-1 << entry);
    if (low !== 0) return 31 - Math.clz32(low & -low);
  }
  const high = entry < 32 ? words[at + 1] : words[at + 1] & (-1 << (entry - 32));
  if (high !== 0) return 63 - Math.clz32(high & -high);
  return FANOUT;
}
