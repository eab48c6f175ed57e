import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { testWithTools } from '../../../scripts/testing/tools.js';
import { Arena, type GrowingMemory } from '../src/index.js';

const SOURCE = fileURLToPath(new URL('./data/words.c', import.meta.url));
const LINK = ['--no-entry', '--allow-undefined', '--export=run', '--export=__heap_base'];
const WORDS = 20_000;

interface Program {
  readonly memory: GrowingMemory;
  readonly __heap_base: { readonly value: number };
  run(words: number): number;
}

/** Node's types know nothing of modules and instances. */
interface WasmApi {
  readonly Instance: new (module: object, imports: object) => { readonly exports: Program };
  readonly Module: new (bytes: Uint8Array) => object;
}

function inFolder<Result>(work: (folder: string) => Result): Result {
  const folder = mkdtempSync(join(tmpdir(), 'hotpath-words-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the program answers when gcc builds it and the C library allocates for it. */
function answerOfLibrary(gcc: string): number {
  return inFolder((folder) => {
    const program = join(folder, 'words');
    execFileSync(gcc, ['-O2', '-w', '-o', program, SOURCE]);
    return Number(execFileSync(program, [String(WORDS)], { encoding: 'utf8' }));
  });
}

function wasmOf(clang: string): Uint8Array {
  return inFolder((folder) => {
    const module = join(folder, 'words.wasm');
    const link = LINK.map((option) => `-Wl,${option}`);
    const args = ['--target=wasm32', '-O2', '-w', '-nostdlib', ...link, '-o', module, SOURCE];
    execFileSync(clang, args);
    return Uint8Array.from(readFileSync(module));
  });
}

testWithTools(
  'a C program in WebAssembly runs on an arena in its own memory as it does on the C library',
  ['gcc', 'clang', 'wasm-ld'],
  (gcc, clang) => {
    let arena: Arena | null = null;
    const heap = () => arena as Arena;
    const env = {
      malloc: (byteCount: number) => heap().malloc(byteCount),
      calloc: (count: number, byteCount: number) => heap().calloc(count, byteCount),
      realloc: (offset: number, byteCount: number) => heap().realloc(offset, byteCount),
      free: (offset: number) => heap().free(offset),
    };
    const { Instance, Module } = WebAssembly as unknown as WasmApi;
    const program = new Instance(new Module(wasmOf(clang)), { env }).exports;
    const before = program.memory.buffer.byteLength;
    arena = new Arena(program.memory, { byteOffset: program.__heap_base.value });
    expect(program.run(WORDS) >>> 0).toBe(answerOfLibrary(gcc));
    expect(program.memory.buffer.byteLength).toBeGreaterThan(before);
    for (const cache of arena.heap.caches) expect(cache.liveObjects).toBe(0);
    arena.slabs.shrink();
    expect(arena.pages.usedPages).toBe(0);
  },
);
