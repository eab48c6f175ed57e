import type { Contestant } from '../../harness/contestant.js';
import { queueWork, type SchedWorkload } from './work.js';

/** A treap of plain objects would do less work; this is the same red-black tree, with objects. */
interface Node {
  key: number;
  readonly slot: number;
  parent: Node | null;
  left: Node | null;
  right: Node | null;
  red: boolean;
}

class ObjectTree {
  private root: Node | null = null;
  private leftmost: Node | null = null;

  insert(node: Node): void {
    let parent: Node | null = null;
    let child = this.root;
    let before = false;
    let least = true;
    while (child !== null) {
      parent = child;
      before = node.key < child.key;
      if (!before) least = false;
      child = before ? child.left : child.right;
    }
    node.parent = parent;
    node.left = null;
    node.right = null;
    node.red = true;
    if (parent === null) this.root = node;
    else if (before) parent.left = node;
    else parent.right = node;
    if (least) this.leftmost = node;
    this.insertFix(node);
  }

  /** The leftmost has no left child: its removal is the only one a run queue's pick needs. */
  takeFirst(): Node {
    const node = this.leftmost!;
    const child = node.right;
    const parent = node.parent;
    let next = parent;
    for (let at = child; at !== null; at = at.left) next = at;
    this.leftmost = next;
    if (child !== null) child.parent = parent;
    if (parent === null) this.root = child;
    else parent.left = child;
    if (child !== null) child.red = false;
    else if (!node.red && parent !== null) this.removeFix(parent);
    return node;
  }

  private rotate(node: Node, toLeft: boolean): void {
    const up = (toLeft ? node.right : node.left)!;
    const inner = toLeft ? up.left : up.right;
    if (toLeft) node.right = inner;
    else node.left = inner;
    if (inner !== null) inner.parent = node;
    const parent = node.parent;
    up.parent = parent;
    if (parent === null) this.root = up;
    else if (parent.left === node) parent.left = up;
    else parent.right = up;
    if (toLeft) up.left = node;
    else up.right = node;
    node.parent = up;
  }

  private insertFix(start: Node): void {
    let node = start;
    for (let parent = node.parent; parent?.red; parent = node.parent) {
      const grand: Node = parent.parent!;
      const isLeft = grand.left === parent;
      const uncle: Node | null = isLeft ? grand.right : grand.left;
      if (uncle?.red) {
        parent.red = false;
        uncle.red = false;
        grand.red = true;
        node = grand;
        continue;
      }
      if ((isLeft ? parent.right : parent.left) === node) {
        this.rotate(parent, isLeft);
        parent = node;
      }
      parent.red = false;
      grand.red = true;
      this.rotate(grand, !isLeft);
      break;
    }
    this.root!.red = false;
  }

  /** The left side of `start` has lost a black node; at each level on the way up it is the left. */
  private removeFix(start: Node): void {
    let parent: Node | null = start;
    let node: Node | null = null;
    while (parent !== null && !node?.red) {
      let sibling: Node = parent.right!;
      if (sibling.red) {
        sibling.red = false;
        parent.red = true;
        this.rotate(parent, true);
        sibling = parent.right!;
      }
      if (!sibling.left?.red && !sibling.right?.red) {
        sibling.red = true;
        node = parent;
        parent = node.parent;
        continue;
      }
      if (!sibling.right?.red) {
        sibling.left!.red = false;
        sibling.red = true;
        this.rotate(sibling, false);
        sibling = parent.right!;
      }
      sibling.red = parent.red;
      parent.red = false;
      sibling.right!.red = false;
      this.rotate(parent, true);
      return;
    }
    if (node !== null) node.red = false;
  }
}

export const contestant: Contestant<SchedWorkload> = {
  name: 'red-black tree of objects',
  prepare(workload, seed) {
    const tree = new ObjectTree();
    const count = workload.kind === 'queue' ? workload.entities : 1;
    const nodes = Array.from(
      { length: count },
      (_, slot): Node => ({ key: 0, slot, parent: null, left: null, right: null, red: false }),
    );
    const queue = {
      insert(slot: number, key: number) {
        nodes[slot].key = key;
        tree.insert(nodes[slot]);
      },
      takeFirst: () => tree.takeFirst().slot,
    };
    return queueWork(queue, workload, seed);
  },
};
