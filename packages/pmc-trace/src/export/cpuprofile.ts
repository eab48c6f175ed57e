import { type CallTree, ROOT } from '../profile/call-tree.js';
import { LOST_NAME, type Profile, weightNanoseconds } from '../profile/profile.js';
import { type ByteSink, ByteWriter, jsonText, utf8 } from './byte-writer.js';

/**
 * Writes the .cpuprofile JSON of V8, for Chrome DevTools, VS Code and speedscope. The tree holds no
 * order of samples, so each stack appears once, for as long as all its samples took; loss is a
 * function `[lost]`. Written node by node.
 */
export function writeCpuProfile(profile: Profile, sink: ByteSink): void {
  const out = new ByteWriter(sink);
  const { tree } = profile;
  const lostNode = tree.nodeCount;
  const write = (text: string): void => out.raw(utf8(text));
  write('{"nodes":[\n');
  for (let node = 0; node < tree.nodeCount; node += 1) {
    if (node > 0) write(',\n');
    const callee = tree.callee(node);
    const { name, file, line } =
      callee < 0 ? { name: '(root)', file: '', line: 0 } : tree.functionOf(callee);
    frame(out, node, name, file, line, tree.self(node));
    const children = tree.children(node).map((child) => child + 1);
    if (node === ROOT && profile.lost > 0) children.push(lostNode + 1);
    write(`,"children":[${children.join(',')}]}`);
  }
  if (profile.lost > 0) {
    write(',\n');
    frame(out, lostNode, LOST_NAME, '', 0, profile.lost);
    write(',"children":[]}');
  }
  const start = microseconds(profile, profile.start / profile.period);
  const total = microseconds(profile, tree.total + profile.lost);
  write(`\n],"startTime":${start},"endTime":${start + total},"samples":[`);
  const order = depthFirst(tree);
  if (profile.lost > 0) order.push(lostNode);
  // The closing sample of the root gives the last stack its length.
  order.push(ROOT);
  order.forEach((node, index) => {
    write(index === 0 ? `${node + 1}` : `,${node + 1}`);
  });
  write('],"timeDeltas":[0');
  for (const node of order.slice(0, -1)) {
    write(`,${microseconds(profile, node === lostNode ? profile.lost : tree.self(node))}`);
  }
  write(']}\n');
  out.flush();
}

function microseconds(profile: Profile, weight: number): number {
  return Math.round(weightNanoseconds(profile, weight) / 1000);
}

function frame(
  out: ByteWriter,
  node: number,
  name: string,
  file: string,
  line: number,
  hits: number,
): void {
  out.raw(utf8(`{"id":${node + 1},"callFrame":{"functionName":`));
  out.raw(jsonText(name));
  out.raw(utf8(',"scriptId":"0","url":'));
  out.raw(jsonText(file));
  out.raw(utf8(`,"lineNumber":${line - 1},"columnNumber":-1},"hitCount":${Math.round(hits)}`));
}

/** Nodes that have samples, callers before callees, so that a viewer draws connected stacks. */
function depthFirst(tree: CallTree): number[] {
  const order: number[] = [];
  const waiting = [ROOT];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (tree.self(node) > 0) order.push(node);
    waiting.push(...tree.children(node).reverse());
  }
  return order;
}
