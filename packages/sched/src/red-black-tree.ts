import { assert, type Meter, type VirtAddr } from '@hotpath/hw-x86';
import { checkSubtree } from './tree-check.js';

const RED = 1;
const BLACK = 0;
const ABSENT = 2;
const LEFT = 1;
const RIGHT = 2;
const COLOUR = 3;

const SITE_DESCEND = 19_200;
const SITE_INSERT_FIX = 19_201;
const SITE_REMOVE_FIX = 19_202;
const SITE_CHILD = 19_203;

/**
 * Red-black trees over shared slots (Cormen et al., chapter 13; Linux's rb_root_cached): a slot is in
 * at most one of `treeCount` trees, each with its leftmost slot cached. Equal keys keep the order of
 * insertion. Insert and remove O(log n), first O(1), nothing is allocated.
 *
 * Optionally augmented: each node holds the minimum of a second value over its subtree, for searches
 * such as EEVDF's.
 *
 * Layout: node = slot + 1, node 0 is the shared black sentinel. `links[4 * node + 0..3]` = parent,
 * left, right, colour (16 bytes, one cache line); `keys[node]`.
 *   For every node n: keys[left] <= keys[n] <= keys[right]; a red node has black children; every path
 *   to the sentinel holds the same number of black nodes; minimum[n] = min(value[n], minimum[children]).
 */
export class RedBlackTree {
  readonly slotCount: number;
  readonly treeCount: number;
  /** Slots in tree t. */
  readonly size: Int32Array;
  private readonly links: Int32Array;
  private readonly keys: Float64Array;
  private readonly roots: Int32Array;
  private readonly leftmosts: Int32Array;
  private readonly values: Float64Array | null;
  private readonly minimums: Float64Array | null;
  private readonly meter: Meter | null;
  private readonly linkBase: VirtAddr;
  private readonly keyBase: VirtAddr;
  private readonly valueBase: VirtAddr;

  constructor(slotCount: number, treeCount = 1, augmented = false, meter: Meter | null = null) {
    assert(slotCount > 0 && slotCount < 2 ** 28, 'slot count in range');
    this.slotCount = slotCount;
    this.treeCount = treeCount;
    this.size = new Int32Array(treeCount);
    this.links = new Int32Array(4 * (slotCount + 1));
    this.keys = new Float64Array(slotCount + 1);
    this.roots = new Int32Array(treeCount);
    this.leftmosts = new Int32Array(treeCount);
    this.values = augmented ? new Float64Array(slotCount + 1) : null;
    this.minimums = augmented ? new Float64Array(slotCount + 1).fill(Infinity) : null;
    for (let slot = 0; slot < slotCount; slot++) this.links[4 * (slot + 1) + COLOUR] = ABSENT;
    this.meter = meter;
    this.linkBase = meter === null ? 0 : meter.region('sched.tree.links', 16 * (slotCount + 1));
    this.keyBase = meter === null ? 0 : meter.region('sched.tree.keys', 8 * (slotCount + 1));
    this.valueBase =
      meter === null || !augmented ? 0 : meter.region('sched.tree.values', 16 * (slotCount + 1));
  }

  /** Whether the slot is in some tree. */
  contains(slot: number): boolean {
    return this.links[4 * (slot + 1) + COLOUR] !== ABSENT;
  }

  /** Slot with the smallest key (the earliest inserted of equals), or NIL. O(1). */
  first(tree = 0): number {
    return this.leftmosts[tree] - 1;
  }

  /** Key of a slot that is in a tree. */
  keyOf(slot: number): number {
    return this.keys[slot + 1];
  }

  /** Second value of a slot that is in an augmented tree. */
  valueOf(slot: number): number {
    assert(this.values !== null, 'value of an augmented tree');
    return this.values[slot + 1];
  }

  /** The next slot in key order, or NIL. O(log n), amortised O(1). */
  next(slot: number): number {
    return this.successor(slot + 1) - 1;
  }

