import { MIB } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Arena, struct } from '../src/index.js';
import { codeOf } from './plain-memory.js';

describe('arena', () => {
  test('offset 0 is never handed out, and the whole rest of the buffer is', () => {
    const arena = new Arena(new ArrayBuffer(64 * 4096));
    const seen = new Set<number>();
    for (let p = arena.malloc(4096); p !== 0; p = arena.malloc(4096)) seen.add(p);
    expect(seen.has(0)).toBe(false);
    expect(seen.size).toBe(63);
    for (const p of seen) arena.free(p);
    arena.slabs.shrink();
    expect(arena.pages.usedPages).toBe(0);
  });

  test('it keeps to its part of a buffer', () => {
    const buffer = new ArrayBuffer(1 * MIB);
    const arena = new Arena(buffer, { byteOffset: 100_000, byteCount: 200_000 });
    for (let p = arena.malloc(1000); p !== 0; p = arena.malloc(1000)) {
      expect(p).toBeGreaterThanOrEqual(100_000);
      expect(p + 1000).toBeLessThanOrEqual(300_000);
    }
  });

  test('a memory that was small when the arena was made gives blocks as large as it can grow', () => {
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 1024 });
    const arena = new Arena(memory, { byteOffset: 66_576 });
    for (const mib of [1, 8, 16]) {
      const block = arena.malloc(mib * MIB);
      expect(block).toBeGreaterThan(66_576);
      expect(arena.sizeOf(block)).toBe(mib * MIB);
      arena.free(block);
    }
  });

  test('it grows a WebAssembly.Memory when full, contents and accessors survive', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 64 });
    const arena = new Arena(memory);
    const Task = struct({ pid: 'u32', vruntime: 'f64' });
    const tasks = arena.pool(Task, 'task');
    const all: number[] = [];
    for (let i = 0; i < 20_000; i += 1) {
      const task = tasks.create();
      expect(task).not.toBe(0);
      tasks.set.pid(task, i);
      tasks.set.vruntime(task, i / 3);
      all.push(task);
    }
    expect(memory.buffer.byteLength).toBeGreaterThan(65536 * 4);
    for (let i = 0; i < all.length; i += 1) {
      if (tasks.get.pid(all[i]) !== i || tasks.get.vruntime(all[i]) !== i / 3)
        throw new Error('lost');
    }
    const large = arena.malloc(1 * MIB);
    expect(large).not.toBe(0);
    expect(arena.malloc(64 * MIB)).toBe(0);
    arena.pages.checkInvariants();
  });

  test('memory that somebody else grew is found again by accessors', () => {
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 8 });
    const arena = new Arena(memory);
    const points = arena.pool(struct({ x: 'f64', tag: 'u8' }));
    const p = points.create();
    points.set.x(p, 1.5);
    memory.grow(1);
    expect(points.get.x(p)).toBe(1.5);
    memory.grow(1);
    points.set.tag(p, 7);
    expect(points.at(p).tag).toBe(7);
    expect(arena.grow(65536)).toBe(false);
    expect(codeOf(() => points.get.x(64 * MIB))).toBe('ERR_OFFSET');
  });

  test('copy and fill do what a Uint8Array does, at any length and overlap', () => {
    const arena = new Arena(new ArrayBuffer(2 * 4096));
    const model = new Uint8Array(2 * 4096);
    fc.assert(
      fc.property(
        fc.nat(600),
        fc.nat(600),
        fc.nat(300),
        fc.boolean(),
        fc.integer({ min: -300, max: 300 }),
        (from, to, byteCount, aligned, value) => {
          const unit = aligned ? 4 : 1;
          const [a, b, n] = [from * unit, to * unit, byteCount * unit];
          arena.views.fill(a, n, value);
          model.fill(value, a, a + n);
          for (let i = a; i < a + n; i += 7) arena.views.u8[i] = model[i] = i * 31;
          arena.views.copy(b, a, n);
          model.copyWithin(b, a, a + n);
          expect(Buffer.compare(arena.views.u8, model)).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
    expect(codeOf(() => arena.views.fill(2 * 4096 - 4, 8, 0))).toBe('ERR_OFFSET');
  });

  test('a struct lies as C would lay it, and every type keeps its range', () => {
    const type = struct({
      a: 'u8',
      b: 'f64',
      c: 'i16',
      d: 'u32',
      e: 'i8',
      f: 'u16',
      g: 'f32',
      h: 'i32',
    });
    expect(type.offsetOf).toEqual({ a: 0, b: 8, c: 16, d: 20, e: 24, f: 26, g: 28, h: 32 });
    expect([type.byteCount, type.align]).toEqual([40, 8]);
    const arena = new Arena(new ArrayBuffer(1 * MIB));
    const pool = arena.pool(type);
    const one = pool.at(pool.create());
    const two = pool.at(pool.create());
    const values = {
      a: 255,
      b: Math.PI,
      c: -32768,
      d: 4294967295,
      e: -128,
      f: 65535,
      g: 0.5,
      h: -2147483648,
    };
    Object.assign(one, values);
    expect({
      ...two,
      ...Object.fromEntries(Object.keys(values).map((k) => [k, two[k as 'a']])),
    }).toMatchObject(Object.fromEntries(Object.keys(values).map((k) => [k, 0])));
    for (const [name, value] of Object.entries(values)) {
      expect(one[name as 'a']).toBe(value);
      expect(pool.get[name as 'a'](one.offset)).toBe(value);
    }
    expect(two.move(one.offset).b).toBe(Math.PI);
    expect(codeOf(() => struct({ offset: 'u8' }))).toBe('ERR_STRUCT');
    expect(codeOf(() => struct({}))).toBe('ERR_STRUCT');
    expect(codeOf(() => struct({ x: 'u64' as 'u8' }))).toBe('ERR_STRUCT');
  });

  test('using frees at the end of the block, also when it throws', () => {
    const arena = new Arena(new ArrayBuffer(1 * MIB));
    const points = arena.pool(struct({ x: 'f64' }), 'point');
    const live = () => arena.slabs.list().reduce((sum, cache) => sum + cache.liveObjects, 0);
    expect(() => {
      using scope = arena.scope();
      using point = points.scoped();
      point.x = 3;
      scope.malloc(100);
      scope.calloc(3, 2000);
      expect(live()).toBe(3);
      throw new Error('inside');
    }).toThrow('inside');
    expect(live()).toBe(0);
  });

  test('sizes and places out of range are refused', () => {
    const buffer = new ArrayBuffer(1 * MIB);
    expect(codeOf(() => new Arena(new ArrayBuffer(4096)))).toBe('ERR_ARENA_BYTES');
    expect(codeOf(() => new Arena(buffer, { byteOffset: -1 }))).toBe('ERR_ARENA_BYTES');
    expect(codeOf(() => new Arena(buffer, { byteOffset: 1000, byteCount: 1 * MIB }))).toBe(
      'ERR_ARENA_BYTES',
    );
    expect(codeOf(() => new Arena(buffer).malloc(-1))).toBe('ERR_SIZE');
    expect(codeOf(() => new Arena(buffer).free(12345))).not.toBe('nothing');
    expect(() => new Arena(buffer).free(0)).not.toThrow();
  });
});
