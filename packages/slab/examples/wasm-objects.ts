/**
 * Objects inside a WebAssembly.Memory: JavaScript makes a linked list there, a module of 60 bytes
 * walks it, and the memory grows meanwhile. Run: `npx tsx -C @hotpath/source examples/wasm-objects.ts`
 */
import { Arena, struct } from '@hotpath/slab';

const Node = struct({ next: 'u32', value: 'i32' });

/*
 * (module (import "m" "memory" (memory 1))
 *   (func (export "sum") (param $node i32) (result i32) (local $sum i32)
 *     (block (loop
 *       (br_if 1 (i32.eqz (local.get $node)))
 *       (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $node))))
 *       (local.set $node (i32.load (local.get $node)))
 *       (br 0)))
 *     (local.get $sum)))
 */
const MODULE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f,
  0x02, 0x0d, 0x01, 0x01, 0x6d, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x01, 0x03,
  0x02, 0x01, 0x00, 0x07, 0x07, 0x01, 0x03, 0x73, 0x75, 0x6d, 0x00, 0x00, 0x0a, 0x26, 0x01, 0x24,
  0x01, 0x01, 0x7f, 0x02, 0x40, 0x03, 0x40, 0x20, 0x00, 0x45, 0x0d, 0x01, 0x20, 0x01, 0x20, 0x00,
  0x28, 0x02, 0x04, 0x6a, 0x21, 0x01, 0x20, 0x00, 0x28, 0x02, 0x00, 0x21, 0x00, 0x0c, 0x00, 0x0b,
  0x0b, 0x20, 0x01, 0x0b,
]);

interface ListModule {
  sum(node: number): number;
}

interface WasmApi {
  readonly Memory: new (options: {
    initial: number;
    maximum: number;
  }) => {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

/** What the example prints. */
export function main(): string[] {
  // Not every TypeScript library that this file is checked with declares all of WebAssembly.
  const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;
  const memory = new wasm.Memory({ initial: 1, maximum: 256 });
  const instance = new wasm.Instance(new wasm.Module(MODULE), { m: { memory } });
  const { sum } = instance.exports as ListModule;
  const arena = new Arena(memory);
  const nodes = arena.pool(Node, 'node');
  let first = 0;
  for (let value = 1; value <= 100_000; value += 1) {
    const node = nodes.create();
    nodes.set.next(node, first);
    nodes.set.value(node, value % 100);
    first = node;
  }
  const lines = [`sum by WebAssembly: ${sum(first)}`];
  lines.push(`memory grew to ${memory.buffer.byteLength / 65536} pages of 64 KiB`);
  {
    using scratch = nodes.scoped();
    scratch.value = 42;
    lines.push(`a scoped node: ${sum(scratch.offset)}`);
  }
  let count = 0;
  for (let node = first; node !== 0; count += 1) {
    const { next } = nodes.get;
    const following = next(node);
    nodes.free(node);
    node = following;
  }
  arena.slabs.shrink();
  lines.push(`${count} nodes freed, ${arena.pages.usedPages} pages held`);
  return lines;
}

if (process.argv[1]?.endsWith('wasm-objects.ts')) for (const line of main()) console.log(line);
