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
  const measured = (): Line[] =>
    execFileSync(process.execPath, [...flags, program], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  // The compiler's own garbage may bring a collection anywhere in a run, what an access allocates
  // brings one in each: a second run decides where the first had any.
  const first = measured();
  const again = first.slice(0, -1).some(({ collections }) => collections > 0) ? measured() : first;
  const lines = first.map((line, i) => (line.collections > 0 ? again[i]! : line));
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
