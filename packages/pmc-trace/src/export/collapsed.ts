import { ROOT } from '../profile/call-tree.js';
import { LOST_NAME, type Profile } from '../profile/profile.js';
import { type ByteSink, ByteWriter, utf8 } from './byte-writer.js';

/** Semicolons separate frames and a line break ends a stack: a name that has one gets another. */
function frameName(name: string): string {
  // Control characters and line separators of Unicode would break lines in some readers.
  return name.replace(/[\p{Cc}\u2028\u2029]/gu, ' ').replaceAll(';', ':');
}

/**
 * Writes collapsed stacks, the input of flamegraph.pl, speedscope and inferno: one line per distinct
 * stack, outermost function first, then the weight (samples, or ticks of spans). Loss is the stack
 * `[lost]`. Written node by node; nothing is built in memory but one line.
 */
export function writeCollapsed(profile: Profile, sink: ByteSink): void {
  const out = new ByteWriter(sink);
  const { tree } = profile;
  const names: Uint8Array[] = [];
  for (let number = 0; number < tree.functionCount; number += 1) {
    names.push(utf8(frameName(tree.functionOf(number).name)));
  }
  const line = (stack: readonly Uint8Array[], weight: number): void => {
    stack.forEach((name, index) => {
      out.reserve(1);
      if (index > 0) out.byte(0x3b);
      out.raw(name);
    });
    out.reserve(32);
    out.byte(0x20);
    out.integer(Math.round(weight));
    out.byte(0x0a);
  };
  for (let node = 1; node < tree.nodeCount; node += 1) {
    const weight = tree.self(node);
    if (weight > 0)
      line(
        tree.stack(node).map((callee) => names[callee]),
        weight,
      );
  }
  const outside = tree.self(ROOT);
  if (outside > 0) line([utf8('[no stack]')], outside);
  if (profile.lost > 0) line([utf8(LOST_NAME)], profile.lost);
  out.flush();
}
