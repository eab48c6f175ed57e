import { assert, NIL } from '@hotpath/hw-x86';
import { FANOUT, type IndexNodes, TAG_COUNT, TAG_PRESENT } from './index-nodes.js';

/** Throws InvariantError if a count, tag or link of the trees contradicts another. O(nodes). */
export function checkIndex(
  nodes: IndexNodes,
  roots: Int32Array,
  presentCount: number,
  shadowCount: number,
): void {
  let present = 0;
  let shadows = 0;
  let used = 0;
  for (let file = 0; file < roots.length; file++) {
    if (roots[file] === NIL) continue;
    const stack = [roots[file]];
    while (stack.length > 0) {
      used++;
      const counted = checkNode(nodes, file, stack.pop()!, stack);
      present += counted.present;
      shadows += counted.shadows;
    }
  }
  assert(present === presentCount, 'present pages are miscounted');
  assert(shadows === shadowCount, 'shadows are miscounted');
  assert(used === nodes.usedCount, 'index nodes leak');
  checkRing(nodes);
}

/** The leaves with nothing but shadows lie on one ring. */
function checkRing({ ringNext, ringPrevious, nodeLimit, barrenCount }: IndexNodes): void {
  let barren = 0;
  for (let node = ringNext[nodeLimit]; node !== nodeLimit; node = ringNext[node]) {
    assert(ringPrevious[ringNext[node]] === node, 'the shadow ring is broken');
    barren++;
  }
  assert(barren === barrenCount, 'barren leaves are miscounted');
}

/** One node; its children go onto the stack. */
function checkNode(
  nodes: IndexNodes,
  file: number,
  node: number,
  stack: number[],
): { present: number; shadows: number } {
  let fill = 0;
  let present = 0;
  let shadows = 0;
  assert(nodes.file[node] === file, 'an index node belongs to another file');
  for (let entry = 0; entry < FANOUT; entry++) {
    const value = nodes.child[node * FANOUT + entry];
    if (value !== 0) fill++;
    if (nodes.level[node] > 0) {
      if (value === 0) continue;
      assert(nodes.parent[value - 1] === node, 'an index node has the wrong parent');
      stack.push(value - 1);
      for (let tag = 0; tag < TAG_COUNT; tag++) {
        const any = nodes.nextTag(value - 1, tag, 0) < FANOUT;
        assert(nodes.testBit(node, tag, entry) === any, 'an inner tag contradicts its subtree');
      }
    } else {
      if (value > 0) present++;
      if (value < 0) shadows++;
      assert(nodes.testBit(node, TAG_PRESENT, entry) === value > 0, 'a present tag is wrong');
    }
  }
  assert(fill === nodes.fill[node] && fill > 0, 'an index node is miscounted');
  assert(shadows === nodes.shadows[node], 'the shadows of a leaf are miscounted');
  return { present, shadows };
}
