/** Sums over a range of the timeline: by name, and as a tree of calls. */
import { firstAtLeast, firstEndingAfter, type TrackRows } from './spans.js';

/** What one name came to in a range. */
export interface NameTotal {
  readonly name: number;
  count: number;
  totalNs: number;
}

/** Totals by name, the largest first; spans are cut at the range's edges. */
export function totalsOf(tracks: readonly TrackRows[], from: number, to: number): NameTotal[] {
  const totals = new Map<number, NameTotal>();
  const add = (name: number, ns: number): void => {
    const known = totals.get(name);
    if (known === undefined) totals.set(name, { name, count: 1, totalNs: ns });
    else {
      known.count += 1;
      known.totalNs += ns;
    }
  };
  for (const { depths, instants } of tracks) {
    for (const row of depths) {
      for (let at = firstEndingAfter(row, from); at < row.count && row.start[at]! < to; at++) {
        const start = Math.max(from, row.start[at]!);
        add(row.name[at]!, Math.min(to, row.start[at]! + row.duration[at]!) - start);
      }
    }
    if (instants === null) continue;
    const end = firstAtLeast(instants.start, to);
    for (let at = firstAtLeast(instants.start, from); at < end; at++) add(instants.name[at]!, 0);
  }
  return [...totals.values()].sort((x, y) => y.totalNs - x.totalNs || y.count - x.count);
}

/** A node of the flame graph. */
export interface FlameNode {
  readonly title: string;
  totalNs: number;
  selfNs: number;
  readonly children: Map<string, FlameNode>;
}

/** Heading of the tracks that only say which task a CPU runs. */
const RUNNING = 'Running';

const node = (title: string): FlameNode => ({ title, totalNs: 0, selfNs: 0, children: new Map() });

/** All spans of a range as one tree: tracks, then what nests in them. */
export function flameOf(
  tracks: readonly TrackRows[],
  names: readonly string[],
  from: number,
  to: number,
): FlameNode {
  const root = node('all');
  for (const track of tracks) {
    const { group, name } = track.packed;
    // Who runs is told by the tasks, too: once is enough.
    if (track.depths.length === 0 || group === RUNNING) continue;
    const title = group === '' ? name : `${group}: ${name}`;
    const at = childOf(root, title);
    addRow(track, 0, from, to, at, names);
    at.totalNs = [...at.children.values()].reduce((sum, child) => sum + child.totalNs, 0);
  }
  root.totalNs = [...root.children.values()].reduce((sum, child) => sum + child.totalNs, 0);
  return root;
}

function childOf(parent: FlameNode, title: string): FlameNode {
  let child = parent.children.get(title);
  if (child === undefined) {
    child = node(title);
    parent.children.set(title, child);
  }
  return child;
}

/** Adds the spans of one depth inside `from..to`, and of the depths below inside each of them. */
function addRow(
  track: TrackRows,
  depth: number,
  from: number,
  to: number,
  parent: FlameNode,
  names: readonly string[],
): void {
  const row = track.depths[depth];
  if (row === undefined) return;
  for (let at = firstEndingAfter(row, from); at < row.count && row.start[at]! < to; at++) {
    const start = Math.max(from, row.start[at]!);
    const end = Math.min(to, row.start[at]! + row.duration[at]!);
    const child = childOf(parent, names[row.name[at]!]!);
    child.totalNs += end - start;
    child.selfNs += end - start;
    parent.selfNs -= end - start;
    addRow(track, depth + 1, start, end, child, names);
  }
}
