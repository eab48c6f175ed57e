import { describe, test } from 'vitest';
import { createArenaMemory } from '../../src/arena/arena-memory.js';
import { clockConformance } from '../../src/conformance/clock.js';
import { memoryConformance } from '../../src/conformance/memory.js';
import { createHostClock } from '../../src/host/clock.js';
import { ModelMemory } from '../../src/model/memory.js';

describe('host clock', () => {
  const create = (): { clock: ReturnType<typeof createHostClock>; advance(): Promise<void> } => ({
    clock: createHostClock(),
    advance: () => new Promise((resolve) => setTimeout(resolve, 1)),
  });
  for (const { name, run } of clockConformance(create)) test(name, run);
});

describe('arena memory over an ArrayBuffer', () => {
  for (const { name, run } of memoryConformance(() => createArenaMemory(2 ** 20))) test(name, run);
});

describe('arena memory over a SharedArrayBuffer that is no power of two long', () => {
  const create = (): ReturnType<typeof createArenaMemory> =>
    createArenaMemory(new SharedArrayBuffer(100_000));
  for (const { name, run } of memoryConformance(create)) test(name, run);
});

describe('model memory of several chunks', () => {
  const create = (): ModelMemory => new ModelMemory(2 ** 23, 2 ** 21);
  for (const { name, run } of memoryConformance(create)) test(name, run);
});
