import { describe, expect, test } from 'vitest';
import { replayAlloc } from '../../src/replay/alloc.js';
import { genericHeap, type Heap, heapBytesFor, slabHeap } from '../../src/replay/heap.js';
import { type AllocTrace, decodeAllocTrace } from '../../src/traces/alloc-trace.js';
import { readTraceFile } from '../../src/traces/trace-file.js';
import { recordings } from '../recordings.js';

const heaps = { slab: slabHeap, generic: genericHeap };

describe.each(recordings('slab', /\.kmt\.gz$/))('%s', (path) => {
  const trace = decodeAllocTrace(readTraceFile(path));
  test.each(Object.entries(heaps))('no block is lost or overwritten on the %s heap', (_, make) => {
    const heap = make(heapBytesFor(trace.peakLiveBytes));
    const replay = replayAlloc(trace, heap);
    expect(replay.errors).toBe(0);
    expect(replay.events).toBe(trace.eventCount);
    expect(replay.peakFootprintBytes).toBeGreaterThan(trace.peakLiveBytes);
    // What the recording left was freed: a second replay finds the same room.
    expect(replayAlloc(trace, heap).errors).toBe(0);
  });
});

/** malloc(64), malloc(64), calloc(8), memalign(256, 10), realloc(0, 100), free(1). */
const small: AllocTrace = {
  eventCount: 6,
  objectCount: 4,
  op: Uint8Array.of(0, 0, 3, 4, 2, 1),
  object: Uint32Array.of(0, 1, 2, 3, 0, 1),
  size: Uint32Array.of(64, 64, 8, 10, 100, 0),
  align: Uint32Array.of(0, 0, 0, 256, 0, 0),
  peakLiveBytes: 182,
  liveAtEnd: 3,
};

test.each(Object.entries(heaps))('every kind of call works on the %s heap', (_, make) => {
  expect(replayAlloc(small, make(2 ** 20)).errors).toBe(0);
});

const broken: readonly (readonly [what: string, breakHeap: (heap: Heap) => Partial<Heap>])[] = [
  ['hands out the same block twice', () => ({ malloc: () => 4096, realloc: () => 4096 })],
  ['refuses', () => ({ malloc: () => 0 })],
  ['misaligns', (heap) => ({ malloc: (count) => heap.malloc(count) + 4 })],
  ['leaves calloc dirty', (heap) => ({ calloc: (count) => dirty(heap, heap.malloc(count)) })],
  ['loses bytes in realloc', (heap) => ({ realloc: (_, count) => heap.calloc(count) })],
  ['ignores memalign', (heap) => ({ memalign: (_, count) => heap.malloc(count) + 8 })],
];

function dirty(heap: Heap, address: number): number {
  heap.bytes[address] = 1;
  return address;
}

test.each(broken)('a heap that %s is found out', (_, breakHeap) => {
  const heap = slabHeap(2 ** 20);
  const replay = replayAlloc(small, { ...heap, free: () => {}, ...breakHeap(heap) });
  expect(replay.errors).toBeGreaterThan(0);
});
