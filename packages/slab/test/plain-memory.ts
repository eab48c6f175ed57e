import type { ObjectMemory } from '../src/index.js';

/** Plain bytes as the memory behind the addresses from `base` on. */
export function plainMemory(bytes: Uint8Array, base = 0): ObjectMemory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    load8: (at) => view.getUint8(at - base),
    store8: (at, value) => view.setUint8(at - base, value),
    load32: (at) => view.getUint32(at - base, true),
    store32: (at, value) => view.setUint32(at - base, value, true),
    copy: (to, from, count) => void bytes.copyWithin(to - base, from - base, from - base + count),
    fill: (at, count, value) => void bytes.fill(value, at - base, at - base + count),
  };
}

/** The stable code of what `action` throws, or 'nothing'. */
export function codeOf(action: () => void): string {
  try {
    action();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'nothing';
}