  /** Root slot, or NIL; with {@link left} and {@link right} for searches over the augmentation. */
  root(tree = 0): number {
    return this.roots[tree] - 1;
  }
  /** Left child, or NIL. */
  left(slot: number): number {
    if (this.meter !== null) this.meter.load(this.linkBase + 16 * (slot + 1) + 4);
    return this.links[4 * (slot + 1) + LEFT] - 1;
  }
  /** Right child, or NIL. */
  right(slot: number): number {
    if (this.meter !== null) this.meter.load(this.linkBase + 16 * (slot + 1) + 8);
    return this.links[4 * (slot + 1) + RIGHT] - 1;
  }
  /** Least second value in the slot's subtree. */
  minimumOf(slot: number): number {
    assert(this.minimums !== null, 'minimum of an augmented tree');
    if (this.meter !== null) this.meter.load(this.valueBase + 16 * (slot + 1));
    return this.minimums[slot + 1];
  }

  /** Puts a slot in; it must be in no tree. `value` counts only in an augmented tree. */
  insert(slot: number, key: number, tree = 0, value = 0): void {
    const links = this.links;
    const keys = this.keys;
    const meter = this.meter;
    const node = slot + 1;
    assert(links[4 * node + COLOUR] === ABSENT, 'an inserted slot is in no tree');
    keys[node] = key;
    let parent = 0;
    let child = this.roots[tree];
    let side = LEFT;
    let leftmost = true;
    while (child !== 0) {
      parent = child;
      const before = key < keys[child];
      side = before ? LEFT : RIGHT;
      if (!before) leftmost = false;
      if (meter !== null) {
        meter.load(this.keyBase + 8 * child);
        meter.load(this.linkBase + 16 * child + 4 * side);
        meter.branch(SITE_DESCEND, before);
      }
      child = links[4 * child + side];
    }
    const at = 4 * node;
    links[at] = parent;
    links[at + LEFT] = 0;
    links[at + RIGHT] = 0;
    links[at + COLOUR] = RED;
    if (parent === 0) this.roots[tree] = node;
    else links[4 * parent + side] = node;
    if (leftmost) this.leftmosts[tree] = node;
    this.size[tree]++;
    if (meter !== null) {
      meter.store(this.keyBase + 8 * node);
      meter.store(this.linkBase + 16 * node);
      meter.store(this.linkBase + 16 * node + 8);
      if (parent !== 0) meter.store(this.linkBase + 16 * parent + 4 * side);
      meter.retire(8);
    }
    if (this.minimums !== null) this.raiseMinimum(node, parent, value);
    this.insertFix(node, tree);
  }

  /** Takes a slot out of the tree it is in. */
  remove(slot: number, tree = 0): void {
    const links = this.links;
    const meter = this.meter;
    const node = slot + 1;
    const at = 4 * node;
    assert(links[at + COLOUR] !== ABSENT, 'a removed slot is in a tree');
    if (this.leftmosts[tree] === node) this.leftmosts[tree] = this.successor(node);
    const left = links[at + LEFT];
    const right = links[at + RIGHT];
    if (meter !== null) {
      meter.load(this.linkBase + 16 * node);
      meter.load(this.linkBase + 16 * node + 8);
      meter.branch(SITE_CHILD, left === 0 || right === 0);
      meter.retire(8);
    }
    let lostColour = links[at + COLOUR];
    let child: number;
    let from: number;
    if (left === 0 || right === 0) {
      child = left === 0 ? right : left;
      from = links[at];
      this.transplant(node, child, tree);
    } else {
      let heir = right;
      while (links[4 * heir + LEFT] !== 0) heir = links[4 * heir + LEFT];
      lostColour = links[4 * heir + COLOUR];
      child = links[4 * heir + RIGHT];
      if (links[4 * heir] === node) {
        from = heir;
        links[4 * child] = heir;
      } else {
        from = links[4 * heir];
        this.transplant(heir, child, tree);
        links[4 * heir + RIGHT] = links[at + RIGHT];
        links[4 * links[4 * heir + RIGHT]] = heir;
      }
      this.transplant(node, heir, tree);
      links[4 * heir + LEFT] = left;
      links[4 * left] = heir;
      links[4 * heir + COLOUR] = links[at + COLOUR];
      if (meter !== null) {
        meter.store(this.linkBase + 16 * heir);
        meter.store(this.linkBase + 16 * left);
      }
    }
    links[at + COLOUR] = ABSENT;
    this.size[tree]--;
    if (meter !== null) meter.store(this.linkBase + 16 * node + 8);
    if (this.minimums !== null) {
      for (let above = from; above !== 0; above = links[4 * above]) this.refresh(above);
    }
    if (lostColour === BLACK) this.removeFix(child, from, tree);
  }

