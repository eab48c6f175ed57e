/** poll(2): calls that wait until one of several open files can be read or written. */
import { BLOCKED, EFAULT, EINTR, EINVAL, NIL, OK } from '@hotpath/hw-x86';
import { PIPE_ATOMIC_BYTES, PIPE_BYTES } from '../params.js';
import { type Call, type Interruptible, RESTART_UNHANDLED } from '../syscall/call.js';
import type { UserBytes } from '../syscall/user-bytes.js';
import type { TaskWaits } from '../task/waits.js';
import type { Descriptors } from './descriptors.js';
import { KIND_DEVICE, KIND_PIPE } from './open-files.js';
import { mayRead, mayWrite } from './opening.js';
import type { Vfs } from './vfs.js';

/** Something can be read, or the end of it. */
export const POLLIN = 1;
/** Something can be written. */
export const POLLOUT = 4;
/** Nobody reads the pipe any more; always told. */
export const POLLERR = 8;
/** Nobody writes the pipe any more; always told. */
export const POLLHUP = 16;
/** No such descriptor; always told. */
export const POLLNVAL = 32;

const ENTRY_BYTES = 8;
/** Entries of one call: they fit into a page. */
const ENTRY_LIMIT = 512;
/** What a change of an open file brings; a timer brings OK. */
const CHANGED = 1;

/** What polling works on. */
export interface PollPorts {
  readonly vfs: Vfs;
  readonly descriptors: Descriptors;
  readonly bytes: UserBytes;
  readonly waits: TaskWaits;
  /** Virtual time in nanoseconds. */
  now(): number;
  /** Completes a wait at a virtual time. */
  sleepUntil(nanoseconds: number, tag: number): void;
}

/**
 * Calls that poll. Each looks at its descriptors again whenever a pipe or device has changed in any
 * way: few tasks poll, and a list for each open file would have to be kept by all that do not.
 */
export class Pollers implements Interruptible {
  readonly #ports: PollPorts;
  #calls: Call[] = [];

  constructor(ports: PollPorts) {
    this.#ports = ports;
  }

  /** A pipe or a device can be read or written that could not be before. */
  changed(): void {
    if (this.#calls.length === 0) return;
    const calls = this.#calls;
    this.#calls = [];
    for (const call of calls) this.#ports.waits.end(call, CHANGED);
  }

  cancel(call: Call): void {
    const at = this.#calls.indexOf(call);
    if (at !== NIL) this.#calls.splice(at, 1);
  }

  /** poll(entries, count, timeout in ms): entries that have something to tell; EFAULT, EINVAL, EINTR. */
  poll(call: Call): number {
    const { bytes, waits } = this.#ports;
    const { a: address, b: count, c: timeoutMs } = call;
    if (!Number.isInteger(count) || count < 0 || count > ENTRY_LIMIT) return EINVAL;
    if (!Number.isFinite(timeoutMs)) return EINVAL;
    const timedOut = call.stage === 1 && call.brought === OK;
    if (timedOut) this.cancel(call);
    if (call.stage === 1 && call.brought === EINTR) return RESTART_UNHANDLED;
    const entries = new Uint8Array(count * ENTRY_BYTES);
    const loaded = bytes.load(call, address, entries, entries.length);
    if (loaded !== OK) return loaded;
    const told = this.#look(call.task, new DataView(entries.buffer), count);
    if (told > 0 || timedOut || timeoutMs === 0) {
      const status = bytes.store(call, address, entries, 0, entries.length);
      return status === OK ? told : status === BLOCKED ? BLOCKED : EFAULT;
    }
    if (call.stage === 0) call.d = this.#ports.now() + timeoutMs * 1e6;
    call.stage = 1;
    this.#calls.push(call);
    const tag = waits.beginSlow(call, this);
    // The timers of the waits before find nobody.
    if (timeoutMs > 0) this.#ports.sleepUntil(call.d, tag);
    return BLOCKED;
  }

  #look(task: number, entries: DataView, count: number): number {
    let told = 0;
    for (let i = 0; i < count; i++) {
      const fd = entries.getInt32(i * ENTRY_BYTES, true);
      const asked = entries.getInt16(i * ENTRY_BYTES + 4, true) | POLLERR | POLLHUP | POLLNVAL;
      const ready =
        fd < 0 ? 0 : this.#readiness(this.#ports.descriptors.openFile(task, fd)) & asked;
      entries.setInt16(i * ENTRY_BYTES + 6, ready, true);
      if (ready !== 0) told += 1;
    }
    return told;
  }

  #readiness(row: number): number {
    if (row === NIL) return POLLNVAL;
    const { devices, open, pipes } = this.#ports.vfs;
    const handle = open.handle[row];
    if (open.kind[row] === KIND_DEVICE) return devices.get(handle)?.ready?.() ?? POLLIN | POLLOUT;
    if (open.kind[row] !== KIND_PIPE) return POLLIN | POLLOUT;
    let ready = 0;
    if (mayRead(open.flags[row])) {
      if (pipes.used[handle] > 0) ready |= POLLIN;
      if (pipes.writers[handle] === 0) ready |= POLLHUP;
    }
    if (mayWrite(open.flags[row])) {
      if (PIPE_BYTES - pipes.used[handle] >= PIPE_ATOMIC_BYTES) ready |= POLLOUT;
      if (pipes.readers[handle] === 0) ready |= POLLERR;
    }
    return ready;
  }
}
