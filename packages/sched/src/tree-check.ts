import { assert } from '@hotpath/hw-x86';

const LEFT = 1;
const RIGHT = 2;
const COLOUR = 3;
const RED = 1;
const BLACK = 0;

/** Verifies links, colours and minimums below `node` (0: none); its black height. O(n). */
export function checkSubtree(
  links: Int32Array,
  values: Float64Array | null,
  minimums: Float64Array | null,
  node: number,
): number {
  if (node === 0) return 1;
  const left = links[4 * node + LEFT];
  const right = links[4 * node + RIGHT];
  assert(left === 0 || links[4 * left] === node, 'a left child names its parent');
  assert(right === 0 || links[4 * right] === node, 'a right child names its parent');
  const red = links[4 * node + COLOUR] === RED;
  assert(!red || links[4 * left + COLOUR] === BLACK, 'a red node has a black left child');
  assert(!red || links[4 * right + COLOUR] === BLACK, 'a red node has a black right child');
  if (values !== null && minimums !== null) {
    const least = Math.min(values[node], minimums[left], minimums[right]);
    assert(minimums[node] === least, 'the minimum is that of the subtree');
  }
  const height = checkSubtree(links, values, minimums, left);
  const other = checkSubtree(links, values, minimums, right);
  assert(height === other, 'black heights are equal');
  return height + (red ? 0 : 1);
}
