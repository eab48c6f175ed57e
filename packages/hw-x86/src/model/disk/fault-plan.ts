import { DISCARD, FLUSH, READ, WRITE } from '../../block-device.js';
import { ArgumentError, assert } from '../../errors.js';
import { EIO, isErrno, NIL } from '../../status.js';
import { Dice } from './dice.js';

/**
 * What goes wrong:
 * - `error`: the request fails with `errno`; nothing is written.
 * - `torn`: WRITE: a seeded part of its atomic units is written, then it fails (or, `silent`,
 *   reports OK).
 * - `corrupt`: one seeded bit is flipped in what a READ delivers or a WRITE stores; reports OK.
 * - `lost`: WRITE, FLUSH, DISCARD: reports OK and does nothing. A lost FLUSH is a drive that lies.
 * - `delay`: only late, by `delayNs`.
 * - `hang`: no answer until the device's time-out, then ETIMEDOUT; a WRITE may have been done.
 */
export type FaultKind = 'error' | 'torn' | 'corrupt' | 'lost' | 'delay' | 'hang';

/** One rule. All given conditions must hold; the first rule of a plan that strikes decides. */
export interface FaultRule {
  readonly kind: FaultKind;
  /** READ, WRITE, FLUSH or DISCARD; absent: every op that the kind applies to. */
  readonly op?: number;
  /** First block of the range that the request must touch; absent: 0. FLUSH touches every range. */
  readonly block?: number;
  /** Length of that range in blocks; absent: to the end. */
  readonly blockCount?: number;
  /** Matches that pass unharmed first; absent: 0. */
  readonly skip?: number;
  /** Matches that are struck after those; absent: all. */
  readonly times?: number;
  /** Chance that a match is struck, 0 to 1; absent: 1. */
  readonly probability?: number;
  /** Status of `error` and `torn`; absent: EIO. */
  readonly errno?: number;
  /** Extra latency of a struck request, in nanoseconds; absent: 0. */
  readonly delayNs?: number;
  /** `torn`: report OK all the same. */
  readonly silent?: boolean;
  /** `error` on READ: a successful WRITE of the whole range heals it, as sector remapping does. */
  readonly untilWritten?: boolean;
}

const OPS_OF: Readonly<Record<FaultKind, readonly number[]>> = {
  error: [READ, WRITE, FLUSH, DISCARD],
  torn: [WRITE],
  corrupt: [READ, WRITE],
  lost: [WRITE, FLUSH, DISCARD],
  delay: [READ, WRITE, FLUSH, DISCARD],
  hang: [READ, WRITE, FLUSH, DISCARD],
};

/** Rules with their counters and dice: decides for each request which rule strikes it. */
export class FaultPlan {
  readonly rules: readonly FaultRule[];
  /** Chance for whatever a fault leaves open: which bit, which part. */
  readonly dice: Dice;
  readonly #matched: Float64Array;
  readonly #struck: Float64Array;
  readonly #healed: Uint8Array;

  /** @throws ArgumentError ERR_FAULT_RULE for a rule that contradicts itself */
  constructor(rules: readonly FaultRule[], seed: number) {
    for (const rule of rules) checkRule(rule);
    this.rules = rules.map((rule) => ({ ...rule }));
    this.dice = new Dice(seed ^ 0x5bd1e995);
    this.#matched = new Float64Array(rules.length);
    this.#struck = new Float64Array(rules.length);
    this.#healed = new Uint8Array(rules.length);
  }

  /** Index of the rule that strikes this request, or NIL. Counts the matches. */
  decide(op: number, block: number, blockCount: number): number {
    for (let i = 0; i < this.rules.length; i++) {
      if (this.#healed[i] === 1 || !this.#applies(i, op, block, blockCount)) continue;
      const rule = this.rules[i];
      const match = this.#matched[i]++;
      const skip = rule.skip ?? 0;
      if (match < skip || this.#struck[i] >= (rule.times ?? Infinity)) continue;
      if (rule.probability !== undefined && !this.dice.chance(rule.probability)) continue;
      this.#struck[i]++;
      return i;
    }
    return NIL;
  }

  #applies(index: number, op: number, block: number, blockCount: number): boolean {
    const rule = this.rules[index];
    if (rule.op !== undefined ? rule.op !== op : !OPS_OF[rule.kind].includes(op)) return false;
    if (op === FLUSH) return true;
    const first = rule.block ?? 0;
    const end = rule.blockCount === undefined ? Infinity : first + rule.blockCount;
    return block < end && block + blockCount > first;
  }

  /** Tells the plan of a WRITE that succeeded: heals rules with `untilWritten`. */
  written(block: number, blockCount: number): void {
    for (let i = 0; i < this.rules.length; i++) {
      const rule = this.rules[i];
      if (rule.untilWritten !== true || rule.blockCount === undefined) continue;
      const first = rule.block ?? 0;
      if (block <= first && block + blockCount >= first + rule.blockCount) this.#healed[i] = 1;
    }
  }

  /** How often a rule has struck. */
  struck(index: number): number {
    assert(index >= 0 && index < this.rules.length, 'a rule of this plan');
    return this.#struck[index];
  }

  /** Counters and dice as numbers, for snapshots. */
  save(): Float64Array {
    return Float64Array.of(this.dice.state, ...this.#matched, ...this.#struck, ...this.#healed);
  }

  /** Takes a saved state back. */
  load(state: Float64Array): void {
    const n = this.rules.length;
    assert(state.length === 1 + 3 * n, 'state of the same rules');
    this.dice.state = state[0];
    this.#matched.set(state.subarray(1, 1 + n));
    this.#struck.set(state.subarray(1 + n, 1 + 2 * n));
    this.#healed.set(state.subarray(1 + 2 * n));
  }
}

function checkRule(rule: FaultRule): void {
  const fail = (what: string): never => {
    throw new ArgumentError('ERR_FAULT_RULE', what);
  };
  const ops = OPS_OF[rule.kind];
  if (ops === undefined) {
    fail(`fault kind is ${String(rule.kind)}; allowed: ${Object.keys(OPS_OF).join(', ')}`);
  }
  if (rule.op !== undefined && !ops.includes(rule.op)) {
    fail(`op of a fault '${rule.kind}' is ${rule.op}; allowed: ${ops.join(', ')}`);
  }
  const { probability, errno, delayNs } = rule;
  if (probability !== undefined && !(probability >= 0 && probability <= 1)) {
    fail(`probability of a fault is ${probability}; allowed: 0 to 1`);
  }
  if (errno !== undefined && !isErrno(errno)) {
    fail(`errno of a fault is ${errno}; allowed: -4095 to -1`);
  }
  if (delayNs !== undefined && !(delayNs >= 0)) {
    fail(`delayNs of a fault is ${delayNs}; allowed: 0 and more`);
  }
  if (rule.kind === 'delay' && delayNs === undefined) fail(`a fault 'delay' needs delayNs`);
  if (rule.untilWritten === true && rule.blockCount === undefined) {
    fail('a fault with untilWritten needs blockCount');
  }
}

/** The status that a struck request reports, apart from its effect. */
export function faultStatus(rule: FaultRule): number {
  return rule.errno ?? EIO;
}
