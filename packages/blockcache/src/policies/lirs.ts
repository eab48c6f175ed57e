/**
 * LIRS (Jiang and Zhang, SIGMETRICS 2002): blocks whose last two uses lay close together (LIR) stay;
 * the others (HIR) pass through a small queue, a hundredth of the slots. The stack S orders by recency
 * LIR blocks, HIR blocks and, as ghosts, HIR blocks that are gone.
 */
import { assert, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { KeyTable } from '../key-table.js';
import type { Policy, PolicySlots } from '../policy.js';
import { SlotRecords } from '../slot-records.js';
import { SlotRing } from '../slot-ring.js';

// Every LIR slot has a node in the stack; the stack's last node is LIR or the stack is empty.
// ghostTable and ghostOrder hold exactly the nodes without a slot. Every HIR slot is in the queue.

/** Nodes of the stack at most, as a multiple of the capacity. */
const STACK_RATIO = 2;

/** LIRS. All calls O(1) amortised. */
export class LirsPolicy implements Policy {
  readonly #slots: PolicySlots;
  readonly #queue: SlotRing;
  #nodes!: SlotRecords;
  #stack!: SlotRing;
  #ghostRecords!: SlotRecords;
  #ghostOrder!: SlotRing;
  #ghostTable!: KeyTable;
  #slotOfNode!: Int32Array;
  #freeNodes!: Int32Array;
  #freeCount = 0;
  #nodeOfSlot!: Int32Array;
  #isLir!: Uint8Array;
  #lirCount = 0;
  #lirLimit = 0;
  #stackLimit = 0;
  #returns = false;

  constructor(slots: PolicySlots, capacity: number) {
    this.#slots = slots;
    this.#queue = new SlotRing(slots.records, 0);
    this.#build(capacity);
  }

  #build(capacity: number): void {
    const slotCount = this.#slots.records.slotCount;
    const nodeCount = STACK_RATIO * slotCount + 1;
    this.#stackLimit = STACK_RATIO * capacity;
    this.#lirLimit = capacity - Math.max(1, Math.floor(capacity / 100));
    this.#nodes = new SlotRecords(nodeCount);
    this.#stack = new SlotRing(this.#nodes, 0);
    this.#ghostRecords = new SlotRecords(nodeCount);
    this.#ghostOrder = new SlotRing(this.#ghostRecords, 0);
    this.#ghostTable = new KeyTable(this.#nodes);
    this.#slotOfNode = new Int32Array(nodeCount).fill(NIL);
    this.#freeNodes = new Int32Array(nodeCount);
    for (let i = 0; i < nodeCount; i++) this.#freeNodes[i] = nodeCount - 1 - i;
    this.#freeCount = nodeCount;
    this.#nodeOfSlot = new Int32Array(slotCount).fill(NIL);
    this.#isLir = new Uint8Array(slotCount);
    this.#lirCount = 0;
  }

  miss(key: number): void {
    const node = this.#ghostTable.find(key);
    this.#returns = node !== NIL;
    if (node === NIL) return;
    this.#dropGhost(node);
    this.#prune();
  }

  touch(slot: number): void {
    const node = this.#nodeOfSlot[slot];
    if (this.#isLir[slot] === 1) {
      this.#stack.renew(node);
      this.#prune();
      return;
    }
    if (node === NIL) {
      this.#queue.renew(slot);
      this.#pushNode(slot);
      this.#limitStack();
      return;
    }
    this.#stack.renew(node);
    this.#queue.remove(slot);
    this.#isLir[slot] = 1;
    this.#lirCount += 1;
    this.#balance();
  }

  charge(slot: number, meter: Meter, recordBase: VirtAddr): void {
    // The stack has records of its own; its moves are as many as those of a ring here.
    this.#queue.chargeRenew(slot, meter, recordBase);
  }

  victim(): number {
    const free = this.#queue.oldestFree(this.#slots);
    if (free !== NIL) return free;
    for (let node = this.#stack.last(); node !== NIL; node = this.#stack.newer(node)) {
      const slot = this.#slotOfNode[node];
      if (slot !== NIL && this.#isLir[slot] === 1 && !this.#slots.isHeld(slot)) return slot;
    }
    return NIL;
  }

  insert(slot: number): void {
    this.#pushNode(slot);
    if (this.#returns || this.#lirCount < this.#lirLimit) {
      this.#isLir[slot] = 1;
      this.#lirCount += 1;
      this.#balance();
    } else {
      this.#isLir[slot] = 0;
      this.#queue.push(slot);
    }
    this.#returns = false;
    this.#limitStack();
  }

  remove(slot: number, evicted: boolean): void {
    const node = this.#nodeOfSlot[slot];
    this.#nodeOfSlot[slot] = NIL;
    if (this.#isLir[slot] === 1) {
      this.#isLir[slot] = 0;
      this.#lirCount -= 1;
      this.#dropNode(node);
      this.#prune();
      return;
    }
    this.#queue.remove(slot);
    if (node === NIL) return;
    if (!evicted) {
      this.#dropNode(node);
      return;
    }
    this.#slotOfNode[node] = NIL;
    this.#ghostTable.insert(node);
    this.#ghostOrder.push(node);
    // After a shrink the stack may be too long, for want of ghosts that could go.
    this.#limitStack();
  }

  /** Keeps the stack at twice the capacity: the ghosts that were evicted first go. */
  #limitStack(): void {
    while (this.#stack.size > this.#stackLimit && this.#ghostOrder.size > 0) {
      this.#dropGhost(this.#ghostOrder.last());
    }
  }

  resize(capacity: number): void {
    const order: number[] = [];
    for (let n = this.#stack.last(); n !== NIL; n = this.#stack.newer(n)) {
      if (this.#slotOfNode[n] !== NIL) order.push(this.#slotOfNode[n]);
    }
    const wasLir = this.#isLir;
    this.#build(capacity);
    // The ghosts are forgotten; the resident blocks keep their order.
    for (const slot of order) this.#pushNode(slot);
    for (let slot = 0; slot < wasLir.length; slot++) this.#isLir[slot] = wasLir[slot];
    this.#lirCount = order.reduce((count, slot) => count + wasLir[slot], 0);
    this.#balance();
  }

  /** Turns the oldest LIR blocks into HIR ones while there are too many. */
  #balance(): void {
    this.#prune();
    while (this.#lirCount > this.#lirLimit) {
      const node = this.#stack.last();
      const slot = this.#slotOfNode[node];
      this.#isLir[slot] = 0;
      this.#lirCount -= 1;
      this.#nodeOfSlot[slot] = NIL;
      this.#dropNode(node);
      this.#queue.push(slot);
      this.#prune();
    }
  }

  /** Takes HIR nodes off the stack's end: their recency exceeds that of every LIR block. */
  #prune(): void {
    for (let node = this.#stack.last(); node !== NIL; node = this.#stack.last()) {
      const slot = this.#slotOfNode[node];
      if (slot === NIL) this.#dropGhost(node);
      else if (this.#isLir[slot] === 1) return;
      else {
        this.#nodeOfSlot[slot] = NIL;
        this.#dropNode(node);
      }
    }
  }

  #pushNode(slot: number): void {
    assert(this.#freeCount > 0, 'lirs: no node is left');
    this.#freeCount -= 1;
    const node = this.#freeNodes[this.#freeCount];
    this.#nodes.setKey(node, this.#slots.records.keyOf(slot));
    this.#slotOfNode[node] = slot;
    this.#nodeOfSlot[slot] = node;
    this.#stack.push(node);
  }

  #dropNode(node: number): void {
    this.#stack.remove(node);
    this.#slotOfNode[node] = NIL;
    this.#freeNodes[this.#freeCount] = node;
    this.#freeCount += 1;
  }

  #dropGhost(node: number): void {
    this.#ghostTable.remove(node);
    this.#ghostOrder.remove(node);
    this.#dropNode(node);
  }

  checkInvariants(): void {
    this.#queue.checkInvariants();
    this.#stack.checkInvariants();
    this.#ghostOrder.checkInvariants();
    this.#ghostTable.checkInvariants(this.#ghostOrder.size);
    let lir = 0;
    for (let n = this.#stack.last(); n !== NIL; n = this.#stack.newer(n)) {
      const slot = this.#slotOfNode[n];
      if (slot === NIL) continue;
      assert(this.#nodeOfSlot[slot] === n, 'lirs: slot and node disagree');
      lir += this.#isLir[slot];
    }
    assert(lir === this.#lirCount, 'lirs: the count of LIR blocks is wrong');
    assert(
      this.#stack.size <= this.#stackLimit || this.#ghostOrder.size === 0,
      'lirs: the stack is too long',
    );
  }
}
