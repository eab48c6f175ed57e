import { assert, NIL } from '@hotpath/hw-x86';

/** A function of a profile. */
export interface ProfiledFunction {
  readonly name: string;
  /** Source file; empty where unknown. */
  readonly file: string;
  /** Line from 1; 0 where unknown. */
  readonly line: number;
}

const INITIAL_NODES = 64;
/** The node that is no function: the root of every stack. */
export const ROOT = 0;

/**
 * Calling-context tree: one node per distinct call stack, so that a sample costs one walk of its
 * stack and no memory once that stack is known. (G. Ammons, T. Ball, J. Larus, PLDI 1997.)
 *
 * Invariants: for every node n > 0, `parent[n] < n`; n is in the child list of its parent exactly
 * once; no two siblings have the same function; `sum(self) === total`.
 */
export class CallTree {
  /** Sum of all weights. */
  total = 0;
  private count = 1;
  private parents = new Int32Array(INITIAL_NODES).fill(NIL);
  private functionsOf = new Int32Array(INITIAL_NODES).fill(NIL);
  private firstChild = new Int32Array(INITIAL_NODES).fill(NIL);
  private nextSibling = new Int32Array(INITIAL_NODES).fill(NIL);
  private selfWeights = new Float64Array(INITIAL_NODES);
  private readonly functions: ProfiledFunction[] = [];
  private readonly numbers = new Map<string, number>();

  /** A number for a function; the same for the same name, file and line. */
  register(name: string, file = '', line = 0): number {
    const key = `${line}\0${file}\0${name}`;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.functions.length;
    this.functions.push({ name, file, line });
    this.numbers.set(key, number);
    return number;
  }

  /** Number of registered functions. */
  get functionCount(): number {
    return this.functions.length;
  }

  /** A function by its number. */
  functionOf(number: number): ProfiledFunction {
    assert(number >= 0 && number < this.functions.length, 'the function is registered');
    return this.functions[number];
  }

  /** The node for a function called from `node`; made where it is new. */
  child(node: number, callee: number): number {
    const { nextSibling, functionsOf } = this;
    for (let child = this.firstChild[node]; child !== NIL; child = nextSibling[child]) {
      if (functionsOf[child] === callee) return child;
    }
    assert(callee >= 0 && callee < this.functions.length, 'the callee is registered');
    return this.insert(node, callee);
  }

  /** Adds a weight (samples, or ticks) to a node itself. */
  add(node: number, weight: number): void {
    this.selfWeights[node] += weight;
    this.total += weight;
  }

  /** Number of nodes, the root included. */
  get nodeCount(): number {
    return this.count;
  }

  /** Caller of a node; NIL for the root. */
  parent(node: number): number {
    return this.parents[node];
  }

  /** Function of a node; NIL for the root. */
  callee(node: number): number {
    return this.functionsOf[node];
  }

  /** Weight of a node itself, without what it called. */
  self(node: number): number {
    return this.selfWeights[node];
  }

  /** Callees of a node. */
  children(node: number): number[] {
    const list: number[] = [];
    for (let child = this.firstChild[node]; child !== NIL; child = this.nextSibling[child]) {
      list.push(child);
    }
    return list.reverse();
  }

  /** Functions from the outermost to the node's own. */
  stack(node: number): number[] {
    const list: number[] = [];
    for (let at = node; at !== ROOT; at = this.parents[at]) list.push(this.functionsOf[at]);
    return list.reverse();
  }

  /**
   * Weight per function: `self` in it, `total` in it or below, recursion counted once. Sorted by
   * `self`, then name.
   */
  histogram(): { name: string; self: number; total: number }[] {
    const { functions, count } = this;
    const self = new Float64Array(functions.length);
    const total = new Float64Array(functions.length);
    const seen = new Set<number>();
    for (let node = 1; node < count; node += 1) {
      const weight = this.selfWeights[node];
      if (weight === 0) continue;
      self[this.functionsOf[node]] += weight;
      seen.clear();
      for (let at = node; at !== ROOT; at = this.parents[at]) seen.add(this.functionsOf[at]);
      for (const callee of seen) total[callee] += weight;
    }
    return functions
      .map(({ name }, number) => ({ name, self: self[number], total: total[number] }))
      .filter((entry) => entry.total > 0)
      .sort((x, y) => y.self - x.self || (x.name < y.name ? -1 : 1));
  }

  /** Throws InvariantError where the tree is inconsistent. */
  checkInvariants(): void {
    let sum = 0;
    let reached = 1;
    for (let node = 0; node < this.count; node += 1) {
      sum += this.selfWeights[node];
      assert(node === ROOT || this.parents[node] < node, 'a parent is older');
      const callees = new Set<number>();
      for (const child of this.children(node)) {
        reached += 1;
        assert(this.parents[child] === node, 'a child knows its parent');
        assert(!callees.has(this.functionsOf[child]), 'siblings have different functions');
        callees.add(this.functionsOf[child]);
      }
    }
    assert(reached === this.count, 'every node is in one child list');
    assert(sum === this.total, 'weights add up');
  }

  private insert(node: number, callee: number): number {
    if (this.count === this.parents.length) this.grow();
    const made = this.count;
    this.count += 1;
    this.parents[made] = node;
    this.functionsOf[made] = callee;
    this.firstChild[made] = NIL;
    this.nextSibling[made] = this.firstChild[node];
    this.firstChild[node] = made;
    return made;
  }

  private grow(): void {
    const size = this.parents.length * 2;
    const larger = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const made = new Int32Array(size).fill(NIL);
      made.set(old);
      return made;
    };
    this.parents = larger(this.parents);
    this.functionsOf = larger(this.functionsOf);
    this.firstChild = larger(this.firstChild);
    this.nextSibling = larger(this.nextSibling);
    const weights = new Float64Array(size);
    weights.set(this.selfWeights);
    this.selfWeights = weights;
  }
}
