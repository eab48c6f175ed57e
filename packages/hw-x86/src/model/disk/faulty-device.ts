import { ArenaMemory } from '../../arena/arena-memory.js';
import {
  type BlockDevice,
  type BlockRequest,
  type Completion,
  createRequest,
  FLUSH,
  type InterruptLine,
  READ,
  WRITE,
} from '../../block-device.js';
import { checkRequest, gather, scatter } from '../../dma.js';
import { ArgumentError, assert } from '../../errors.js';
import { ETIMEDOUT, NIL, OK, PENDING } from '../../status.js';
import { FaultPlan, type FaultRule, faultStatus } from './fault-plan.js';

/** Options of {@link createFaultyDevice}. */
export interface FaultyDeviceOptions {
  /** What goes wrong; the first rule that strikes decides. */
  readonly rules: readonly FaultRule[];
  /** For what the rules leave open; default 1. */
  readonly seed?: number;
  /** Bytes that a torn write keeps together; default 512. */
  readonly atomicBytes?: number;
  /**
   * Calls back after a time; needed for delays and hangs. On the host
   * `(ns, run) => void setTimeout(run, ns / 1e6)`.
   */
  readonly after?: (delayNs: number, run: () => void) => void;
  /** Raised when a delayed or given-up request can be reaped. */
  readonly line?: InterruptLine;
  /** After this time a request that hangs is given up with ETIMEDOUT; default 30 s. */
  readonly timeoutNs?: number;
}

/** What a struck request does on the inner device, one after the other. */
const STAGE_READ_OLD = 0;
const STAGE_LAST = 1;

/** A request on its way through a faulty device. */
class Struck implements Completion {
  readonly original: BlockRequest;
  readonly rule: FaultRule | null;
  /** What the inner device is asked. */
  readonly request: BlockRequest;
  stage = STAGE_LAST;
  readonly #home: FaultyDevice;

  constructor(home: FaultyDevice, original: BlockRequest, rule: FaultRule | null) {
    this.#home = home;
    this.original = original;
    this.rule = rule;
    this.request = { ...original, sink: this };
  }

  completed(_tag: number, result: number): void {
    this.#home.innerCompleted(this, result);
  }
}

/**
 * Any device, the host's included, with faults by rule: see {@link FaultRule}. A request that fails
 * still takes the inner device's time (the blocks are read instead), so its error comes the way a
 * real one does: at once from a synchronous device, by `reap` from an asynchronous one.
 */
export class FaultyDevice implements BlockDevice {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly volatileCache: boolean;
  readonly readOnly: boolean;
  /** The rules with their counters. */
  readonly plan: FaultPlan;
  readonly #inner: BlockDevice;
  readonly #options: FaultyDeviceOptions;
  readonly #late: { struck: Struck; status: number }[] = [];
  /** Sinks of users called so far. */
  #told = 0;

  constructor(inner: BlockDevice, options: FaultyDeviceOptions) {
    this.blockBytes = inner.blockBytes;
    this.blockCount = inner.blockCount;
    this.volatileCache = inner.volatileCache;
    this.readOnly = inner.readOnly;
    this.plan = new FaultPlan(options.rules, options.seed ?? 1);
    this.#inner = inner;
    this.#options = options;
  }

  submit(request: BlockRequest): number {
    const status = checkRequest(this, request);
    if (status !== OK) return status;
    const index = this.plan.decide(request.op, request.block, request.blockCount);
    const rule = index === NIL ? null : this.plan.rules[index];
    assert(index === NIL || rule !== null, 'what strikes is a rule');
    const struck = new Struck(this, request, rule);
    if (rule === null) return this.#forward(struck);
    if (rule.kind === 'hang') return this.#hang(struck);
    this.#prepare(struck, rule);
    const answer = this.#forward(struck);
    if (answer === PENDING || rule.delayNs === undefined) return answer;
    this.#delay(struck, answer, rule.delayNs);
    return PENDING;
  }

