import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main as wasmObjects } from '../examples/wasm-objects.js';

describe('examples', () => {
  test('objects inside a WebAssembly.Memory', () => {
    expect(wasmObjects()).toEqual([
      'sum by WebAssembly: 4950000',
      'memory grew to 26 pages of 64 KiB',
      'a scoped node: 42',
      '100000 nodes freed, 0 pages held',
    ]);
  });

  test('entities in a SharedArrayBuffer with two workers', { timeout: 60_000 }, () => {
    const example = join(import.meta.dirname, '..', 'examples', 'shared-entities.ts');
    const args = ['--import', 'tsx', '--conditions=@hotpath/source', example];
    const output = execFileSync(process.execPath, args, { encoding: 'utf8' });
    expect(output.trimEnd().split('\n')).toEqual([
      'after round 1: 10000 entities',
      'after round 2: 10000 entities',
      'sum of x: 24995000',
      'after all: 0 entities, 0 bytes held',
    ]);
  });
});
