import { describe, expect, test } from 'vitest';
import { testWithTools, toolsRequired } from '../../../../scripts/testing/tools.js';
import { contestant as allocUnsafe } from '../../src/peers/alloc/alloc-unsafe.js';
import { hasWasmCompiler, contestant as wasm } from '../../src/peers/alloc/dlmalloc-wasm.js';
import { contestant as generic } from '../../src/peers/alloc/generic.js';
import { contestant as native } from '../../src/peers/alloc/glibc.js';
import type { PatternWorkload } from '../../src/peers/alloc/patterns.js';
import { contestant as slab } from '../../src/peers/alloc/slab.js';
import { contestant as thi } from '../../src/peers/alloc/thi-malloc.js';
import { contestant as uint8array } from '../../src/peers/alloc/uint8array.js';
import { contestant as unchecked } from '../../src/peers/alloc/unchecked.js';

async function checksum(
  { prepare }: { prepare: typeof unchecked.prepare },
  work: PatternWorkload,
): Promise<number> {
  const prepared = await prepare(work, 1);
  expect(prepared.operationCount).toBe(work.pairs);
  return prepared.run();
}

const PATTERNS = ['lifo', 'fifo', 'random', 'batch'] as const;

describe('contestants of the area alloc', () => {
  test.each(PATTERNS)('%s: everyone reads back the same objects', async (pattern) => {
    const work = { pattern, objectBytes: 64, live: 50, pairs: 2000 };
    const reference = await checksum(unchecked, work);
    expect(reference).toBeGreaterThan(0);
    for (const other of [slab, generic, allocUnsafe, uint8array, thi]) {
      expect(await checksum(other, work)).toBe(reference);
    }
  });

  testWithTools('the native program does the same work', ['gcc'], async () => {
    for (const pattern of PATTERNS) {
      const work = { pattern, objectBytes: 64, live: 50, pairs: 2000 };
      expect(await checksum(native, work)).toBe(await checksum(unchecked, work));
    }
  });

  test('dlmalloc in WebAssembly does the same work', async ({ skip }) => {
    if (!hasWasmCompiler() && !toolsRequired) skip('clang, lld and wasi-libc are not installed');
    for (const pattern of PATTERNS) {
      const work = { pattern, objectBytes: 64, live: 50, pairs: 2000 };
      expect(await checksum(wasm, work)).toBe(await checksum(unchecked, work));
    }
  });
});
