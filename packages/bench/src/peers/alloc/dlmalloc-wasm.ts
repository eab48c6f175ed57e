/** Doug Lea's malloc from wasi-libc as a WebAssembly module, linked by the machine's own clang. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contestant } from '../../harness/contestant.js';
import { heapBytesFor } from '../../replay/heap.js';
import { type PatternWorkload, patternWork } from './patterns.js';
import { type AllocWorkload, readRecording, replayRound } from './recording.js';

const LIBRARY = '/usr/lib/wasm32-wasi/libc.a';
const EXPORTS = ['malloc', 'calloc', 'realloc', 'aligned_alloc', 'free'] as const;

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(byteCount: number): number;
  calloc(count: number, byteCount: number): number;
  realloc(address: number, byteCount: number): number;
  aligned_alloc(align: number, byteCount: number): number;
  free(address: number): void;
}

/** Node's types know nothing of modules and instances. */
function instantiate(bytes: Uint8Array): Exports {
  const { Instance, Module } = WebAssembly as unknown as {
    readonly Instance: new (module: object) => { readonly exports: Exports };
    readonly Module: new (bytes: Uint8Array) => object;
  };
  return new Instance(new Module(bytes)).exports;
}

/** True where clang, wasm-ld and wasi-libc are installed; without them this contestant does not race. */
export function hasWasmCompiler(): boolean {
  const answers = (program: string): boolean =>
    spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
  return existsSync(LIBRARY) && answers('clang') && answers('wasm-ld');
}

/** The library's functions and nothing else, in a memory that has `byteCount` bytes already. */
function load(byteCount: number): Exports {
  const folder = mkdtempSync(join(tmpdir(), 'hotpath-dlmalloc-'));
  try {
    const module = join(folder, 'dlmalloc.wasm');
    const target = ['--target=wasm32-wasi', '--sysroot=/usr', '-O2', '-nostdlib', '-lc'];
    const exports = EXPORTS.map((name) => `-Wl,--export=${name}`);
    const args = [...target, '-x', 'c', '/dev/null', '-Wl,--no-entry', ...exports, '-o', module];
    const built = spawnSync('clang', args, { encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`clang could not link dlmalloc: ${built.stderr}`);
    const library = instantiate(readFileSync(module));
    // Grown once, before views are made: growing detaches them.
    library.free(library.malloc(byteCount));
    return library;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const contestant: Contestant<AllocWorkload | PatternWorkload> = {
  name: 'dlmalloc (wasi-libc, WebAssembly)',
  prepare(workload) {
    if ('pattern' in workload) {
      const library = load(16 * 1024 * 1024);
      const { objectBytes } = workload;
      const heap = {
        allocate: () => library.malloc(objectBytes),
        free: (address: number) => library.free(address),
      };
      const words = new Uint32Array(library.memory.buffer);
      return patternWork(heap, words, workload);
    }
    const trace = readRecording(workload);
    const library = load(heapBytesFor(trace.peakLiveBytes));
    const heap = {
      malloc: (byteCount: number) => library.malloc(byteCount),
      calloc: (byteCount: number) => library.calloc(1, byteCount),
      realloc: (address: number, byteCount: number) => library.realloc(address, byteCount),
      memalign: (align: number, byteCount: number) => library.aligned_alloc(align, byteCount),
      free: (address: number) => library.free(address),
    };
    const handles = new Int32Array(trace.objectCount);
    return { operationCount: trace.eventCount, run: () => replayRound(heap, trace, handles) };
  },
};
