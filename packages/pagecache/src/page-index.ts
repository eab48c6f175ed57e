import { assert, NIL } from '@hotpath/hw-x86';
import { checkIndex } from './index-invariants.js';
import { FANOUT, IndexNodes, TAG_COUNT, TAG_PRESENT } from './index-nodes.js';

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
  private readonly nodes = new IndexNodes();
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
  }

  /** Bytes of all node columns, used or not. */
  get byteCount(): number {
    return this.nodes.byteCount;
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
      return this.nodes.child[this.hintLeaf[file] * FANOUT + (page & 63)];
    }
    const leaf = this.leafOf(file, page);
    if (leaf === NIL) return 0;
    this.hintKey[file] = page >>> 6;
    this.hintLeaf[file] = leaf;
    return this.nodes.child[leaf * FANOUT + (page & 63)];
  }

  /** Puts a page in; returns the entry that was there, 0 or a shadow. O(height). */
  insert(file: number, page: number, slot: number): number {
    const leaf = this.makeLeaf(file, page);
    const at = leaf * FANOUT + (page & 63);
    const before = this.nodes.child[at];
    assert(before <= 0, 'a page is indexed twice');
    if (before < 0) {
      this.dropShadow(leaf);
    } else {
      const { shadows, fill } = this.nodes;
      if (shadows[leaf] > 0 && shadows[leaf] === fill[leaf]) this.nodes.leaveRing(leaf);
      fill[leaf]++;
    }
    this.nodes.child[at] = slot + 1;
    this.presentCount++;
    this.nodes.setTag(leaf, TAG_PRESENT, page & 63);
    return before;
  }

  /** Takes a page out, leaving `shadow` (0 or negative) in its place. O(height). */
  remove(file: number, page: number, shadow: number): void {
    const leaf = this.leafOf(file, page);
    assert(leaf !== NIL, 'a page to remove is not in the index');
    const at = leaf * FANOUT + (page & 63);
    assert(this.nodes.child[at] > 0, 'a page to remove is not in the index');
    for (let tag = 0; tag < TAG_COUNT; tag++) this.nodes.clearTag(leaf, tag, page & 63);
    this.presentCount--;
    this.nodes.child[at] = shadow;
    if (shadow !== 0) {
      this.shadowCount++;
      this.nodes.shadows[leaf]++;
      if (this.nodes.shadows[leaf] === this.nodes.fill[leaf]) this.becameBarren(leaf);
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
      if (this.nodes.shadows[leaf] > 0) this.sweepShadows(leaf, page, Math.min(last, end - 1));
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
    this.nodes.setTag(leaf, tag, page & 63);
  }

  clearTag(file: number, page: number, tag: number): void {
    const leaf = this.leafOf(file, page);
    assert(leaf !== NIL, 'a page to untag is not in the index');
    this.nodes.clearTag(leaf, tag, page & 63);
  }

  /** First page >= `from` with the tag, or NIL. O(height) and a word per node on the way. */
  nextTagged(file: number, from: number, tag: number): number {
    let page = from;
    const height = this.height[file];
    if (this.root[file] === NIL) return NIL;
    const { nodes } = this;
    const { child } = nodes;
    while (page < COVER[height]) {
      let node = this.root[file];
      let level = height - 1;
      for (;;) {
        const span = COVER[level];
        const entry = Math.floor(page / span) % FANOUT;
        const next = nodes.nextTag(node, tag, entry);
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
        const word = this.nodes.tags[at + (entry >>> 5)];
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
    checkIndex(this.nodes, this.root, this.presentCount, this.shadowCount);
  }

  private leafOf(file: number, page: number): number {
    const height = this.height[file];
    if (page >= COVER[height]) return NIL;
    let node = this.root[file];
    for (let level = height - 1; level > 0 && node !== NIL; level--) {
      // A page number has 32 bits and a level at most 5, so shifts are exact here.
      node = this.nodes.child[node * FANOUT + ((page >>> (6 * level)) & 63)] - 1;
    }
    return node;
  }

  private makeLeaf(file: number, page: number): number {
    if (this.hintKey[file] === page >>> 6) return this.hintLeaf[file];
    if (this.root[file] === NIL) {
      let height = 1;
      while (page >= COVER[height]) height++;
      this.height[file] = height;
      this.root[file] = this.nodes.take(file, height - 1, NIL, 0);
    }
    while (page >= COVER[this.height[file]]) this.raiseRoot(file);
    let node = this.root[file];
    for (let level = this.height[file] - 1; level > 0; level--) {
      const entry = (page >>> (6 * level)) & 63;
      let next = this.nodes.child[node * FANOUT + entry] - 1;
      if (next === NIL) {
        next = this.nodes.take(file, level - 1, node, entry);
        this.nodes.child[node * FANOUT + entry] = next + 1;
        this.nodes.fill[node]++;
      }
      node = next;
    }
    this.hintKey[file] = page >>> 6;
    this.hintLeaf[file] = node;
    return node;
  }

  private raiseRoot(file: number): void {
    const below = this.root[file];
    const root = this.nodes.take(file, this.height[file], NIL, 0);
    this.nodes.child[root * FANOUT] = below + 1;
    this.nodes.fill[root] = 1;
    this.nodes.parent[below] = root;
    this.nodes.parentEntry[below] = 0;
    for (let tag = 0; tag < TAG_COUNT; tag++) {
      const any = this.nodes.nextTag(below, tag, 0) < FANOUT;
      if (any) this.nodes.tags[(root * TAG_COUNT + tag) * 2] |= 1;
    }
    this.root[file] = root;
    this.height[file]++;
  }

  /** Frees the leaf if nothing is left in it, and then its parents. */
  private emptied(leaf: number): void {
    let node = leaf;
    this.nodes.fill[node]--;
    if (this.nodes.fill[node] > 0) {
      if (this.nodes.level[node] === 0 && this.nodes.shadows[node] === this.nodes.fill[node])
        this.becameBarren(node);
      return;
    }
    const file = this.nodes.file[node];
    if (this.hintLeaf[file] === leaf) {
      this.hintKey[file] = NIL;
      this.hintLeaf[file] = NIL;
    }
    while (this.nodes.fill[node] === 0) {
      const parent = this.nodes.parent[node];
      const entry = this.nodes.parentEntry[node];
      this.nodes.give(node);
      if (parent === NIL) {
        this.root[file] = NIL;
        this.height[file] = 0;
        return;
      }
      this.nodes.child[parent * FANOUT + entry] = 0;
      this.nodes.fill[parent]--;
      node = parent;
    }
  }

  private dropShadow(leaf: number): void {
    if (this.nodes.shadows[leaf] === this.nodes.fill[leaf]) this.nodes.leaveRing(leaf);
    this.nodes.shadows[leaf]--;
    this.shadowCount--;
  }

  private sweepShadows(leaf: number, first: number, last: number): void {
    const page0 = Math.floor(first / FANOUT) * FANOUT;
    for (let entry = first - page0; entry <= last - page0; entry++) {
      if (this.nodes.child[leaf * FANOUT + entry] >= 0) continue;
      this.forgetShadow(leaf, entry);
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
        const next = this.nodes.child[node * FANOUT + entry] - 1;
        if (next === NIL) break;
        node = next;
        level--;
      }
      if (level === 0) return at;
      at = (Math.floor(at / COVER[level]) + 1) * COVER[level];
    }
    return NIL;
  }

  /** A leaf has nothing left but shadows; the oldest of too many such leaves loses them. */
  private becameBarren(leaf: number): void {
    const { nodes } = this;
    nodes.enterRing(leaf);
    if (nodes.barrenCount <= this.barrenLimit) return;
    const oldest = nodes.ringNext[nodes.nodeLimit];
    nodes.leaveRing(oldest);
    this.shadowCount -= nodes.shadows[oldest];
    nodes.shadows[oldest] = 0;
    nodes.child.fill(0, oldest * FANOUT, (oldest + 1) * FANOUT);
    nodes.fill[oldest] = 1; // All entries were shadows; emptied() takes the last one.
    this.emptied(oldest);
  }

  private forgetShadow(leaf: number, entry: number): void {
    this.dropShadow(leaf);
    this.nodes.child[leaf * FANOUT + entry] = 0;
    this.emptied(leaf);
  }
}