  /** Adds `delta` to every key and value of a tree; the order cannot change. O(n). */
  shift(delta: number, tree = 0): void {
    for (let node = this.leftmosts[tree]; node !== 0; node = this.successor(node)) {
      this.keys[node] += delta;
      if (this.values !== null && this.minimums !== null) {
        this.values[node] += delta;
        this.minimums[node] += delta;
      }
    }
  }

  private successor(start: number): number {
    const links = this.links;
    let node = start;
    if (links[4 * node + RIGHT] !== 0) {
      node = links[4 * node + RIGHT];
      while (links[4 * node + LEFT] !== 0) node = links[4 * node + LEFT];
      if (this.meter !== null) this.meter.load(this.linkBase + 16 * node);
      return node;
    }
    let parent = links[4 * node];
    while (parent !== 0 && links[4 * parent + RIGHT] === node) {
      node = parent;
      parent = links[4 * node];
    }
    if (this.meter !== null) this.meter.load(this.linkBase + 16 * node);
    return parent;
  }

  private transplant(out: number, into: number, tree: number): void {
    const links = this.links;
    const parent = links[4 * out];
    if (parent === 0) this.roots[tree] = into;
    else links[4 * parent + (links[4 * parent + LEFT] === out ? LEFT : RIGHT)] = into;
    // The sentinel's parent is written too: removeFix starts from it.
    links[4 * into] = parent;
    if (this.meter !== null) {
      this.meter.store(this.linkBase + 16 * parent);
      if (into !== 0) this.meter.store(this.linkBase + 16 * into);
    }
  }

  /** Rotates `node` down to `side`; its child on the other side takes its place. */
  private rotate(node: number, side: number, tree: number): void {
    const links = this.links;
    const other = 3 - side;
    const up = links[4 * node + other];
    const inner = links[4 * up + side];
    links[4 * node + other] = inner;
    if (inner !== 0) links[4 * inner] = node;
    const parent = links[4 * node];
    links[4 * up] = parent;
    if (parent === 0) this.roots[tree] = up;
    else links[4 * parent + (links[4 * parent + LEFT] === node ? LEFT : RIGHT)] = up;
    links[4 * up + side] = node;
    links[4 * node] = up;
    if (this.meter !== null) {
      this.meter.load(this.linkBase + 16 * up);
      this.meter.store(this.linkBase + 16 * up);
      this.meter.store(this.linkBase + 16 * node);
      this.meter.retire(6);
    }
    if (this.minimums !== null) {
      this.refresh(node);
      this.refresh(up);
    }
  }

  private insertFix(start: number, tree: number): void {
    const links = this.links;
    const meter = this.meter;
    let node = start;
    for (;;) {
      let parent = links[4 * node];
      const fix = parent !== 0 && links[4 * parent + COLOUR] === RED;
      if (meter !== null) {
        if (parent !== 0) meter.load(this.linkBase + 16 * parent);
        meter.branch(SITE_INSERT_FIX, fix);
      }
      if (!fix) break;
      const grand = links[4 * parent];
      const side = links[4 * grand + LEFT] === parent ? LEFT : RIGHT;
      const uncle = links[4 * grand + 3 - side];
      if (meter !== null) meter.load(this.linkBase + 16 * grand);
      if (links[4 * uncle + COLOUR] === RED) {
        links[4 * parent + COLOUR] = BLACK;
        links[4 * uncle + COLOUR] = BLACK;
        links[4 * grand + COLOUR] = RED;
        if (meter !== null) {
          meter.store(this.linkBase + 16 * parent + 12);
          meter.store(this.linkBase + 16 * uncle + 12);
          meter.store(this.linkBase + 16 * grand + 12);
        }
        node = grand;
        continue;
      }
      if (links[4 * parent + 3 - side] === node) {
        this.rotate(parent, side, tree);
        parent = node;
      }
      links[4 * parent + COLOUR] = BLACK;
      links[4 * grand + COLOUR] = RED;
      this.rotate(grand, 3 - side, tree);
      break;
    }
    links[4 * this.roots[tree] + COLOUR] = BLACK;
  }

