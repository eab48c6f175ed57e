import type { PhysicalMemory } from '../memory.js';
import { type ConformanceCase, expectSame, expectThat } from './case.js';

/** The promises of PhysicalMemory as cases to run; each makes a memory of its own, 64 KiB or more. */
export function memoryConformance(create: () => PhysicalMemory): ConformanceCase[] {
  const cases: [string, (memory: PhysicalMemory) => void][] = [
    ['chunks are a power of two, at least 4 KiB', geometry],
    ['fresh memory reads as zeros', zeros],
    ['a stored byte and word are loaded again, unsigned', roundTrip],
    ['words are little-endian and share their bytes', shared],
    ['bytes and words show the chunk of an address', chunks],
    ['the last byte and word can be used', ends],
    ['copy moves bytes also where the ranges overlap', copies],
    ['copy, fill, read and write cross chunks', crossing],
    ['fill sets the range and nothing else', fills],
    ['read and write exchange with host buffers at an offset', exchanges],
  ];
  return cases.map(([name, check]) => ({ name, run: async (): Promise<void> => check(create()) }));
}

function geometry(memory: PhysicalMemory): void {
  const { chunkBytes } = memory;
  expectThat(chunkBytes >= 4096 && 2 ** 53 % chunkBytes === 0, `chunkBytes is ${chunkBytes}`);
  expectThat(memory.byteCount >= 65_536, `byteCount is ${memory.byteCount}`);
}

function zeros(memory: PhysicalMemory): void {
  for (const address of [0, 4096, memory.byteCount - 4]) {
    expectSame(`word at ${address}`, memory.load32(address), 0);
  }
}

function roundTrip(memory: PhysicalMemory): void {
  for (const value of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
    memory.store32(64, value);
    expectSame('word', memory.load32(64), value);
    memory.store8(200, value % 256);
    expectSame('byte', memory.load8(200), value % 256);
  }
  memory.store8(201, 0x1ff);
  expectSame('low 8 bits', memory.load8(201), 0xff);
  memory.store32(68, -1);
  expectSame('low 32 bits', memory.load32(68), 0xffffffff);
}

function shared(memory: PhysicalMemory): void {
  memory.store32(128, 0x04030201);
  for (let i = 0; i < 4; i++) expectSame(`byte ${i}`, memory.load8(128 + i), i + 1);
  expectSame('bytes()', memory.bytes(128)[128 % memory.chunkBytes], 1);
  expectSame('words()', memory.words(128)[(128 % memory.chunkBytes) / 4], 0x04030201);
}

function chunks(memory: PhysicalMemory): void {
  const { chunkBytes, byteCount } = memory;
  const last = byteCount - 4;
  memory.store32(last, 7);
  expectSame('last word', memory.words(last)[(last % chunkBytes) / 4], 7);
  memory.bytes(last)[last % chunkBytes] = 9;
  expectSame('last word through bytes()', memory.load32(last), 9);
}

function ends(memory: PhysicalMemory): void {
  const { byteCount } = memory;
  memory.store8(byteCount - 1, 5);
  expectSame('last byte', memory.load8(byteCount - 1), 5);
  memory.store32(byteCount - 4, 0xdeadbeef);
  expectSame('last word', memory.load32(byteCount - 4), 0xdeadbeef);
}

function paint(memory: PhysicalMemory, address: number, byteCount: number): void {
  for (let i = 0; i < byteCount; i++) memory.store8(address + i, (i * 7 + 1) % 251);
}

function expectPaint(
  memory: PhysicalMemory,
  address: number,
  from: number,
  byteCount: number,
): void {
  for (let i = 0; i < byteCount; i++) {
    expectSame(`byte ${i} at ${address}`, memory.load8(address + i), ((i + from) * 7 + 1) % 251);
  }
}

function copies(memory: PhysicalMemory): void {
  for (const [to, from] of [
    [8192, 1000],
    [1001, 1000],
    [1000, 1003],
    [1000, 1000],
  ]) {
    paint(memory, from, 600);
    memory.copy(to, from, 600);
    expectPaint(memory, to, 0, 600);
  }
}

/** An address just below the end of the first chunk, or in the middle where there is only one. */
function edge(memory: PhysicalMemory): number {
  return memory.chunkBytes < memory.byteCount ? memory.chunkBytes - 300 : 32_768;
}

function crossing(memory: PhysicalMemory): void {
  const at = edge(memory);
  paint(memory, 0, 600);
  memory.copy(at, 0, 600);
  expectPaint(memory, at, 0, 600);
  memory.copy(at + 5, at, 595);
  expectPaint(memory, at + 5, 0, 595);
  const buffer = new Uint8Array(600);
  memory.read(at + 5, buffer, 0, 595);
  memory.fill(at, 600, 3);
  for (let i = 0; i < 600; i++) expectSame(`filled byte ${i}`, memory.load8(at + i), 3);
  memory.write(at, buffer, 0, 595);
  expectPaint(memory, at, 0, 595);
}

function fills(memory: PhysicalMemory): void {
  memory.fill(4096, 4096, 0xaa);
  expectSame('byte before', memory.load8(4095), 0);
  expectSame('first byte', memory.load8(4096), 0xaa);
  expectSame('last byte', memory.load8(8191), 0xaa);
  expectSame('byte after', memory.load8(8192), 0);
}

function exchanges(memory: PhysicalMemory): void {
  const buffer = Uint8Array.from({ length: 100 }, (_, i) => i + 1);
  memory.write(5000, buffer, 10, 50);
  expectSame('byte before', memory.load8(4999), 0);
  expectSame('first byte', memory.load8(5000), 11);
  expectSame('last byte', memory.load8(5049), 60);
  expectSame('byte after', memory.load8(5050), 0);
  const back = new Uint8Array(100);
  memory.read(5000, back, 25, 50);
  expectSame('before the offset', back[24], 0);
  expectSame('at the offset', back[25], 11);
  expectSame('after the range', back[75], 0);
}
