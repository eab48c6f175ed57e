import { ArgumentError, LIMIT, TSC, UnsupportedError } from '@hotpath/hw-x86';
import { expect, test } from 'vitest';
import { createArenaMemory } from '../../src/arena/arena-memory.js';
import { createMemoryDisk } from '../../src/arena/memory-disk.js';
import { createHostCpu } from '../../src/host/cpu.js';

test('what a host cannot do says so, and invents no figure', () => {
  const cpu = createHostCpu();
  expect(cpu.supported).toBe(false);
  expect([cpu.counterBits, cpu.generalCount, cpu.fixedCount]).toEqual([0, 0, 0]);
  expect(() => cpu.readMsr(0x10)).toThrow(UnsupportedError);
  expect(() => cpu.writeMsr(0x10, 0n)).toThrow(UnsupportedError);
  expect(() => cpu.readCounter(0)).toThrow('RDPMC on the host');
  expect(() => cpu.setPrivilege(3)).toThrow(UnsupportedError);
});

test('every call and field of the host MMU throws UnsupportedError', () => {
  const { mmu } = createHostCpu();
  const members = mmu as unknown as Record<string, unknown>;
  for (const name of Object.keys(Object.getOwnPropertyDescriptors(mmu))) {
    expect(() => {
      const member = members[name];
      if (typeof member === 'function') member.call(mmu, 0, 0, 0);
    }, name).toThrow(UnsupportedError);
  }
});

test('the host never asks a program to suspend', () => {
  const { cells } = createHostCpu();
  expect(cells[TSC] >= cells[LIMIT]).toBe(false);
});

test('an arena that holds no whole words is refused', () => {
  expect(() => createArenaMemory(0)).toThrow(ArgumentError);
  expect(() => createArenaMemory(new ArrayBuffer(6))).toThrow('6 bytes');
});

test('a memory disk lies on the bytes that it is given', () => {
  const bytes = new Uint8Array(8 * 512);
  const disk = createMemoryDisk({ blockBytes: 512, blockCount: 8, bytes });
  expect(disk.bytes).toBe(bytes);
  expect(() => createMemoryDisk({ blockCount: 8, bytes })).toThrow(ArgumentError);
  expect(() => createMemoryDisk({ blockCount: 8, blockBytes: 100 })).toThrow(ArgumentError);
});