  /** Asks the inner device; works off the stages as long as it answers at once. */
  #forward(struck: Struck): number {
    for (;;) {
      const answer = this.#inner.submit(struck.request);
      if (answer === PENDING) return PENDING;
      const final = this.#advance(struck, answer);
      if (final !== PENDING) return final;
    }
  }

  /** Changes what the inner device is asked according to the rule. */
  #prepare(struck: Struck, rule: FaultRule): void {
    const { original } = struck;
    if (rule.kind === 'delay' || (rule.kind === 'corrupt' && original.op === READ)) return;
    if (original.op === READ) {
      this.#useScratch(struck, READ);
    } else if (rule.kind === 'corrupt') {
      this.#useScratch(struck, WRITE);
      const { memory, segmentBytes } = struck.request;
      gather(original, 0, memory.bytes(0), 0, segmentBytes);
      flipBit(memory.bytes(0), this.plan.dice.below(segmentBytes * 8));
    } else {
      // error, lost and torn: read the blocks, for the time it takes and the old contents.
      this.#useScratch(struck, READ);
      if (rule.kind === 'torn') struck.stage = STAGE_READ_OLD;
    }
  }

  /** Lets the inner device work on memory of our own instead of the user's. */
  #useScratch(struck: Struck, op: number): void {
    const { original, request } = struck;
    const blockCount = original.op === FLUSH ? 1 : original.blockCount;
    const byteCount = blockCount * this.blockBytes;
    request.op = op;
    request.fua = false;
    request.block = original.op === FLUSH ? 0 : original.block;
    request.blockCount = blockCount;
    request.memory = new ArenaMemory(new ArrayBuffer(byteCount));
    request.segmentAddress = new Float64Array(1);
    request.segmentCount = 1;
    request.segmentBytes = byteCount;
  }

  /** The inner device is done with a stage: the final status, or PENDING for one more stage. */
  #advance(struck: Struck, status: number): number {
    const { rule, original, request } = struck;
    if (rule === null) {
      if (status === OK && original.op === WRITE) {
        this.plan.written(original.block, original.blockCount);
      }
      return status;
    }
    if (rule.kind === 'error') return faultStatus(rule);
    if (rule.kind === 'lost') return OK;
    if (status !== OK) return status;
    if (struck.stage === STAGE_READ_OLD) {
      this.#mix(original, request.memory.bytes(0));
      struck.stage = STAGE_LAST;
      request.op = WRITE;
      request.fua = original.fua;
      return PENDING;
    }
    if (rule.kind === 'torn') return rule.silent === true ? OK : faultStatus(rule);
    if (rule.kind === 'corrupt' && original.op === READ) this.#corruptRead(original);
    return status;
  }

  /** Puts a proper part of the new data over the old. */
  #mix(original: BlockRequest, bytes: Uint8Array): void {
    const { dice } = this.plan;
    assert(bytes.length === original.blockCount * this.blockBytes, 'the old contents are read');
    const size = Math.min(this.#options.atomicBytes ?? 512, this.blockBytes);
    const unitCount = (original.blockCount * this.blockBytes) / size;
    const missing = dice.below(unitCount);
    for (let unit = 0; unit < unitCount; unit++) {
      if (unit === missing || dice.chance(0.5)) continue;
      gather(original, unit * size, bytes, unit * size, size);
    }
  }

  #corruptRead(original: BlockRequest): void {
    const bit = this.plan.dice.below(original.blockCount * this.blockBytes * 8);
    const byte = new Uint8Array(1);
    const at = Math.floor(bit / 8);
    gather(original, at, byte, 0, 1);
    byte[0] ^= 1 << (bit % 8);
    scatter(original, at, byte, 0, 1);
  }

  /** Called by a struck request when the inner device has completed a stage, from `reap`. */
  innerCompleted(struck: Struck, result: number): void {
    const status = this.#advance(struck, result);
    if (status === PENDING) {
      const next = this.#forward(struck);
      if (next !== PENDING) this.#end(struck, next);
    } else {
      this.#end(struck, status);
    }
  }

  #end(struck: Struck, status: number): void {
    const delayNs = struck.rule?.delayNs;
    if (delayNs === undefined) this.#tell(struck, status);
    else this.#delay(struck, status, delayNs);
  }

  #tell(struck: Struck, status: number): void {
    this.#told++;
    struck.original.sink.completed(struck.original.tag, status);
  }

  #hang(struck: Struck): number {
    const { original } = struck;
    // The command was lost, or only its answer: then the inner device does it, and nobody hears.
    if (original.op !== READ && this.plan.dice.chance(0.5)) {
      const silent = copyRequest(original, this.blockBytes);
      this.#inner.submit(silent);
    }
    const delay = (struck.rule?.delayNs ?? 0) + (this.#options.timeoutNs ?? 30e9);
    this.#delay(struck, ETIMEDOUT, delay);
    return PENDING;
  }

  #delay(struck: Struck, status: number, delayNs: number): void {
    const { after, line } = this.#options;
    assert(after !== undefined, 'delays and hangs have a timer');
    after(delayNs, () => {
      this.#late.push({ struck, status });
      line?.raise();
    });
  }

  reap(): number {
    const before = this.#told;
    for (let late = this.#late.shift(); late !== undefined; late = this.#late.shift()) {
      this.#tell(late.struck, late.status);
    }
    // What the inner device counts are stages; only the last of a request calls the user's sink.
    this.#inner.reap();
    return this.#told - before;
  }
}

function flipBit(bytes: Uint8Array, bit: number): void {
  bytes[Math.floor(bit / 8)] ^= 1 << (bit % 8);
}

/** A request of our own with the data as it is now, whose completion nobody hears. */
function copyRequest(original: BlockRequest, blockBytes: number): BlockRequest {
  const sink: Completion = { completed(): void {} };
  if (original.op !== WRITE) return { ...original, sink };
  const byteCount = original.blockCount * blockBytes;
  const memory = new ArenaMemory(new ArrayBuffer(byteCount));
  gather(original, 0, memory.bytes(0), 0, byteCount);
  const request = { ...createRequest(memory, sink, 1), segmentCount: 1, segmentBytes: byteCount };
  const { op, fua, block, blockCount } = original;
  return { ...request, op, fua, block, blockCount };
}

/**
 * Wraps a device so that requests fail, tear, rot, are late or hang by rule.
 * @throws ArgumentError ERR_FAULT_RULE; ERR_FAULT_TIMER for a delay or hang without `after`
 */
export function createFaultyDevice(inner: BlockDevice, options: FaultyDeviceOptions): FaultyDevice {
  const timed = options.rules.some((rule) => rule.kind === 'hang' || rule.delayNs !== undefined);
  if (timed && options.after === undefined) {
    const what = 'a rule delays or hangs, but `after` is undefined; allowed: a function';
    throw new ArgumentError('ERR_FAULT_TIMER', what);
  }
  return new FaultyDevice(inner, options);
}
