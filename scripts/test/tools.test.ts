import { expect, test } from 'vitest';
import { findTool } from '../testing/tools.js';

test('a tool on PATH is found by its absolute path, an absent one is undefined', () => {
  expect(findTool('sh')).toMatch(/^\/.*\/sh$/);
  expect(findTool('no-such-program-anywhere')).toBeUndefined();
});
