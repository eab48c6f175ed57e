import { MIB } from '@hotpath/hw-x86';
import { describe, expect, test } from 'vitest';
import { Arena, GenericMalloc } from '../src/index.js';
import {
  CALLOC,
  FREE,
  type KmtTrace,
  MALLOC,
  MEMALIGN,
  REALLOC,
  readKmt,
  recordings,
} from './kmt-trace.js';

interface Heap {
  readonly bytes: Uint8Array;
  /** Every block starts and ends at a multiple of this. */
  readonly grain: number;
  malloc(size: number): number;
  calloc(size: number): number;
  realloc(offset: number, size: number): number;
  memalign(align: number, size: number): number;
  free(offset: number): void;
  sizeOf(offset: number): number;
}

/**
 * Replays a recording. Every block's whole usable length is claimed granule by granule, so that any
 * two that overlap are found; its first and last 8 bytes carry a canary that is checked at each use.
 */
function replay(trace: KmtTrace, heap: Heap): { errors: number; peak: number } {
  const { grain } = heap;
  const granules = new Int32Array(heap.bytes.length / grain);
  const at = new Float64Array(trace.objectCount);
  const sizes = new Float64Array(trace.objectCount);
  const words = new Int32Array(heap.bytes.buffer);
  let errors = 0;
  let liveBytes = 0;
  let peak = 0;
  const claim = (id: number, offset: number, size: number): void => {
    const usable = heap.sizeOf(offset);
    if (offset === 0 || offset % grain !== 0 || usable < size) errors += 1;
    for (let g = offset / grain; g < (offset + usable) / grain; g += 1) {
      if (granules[g] !== 0) errors += 1;
      granules[g] = id + 1;
    }
    if (size >= 4) words[offset >> 2] = id;
    if (size >= 8) words[(offset + size - 4) >> 2] = ~id;
    at[id] = offset;
    sizes[id] = size;
    liveBytes += size;
    if (liveBytes > peak) peak = liveBytes;
  };
  const release = (id: number): void => {
    const offset = at[id];
    const usable = heap.sizeOf(offset);
    for (let g = offset / grain; g < (offset + usable) / grain; g += 1) {
      if (granules[g] !== id + 1) errors += 1;
      granules[g] = 0;
    }
    if (sizes[id] >= 8 && words[(offset + sizes[id] - 4) >> 2] !== ~id) errors += 1;
    else if (sizes[id] >= 4 && sizes[id] < 8 && words[offset >> 2] !== id) errors += 1;
    if (sizes[id] > 12 && words[offset >> 2] !== id) errors += 1;
    liveBytes -= sizes[id];
  };
  for (let event = 0; event < trace.op.length; event += 1) {
    const id = trace.id[event];
    const size = trace.size[event];
    switch (trace.op[event]) {
      case MALLOC:
        claim(id, heap.malloc(size), size);
        break;
      case CALLOC: {
        const offset = heap.calloc(size);
        for (let i = offset; i < offset + size; i += 1) if (heap.bytes[i] !== 0) errors += 1;
        claim(id, offset, size);
        break;
      }
      case MEMALIGN: {
        const offset = heap.memalign(trace.align[event], size);
        if (offset % trace.align[event] !== 0) errors += 1;
        claim(id, offset, size);
        break;
      }
      case REALLOC: {
        release(id);
        const kept = Math.min(size, sizes[id]);
        const offset = heap.realloc(at[id], size);
        if (kept > 12 && words[offset >> 2] !== id) errors += 1;
        claim(id, offset, size);
        break;
      }
      case FREE:
        release(id);
        heap.free(at[id]);
        at[id] = 0;
        break;
      default:
        errors += 1;
    }
  }
  for (let id = 0; id < at.length; id += 1) {
    if (at[id] === 0) continue;
    release(id);
    heap.free(at[id]);
  }
  if (granules.some((owner) => owner !== 0)) errors += 1;
  return { errors, peak };
}

describe.each(recordings().map((path) => [path.replace(/^.*\//, ''), path]))('%s', (name, path) => {
  const trace = readKmt(path);

  test('on an arena: no error, no overlap, the footprint in bounds, and nothing held at the end', () => {
    const arena = new Arena(new ArrayBuffer(128 * MIB));
    let footprint = 0;
    const watch = (offset: number): number => {
      if (arena.pages.usedPages > footprint) footprint = arena.pages.usedPages;
      return offset;
    };
    const { errors, peak } = replay(trace, {
      bytes: arena.views.u8,
      grain: 16,
      malloc: (size) => watch(arena.malloc(size)),
      calloc: (size) => watch(arena.calloc(1, size)),
      realloc: (offset, size) => watch(arena.realloc(offset, size)),
      memalign: (align, size) => watch(arena.memalign(align, size)),
      free: (offset) => arena.free(offset),
      sizeOf: (offset) => arena.sizeOf(offset),
    });
    expect(errors).toBe(0);
    expect(arena.slabs.validate().errors).toBe(0);
    expect(arena.slabs.metadataBytes / arena.pages.pageCount).toBeLessThan(64);
    for (const cache of arena.slabs.list()) expect(cache.liveObjects).toBe(0);
    arena.slabs.shrink();
    arena.pages.drain();
    arena.pages.checkInvariants();
    expect(arena.pages.usedPages).toBe(0);
    const ratio = (footprint * 4096) / peak;
    console.log(`${name}: footprint / live at peak ${ratio.toFixed(3)}`);
    expect(ratio).toBeLessThan(peak > 1 * MIB ? 1.1 : 2);
  });

  test('on the generic malloc: no error, no overlap, and one free block at the end', () => {
    const buffer = new ArrayBuffer(128 * MIB);
    const heap = new GenericMalloc({ byteCount: buffer.byteLength, buffer });
    const bytes = new Uint8Array(buffer);
    const { errors } = replay(trace, {
      bytes,
      grain: 8,
      malloc: (size) => heap.malloc(size),
      calloc: (size) => {
        const offset = heap.malloc(size);
        bytes.fill(0, offset, offset + size);
        return offset;
      },
      realloc: (offset, size) => heap.realloc(offset, size),
      memalign: () => 0,
      free: (offset) => heap.free(offset),
      sizeOf: (offset) => heap.sizeOf(offset),
    });
    expect(errors).toBe(0);
    heap.checkInvariants();
    expect(heap.usedBytes).toBe(0);
  });
});
