import { assert, LINE_BYTES, type Meter, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';

/**
 * Which process is whose child: doubly linked lists over the task slots, so that wait4 looks at its
 * own children only.
 *
 * For every child c with parent p: c is in the list of p exactly once; next[previous[c]] === c.
 */
export class Family {
  /** Process that forked it, or NIL when that has ended or there was none. */
  readonly parent = new Int32Array(TASK_LIMIT).fill(NIL);
  /** Youngest child, or NIL. */
  readonly firstChild = new Int32Array(TASK_LIMIT).fill(NIL);
  /** Next older child of the same parent, or NIL. */
  readonly next = new Int32Array(TASK_LIMIT).fill(NIL);
  readonly #previous = new Int32Array(TASK_LIMIT).fill(NIL);
  readonly #meter: Meter;
  /** Taken at the first use: NIL until then. */
  #base: VirtAddr = NIL;

  /** @param meter - takes the accesses to the links, a cache line for each process */
  constructor(meter: Meter) {
    this.#meter = meter;
  }

  /** `child`, which has no parent, becomes one of `parent`. */
  adopt(parent: number, child: number): void {
    assert(this.parent[child] === NIL, 'a child is adopted that has a parent');
    const first = this.firstChild[parent];
    this.#touch(child);
    this.#touch(parent);
    if (first !== NIL) this.#touch(first);
    this.parent[child] = parent;
    this.next[child] = first;
    this.#previous[child] = NIL;
    if (first !== NIL) this.#previous[first] = child;
    this.firstChild[parent] = child;
  }

  /** Takes a child away from its parent, if it has one. */
  leave(child: number): void {
    const parent = this.parent[child];
    if (parent === NIL) return;
    const next = this.next[child];
    const previous = this.#previous[child];
    this.#touch(child);
    this.#touch(previous === NIL ? parent : previous);
    if (next !== NIL) this.#touch(next);
    if (previous === NIL) this.firstChild[parent] = next;
    else this.next[previous] = next;
    if (next !== NIL) this.#previous[next] = previous;
    this.parent[child] = NIL;
    this.next[child] = NIL;
    this.#previous[child] = NIL;
  }

  #touch(task: number): void {
    if (this.#base === NIL) {
      this.#base = this.#meter.region('kernel.family', TASK_LIMIT * LINE_BYTES);
    }
    this.#meter.load(this.#base + task * LINE_BYTES);
    this.#meter.store(this.#base + task * LINE_BYTES);
  }

  /** Asserts the equations above. */
  checkInvariants(): void {
    let listed = 0;
    let withParent = 0;
    for (let task = 0; task < TASK_LIMIT; task++) {
      if (this.parent[task] !== NIL) withParent += 1;
      let previous = NIL;
      for (let child = this.firstChild[task]; child !== NIL; child = this.next[child]) {
        assert(this.parent[child] === task, 'a child in the list of another than its parent');
        assert(this.#previous[child] === previous, 'a list of children is broken');
        previous = child;
        listed += 1;
        assert(listed <= TASK_LIMIT, 'a list of children is a circle');
      }
    }
    assert(listed === withParent, 'children and lists of children do not add up');
  }
}
