import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

interface Line {
  readonly name: string;
  readonly collections: number;
  readonly bytes: number;
}

test('no access without a fault allocates: 40,000 of each bring no collection', () => {
  const program = fileURLToPath(new URL('allocation-program.ts', import.meta.url));
  const flags = ['--import', 'tsx', '--conditions=@hotpath/source', '--max-semi-space-size=1'];
  const output = execFileSync(process.execPath, [...flags, program], { encoding: 'utf8' });
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const control = lines.pop();
  expect(lines).toHaveLength(27);
  for (const { name, collections, bytes } of lines) {
    expect(collections, name).toBe(0);
    // Less than an object for a quarter of the accesses: the compiler's own.
    expect(bytes, name).toBeLessThan(160_000);
  }
  // An object an access is seen.
  expect(control?.name).toBe('control');
  expect(control?.collections).toBeGreaterThan(0);
}, 120_000);