  private removeFix(start: number, startParent: number, tree: number): void {
    const links = this.links;
    const meter = this.meter;
    let node = start;
    let parent = startParent;
    while (parent !== 0 && links[4 * node + COLOUR] === BLACK) {
      const side = links[4 * parent + LEFT] === node ? LEFT : RIGHT;
      const other = 3 - side;
      let sibling = links[4 * parent + other];
      if (meter !== null) {
        meter.load(this.linkBase + 16 * parent);
        meter.load(this.linkBase + 16 * sibling);
        meter.branch(SITE_REMOVE_FIX, true);
      }
      if (links[4 * sibling + COLOUR] === RED) {
        links[4 * sibling + COLOUR] = BLACK;
        links[4 * parent + COLOUR] = RED;
        this.rotate(parent, side, tree);
        sibling = links[4 * parent + other];
      }
      const inner = links[4 * sibling + side];
      let outer = links[4 * sibling + other];
      if (links[4 * inner + COLOUR] === BLACK && links[4 * outer + COLOUR] === BLACK) {
        links[4 * sibling + COLOUR] = RED;
        if (meter !== null) meter.store(this.linkBase + 16 * sibling + 12);
        node = parent;
        parent = links[4 * node];
        continue;
      }
      if (links[4 * outer + COLOUR] === BLACK) {
        links[4 * inner + COLOUR] = BLACK;
        links[4 * sibling + COLOUR] = RED;
        this.rotate(sibling, other, tree);
        sibling = links[4 * parent + other];
        outer = links[4 * sibling + other];
      }
      links[4 * sibling + COLOUR] = links[4 * parent + COLOUR];
      links[4 * parent + COLOUR] = BLACK;
      links[4 * outer + COLOUR] = BLACK;
      this.rotate(parent, side, tree);
      node = this.roots[tree];
      break;
    }
    if (meter !== null) meter.branch(SITE_REMOVE_FIX, false);
    links[4 * node + COLOUR] = BLACK;
  }

  private refresh(node: number): void {
    const minimums = this.minimums!;
    const left = minimums[this.links[4 * node + LEFT]];
    const right = minimums[this.links[4 * node + RIGHT]];
    const own = this.values![node];
    minimums[node] = Math.min(own, left, right);
    if (this.meter !== null) this.meter.store(this.valueBase + 16 * node);
  }

  private raiseMinimum(node: number, parent: number, value: number): void {
    const minimums = this.minimums!;
    this.values![node] = value;
    minimums[node] = value;
    let above = parent;
    while (above !== 0 && minimums[above] > value) {
      minimums[above] = value;
      if (this.meter !== null) this.meter.store(this.valueBase + 16 * above);
      above = this.links[4 * above];
    }
  }

  /** Verifies order, colours, links, the cached leftmost, sizes and minimums. O(n). */
  checkInvariants(): void {
    assert(this.links[COLOUR] === BLACK, 'the sentinel is black');
    let present = 0;
    for (let tree = 0; tree < this.treeCount; tree++) {
      const root = this.roots[tree];
      assert(this.links[4 * root + COLOUR] === BLACK, 'the root is black');
      assert(root === 0 || this.links[4 * root] === 0, 'the root has no parent');
      checkSubtree(this.links, this.values, this.minimums, root);
      let count = 0;
      let before = 0;
      for (let node = this.leftmosts[tree]; node !== 0; node = this.successor(node)) {
        assert(before === 0 || this.keys[before] <= this.keys[node], 'keys ascend');
        before = node;
        count++;
      }
      assert(count === this.size[tree], 'size equals the nodes reached from the leftmost');
      present += count;
    }
    let linked = 0;
    for (let slot = 0; slot < this.slotCount; slot++) if (this.contains(slot)) linked++;
    assert(linked === present, 'every present slot is in one tree');
  }
}
