import { NIL } from '@hotpath/hw-x86';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap, RedBlackTree, Rings } from '../src/index.js';

test('a tree and a heap agree with a sorted list under random operations', () => {
  const operations = fc.array(fc.tuple(fc.nat(29), fc.nat(7), fc.integer({ min: -5, max: 5 })), {
    maxLength: 120,
  });
  fc.assert(
    fc.property(operations, (list) => {
      const tree = new RedBlackTree(30, 1, true);
      const heap = new Heap(30);
      const model: { slot: number; key: number; value: number }[] = [];
      for (const [slot, key, value] of list) {
        const at = model.findIndex((one) => one.slot === slot);
        if (at >= 0) {
          model.splice(at, 1);
          tree.remove(slot);
          heap.remove(slot);
        } else {
          const before = model.findIndex((one) => one.key > key);
          model.splice(before < 0 ? model.length : before, 0, { slot, key, value });
          tree.insert(slot, key, 0, value);
          heap.insert(slot, key);
        }
        tree.checkInvariants();
        heap.checkInvariants();
        const order: number[] = [];
        for (let one = tree.first(); one !== NIL; one = tree.next(one)) order.push(one);
        expect(order).toEqual(model.map((one) => one.slot));
        expect(heap.first()).toBe(model[0]?.slot ?? NIL);
        if (model.length > 0) {
          expect(tree.minimumOf(tree.root())).toBe(Math.min(...model.map((one) => one.value)));
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('trees over the same slots do not touch each other', () => {
  const tree = new RedBlackTree(8, 2);
  for (let slot = 0; slot < 8; slot++) tree.insert(slot, 8 - slot, slot % 2);
  expect(tree.first(0)).toBe(6);
  expect(tree.first(1)).toBe(7);
  tree.remove(7, 1);
  expect(tree.first(1)).toBe(5);
  expect(tree.size[0]).toBe(4);
  tree.checkInvariants();
});

test('a shift moves every key and keeps the order', () => {
  const tree = new RedBlackTree(8, 1, true);
  for (let slot = 0; slot < 8; slot++) tree.insert(slot, (slot * 5) % 8, 0, -slot);
  tree.shift(-100);
  expect(tree.keyOf(tree.first())).toBe(-100);
  expect(tree.minimumOf(tree.root())).toBe(-107);
  tree.checkInvariants();
});

test('a slot cannot be inserted twice or removed when absent', () => {
  const tree = new RedBlackTree(2);
  const heap = new Heap(2);
  const rings = new Rings(2, 1);
  for (const structure of [tree, heap, rings]) {
    expect(() => structure.remove(0, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_INVARIANT' }),
    );
  }
  tree.insert(0, 1);
  heap.insert(0, 1);
  rings.pushTail(0, 0);
  expect(() => tree.insert(0, 1)).toThrow(expect.objectContaining({ code: 'ERR_INVARIANT' }));
  expect(() => heap.insert(0, 1)).toThrow(expect.objectContaining({ code: 'ERR_INVARIANT' }));
  expect(() => rings.pushHead(0, 0)).toThrow(expect.objectContaining({ code: 'ERR_INVARIANT' }));
});

test('every access of the tree reaches the meter inside its regions', () => {
  const regions: [number, number][] = [];
  let next = 4096;
  let loads = 0;
  const inside = (address: number) => {
    expect(regions.some(([base, end]) => address >= base && address < end)).toBe(true);
    loads++;
  };
  const tree = new RedBlackTree(64, 1, true, {
    region(_name, byteCount) {
      regions.push([next, next + byteCount]);
      const base = next;
      next += byteCount + 64;
      return base;
    },
    load: inside,
    store: inside,
    retire: () => {},
    branch: () => {},
  });
  for (let slot = 0; slot < 64; slot++) tree.insert(slot, (slot * 37) % 64, 0, slot);
  for (let slot = 0; slot < 64; slot++) tree.remove(slot);
  // About log2(n) nodes with two loads each, and the fix-ups.
  expect(loads).toBeGreaterThan(64 * 2 * 6);
});
