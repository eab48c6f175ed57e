import { BLOCKED, EAGAIN, EFAULT, EINVAL, ETIMEDOUT, NIL, OK, TSC } from '@hotpath/hw-x86';
import type { Current } from '../current.js';
import type { AddressSpace } from '../memory/address-space.js';
import { isUserAddress } from '../memory/memory-map.js';
import { FAULT_RESOLVED } from '../memory/page-fault.js';
import { TASK_LIMIT } from '../params.js';
import { type Call, type Interruptible, RESTART } from '../syscall/call.js';
import type { Sleepers } from './sleepers.js';
import type { Tasks } from './tasks.js';
import type { UserAccess } from './user-access.js';
import type { TaskWaits } from './waits.js';

const BUCKETS = 64;
/** What a wake-up brings; a timer brings OK. */
const WOKEN = 1;

/** What futexes work on. */
export interface FutexPorts {
  readonly current: Current;
  readonly tasks: Tasks;
  readonly waits: TaskWaits;
  readonly access: UserAccess;
  readonly sleepers: Sleepers;
  readonly frequencyHz: number;
}

/**
 * Fast user-space mutexes (Franke, Russell and Kirkwood 2002; futex(2)): threads wait on a word of
 * their memory, and only while it holds what they think it does. A word is known by its address space
 * and address. Waiters are queued in order in a bucket.
 */
export class Futexes implements Interruptible {
  readonly #ports: FutexPorts;
  readonly #first = new Int32Array(BUCKETS).fill(NIL);
  readonly #next = new Int32Array(TASK_LIMIT).fill(NIL);
  readonly #address = new Float64Array(TASK_LIMIT);
  readonly #space: (AddressSpace | null)[] = new Array<AddressSpace | null>(TASK_LIMIT).fill(null);

  constructor(ports: FutexPorts) {
    this.#ports = ports;
  }

  /** FUTEX_WAIT: OK when woken, EAGAIN if the word is not `b`, ETIMEDOUT, EFAULT, EINVAL. */
  wait(call: Call): number {
    const { current, frequencyHz, sleepers, waits } = this.#ports;
    const { a: address, c: expected, d: timeoutNs } = call;
    if (call.stage === 1) {
      if (call.brought === WOKEN) return OK;
      if (call.brought !== OK) return RESTART;
      this.#remove(call.task);
      return ETIMEDOUT;
    }
    if (!isUserAddress(address)) return EFAULT;
    if (!(timeoutNs >= 0) || address % 4 !== 0) return EINVAL;
    const value = this.#load(call.task, address);
    if (value === NIL) return EFAULT;
    if (value !== expected >>> 0) return EAGAIN;
    call.stage = 1;
    const tag = waits.beginSlow(call, this);
    this.#append(call.task, address);
    if (timeoutNs > 0) {
      sleepers.sleep(current.cpu.cells[TSC] + Math.ceil((timeoutNs * frequencyHz) / 1e9), tag);
    }
    return BLOCKED;
  }

  /** Wakes up to `count` threads that wait on the word, the longest waiting first; how many. */
  wake(space: AddressSpace | null, address: number, count: number): number {
    const { tasks, waits } = this.#ports;
    let woken = 0;
    for (let task = this.#first[bucketOf(address)]; task !== NIL && woken < count; ) {
      const next = this.#next[task];
      if (this.#address[task] === address && this.#space[task] === space) {
        this.#remove(task);
        waits.end(tasks.call[task], WOKEN);
        woken += 1;
      }
      task = next;
    }
    return woken;
  }

  cancel(call: Call): void {
    this.#remove(call.task);
  }

  #load(task: number, address: number): number {
    const { access, current } = this.#ports;
    for (;;) {
      const { mmu } = current.cpu;
      mmu.setAlignmentCheck(true);
      const value = mmu.load32(address);
      mmu.setAlignmentCheck(false);
      if (value !== NIL) return value;
      if (access.resolveKernelFault(task) !== FAULT_RESOLVED) return NIL;
    }
  }

  #append(task: number, address: number): void {
    const bucket = bucketOf(address);
    this.#address[task] = address;
    this.#space[task] = this.#ports.tasks.space[task];
    this.#next[task] = NIL;
    let last = this.#first[bucket];
    if (last === NIL) {
      this.#first[bucket] = task;
      return;
    }
    while (this.#next[last] !== NIL) last = this.#next[last];
    this.#next[last] = task;
  }

  #remove(task: number): void {
    const bucket = bucketOf(this.#address[task]);
    let before = NIL as number;
    for (let at = this.#first[bucket]; at !== NIL; at = this.#next[at]) {
      if (at === task) {
        if (before === NIL) this.#first[bucket] = this.#next[at];
        else this.#next[before] = this.#next[at];
        break;
      }
      before = at;
    }
    this.#next[task] = NIL;
    this.#space[task] = null;
  }
}

function bucketOf(address: number): number {
  return Math.floor(address / 4) % BUCKETS;
}
