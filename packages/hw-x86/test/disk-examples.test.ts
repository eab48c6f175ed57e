import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';

test('the crash-test example finds both missing safeties and clears the safe store', async () => {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  const { crashTest } = await import('../examples/crash-test-log-store.js');
  log.mockRestore();
  expect(lines).toHaveLength(6);
  expect(lines[1]).toContain('write 0: LOST');
  expect(lines[3]).toContain('write 0: TORN');
  expect(lines[5]).toBe('nothing is ever lost');
  const unsafe = crashTest({ flush: false, checksum: true });
  expect(unsafe.failure?.message).toBe('key 1 is undefined, 101 was acknowledged');
  expect(crashTest({ flush: true, checksum: true })).toMatchObject({ failure: null });
});

test('the disk figures are those that the README shows', async () => {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  await import('../examples/disk-figures.js');
  log.mockRestore();
  expect(lines).toHaveLength(7);
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(lines.join('\n'));
});
