import { NIL } from '@hotpath/hw-x86';

/** Tag: a page is here (a shadow is not a page). */
export const TAG_PRESENT = 0;
/** Tag: the page is dirty. */
export const TAG_DIRTY = 1;
/** Tag: a write of the page is under way. */
export const TAG_WRITEBACK = 2;
/** Number of tags. */
export const TAG_COUNT = 3;
/** Entries of a node. */
export const FANOUT = 64;

/**
 * The nodes of all radix trees: columns that double when they are full, so reload them after any
 * call that may take a node. A node is 300 bytes; full leaves cost 4.7 bytes a page.
 *
 * For every node: fill = entries that are not 0; tag bit i of an inner node = OR of that tag in
 * child i.
 */
export class IndexNodes {
  /** Nodes in use. */
  usedCount = 0;
  /** Leaves on the ring of those that hold nothing but shadows. */
  barrenCount = 0;
  nodeLimit = 0;

  child: Int32Array = new Int32Array(0);
  tags: Int32Array = new Int32Array(0);
  parent: Int32Array = new Int32Array(0);
  file: Int32Array = new Int32Array(0);
  shadows: Uint8Array = new Uint8Array(0);
  fill: Uint8Array = new Uint8Array(0);
  level: Uint8Array = new Uint8Array(0);
  parentEntry: Uint8Array = new Uint8Array(0);
  /** Ring of barren leaves, oldest first; the sentinel is index nodeLimit. Also the free list. */
  ringNext: Int32Array = new Int32Array(1);
  ringPrevious: Int32Array = new Int32Array(1);
  private free = NIL;

  constructor() {
    this.grow(16);
  }

  /** Bytes of all columns, used or not. */
  get byteCount(): number {
    return this.nodeLimit * (FANOUT * 4 + TAG_COUNT * 8 + 4 * 4 + 4);
  }

  /** A node with no entries and no tags. */
  take(file: number, level: number, parent: number, entry: number): number {
    if (this.free === NIL) this.grow(this.nodeLimit * 2);
    const node = this.free;
    this.free = this.ringNext[node];
    this.ringNext[node] = NIL;
    this.file[node] = file;
    this.level[node] = level;
    this.parent[node] = parent;
    this.parentEntry[node] = entry;
    this.usedCount++;
    return node;
  }

  /** Gives back a node that has no entries left. */
  give(node: number): void {
    this.ringNext[node] = this.free;
    this.free = node;
    this.usedCount--;
  }

  /** Puts a leaf at the young end of the ring. */
  enterRing(leaf: number): void {
    const end = this.nodeLimit;
    const last = this.ringPrevious[end];
    this.ringNext[last] = leaf;
    this.ringPrevious[leaf] = last;
    this.ringNext[leaf] = end;
    this.ringPrevious[end] = leaf;
    this.barrenCount++;
  }

  leaveRing(leaf: number): void {
    const next = this.ringNext[leaf];
    const previous = this.ringPrevious[leaf];
    this.ringNext[previous] = next;
    this.ringPrevious[next] = previous;
    this.barrenCount--;
  }

  /** First entry >= `entry` of a node that has the tag, or FANOUT. */
  nextTag(node: number, tag: number, entry: number): number {
    return nextBit(this.tags, (node * TAG_COUNT + tag) * 2, entry);
  }

  testBit(node: number, tag: number, entry: number): boolean {
    const word = this.tags[(node * TAG_COUNT + tag) * 2 + (entry >>> 5)];
    return ((word >>> (entry & 31)) & 1) === 1;
  }

  /** Sets a tag of a leaf's entry, and of its parents as far as they lack it. */
  setTag(leaf: number, tag: number, at: number): void {
    let node = leaf;
    let entry = at;
    while (node !== NIL && !this.testBit(node, tag, entry)) {
      this.tags[(node * TAG_COUNT + tag) * 2 + (entry >>> 5)] |= 1 << (entry & 31);
      entry = this.parentEntry[node];
      node = this.parent[node];
    }
  }

  /** Clears a tag of a leaf's entry, and of its parents as far as nothing else has it. */
  clearTag(leaf: number, tag: number, at: number): void {
    if (!this.testBit(leaf, tag, at)) return;
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
    ringNext[nodeLimit - 1] = this.free;
    this.free = before;
    this.ringNext = ringNext;
    this.ringPrevious = ringPrevious;
    this.child = grown(this.child, new Int32Array(nodeLimit * FANOUT));
    this.tags = grown(this.tags, new Int32Array(nodeLimit * TAG_COUNT * 2));
    this.parent = grown(this.parent, new Int32Array(nodeLimit));
    this.file = grown(this.file, new Int32Array(nodeLimit));
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
