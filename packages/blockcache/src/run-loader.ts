/** Runs of blocks: attached to lent memory or read ahead of use, the missing ones by merged reads. */
import { type Completion, NIL, PENDING, READ } from '@hotpath/hw-x86';
import type { CachedDevice } from './cached-device.js';
import { ASK_ATTACH, type Loader, type LoaderParts } from './loader.js';
import { ATTACHED, READAHEAD, VALID } from './slot-flags.js';
import { TRACE_BLOCK_READ_AHEAD } from './trace-events.js';

/** Serves runs of one cache, through its loader. */
export class RunLoader {
  readonly #parts: LoaderParts;
  readonly #loader: Loader;

  constructor(parts: LoaderParts, loader: Loader) {
    this.#parts = parts;
    this.#loader = loader;
  }

  /**
   * Attaches a run of blocks to lent memory, the missing ones by merged reads. Each block's end, now
   * or later, is told to `part` as a wake-up would be: a pinned slot or an errno.
   */
  attachRun(
    device: CachedDevice,
    key: number,
    address: number,
    count: number,
    part: Completion,
    job: number,
  ): void {
    const { slots, transfers, waits, foreign, blockBytes } = this.#parts;
    const fresh: number[] = [];
    for (let i = 0; i < count; i++) {
      const at = address + i * blockBytes;
      const missing = slots.map.find(key + i) === NIL && !foreign.covers(key + i);
      const slot =
        missing && this.#loader.queued === 0 ? this.#loader.allocate(key + i, false) : NIL;
      if (slot !== NIL) {
        slots.memory.lend(slot, at);
        slots.flags[slot] = ATTACHED;
        slots.map.held[slot] += 1;
        this.#loader.clearTail(device, slot);
        fresh.push(slot);
        continue;
      }
      const ask = {
        kind: ASK_ATTACH,
        device,
        key: key + i,
        address: at,
        sink: part,
        tag: job,
        heldByAsker: 0,
      };
      const result = this.#loader.ask(ask);
      if (result !== PENDING) part.completed(job, result);
    }
    const keys = fresh.map((slot) => slots.map.keyOf(slot));
    for (const slot of fresh) transfers.stage(slots.map.keyOf(slot), slots.address(slot), slot, 0);
    transfers.dispatch(device, READ, false);
    for (let i = 0; i < fresh.length; i++) {
      const slot = fresh[i];
      if (slots.map.keyOf(slot) !== keys[i]) part.completed(job, this.#loader.readError);
      else if ((slots.flags[slot] & VALID) === 0) waits.add(slot, part, job);
      else {
        slots.map.held[slot] += 1;
        part.completed(job, slot);
      }
    }
  }

  /**
   * Reads the missing ones of `count` blocks without waiting for anything, merged; how many. Stops
   * where no slot is to be had. Nobody hears of errors: a later `get` reads for itself.
   */
  prefetch(device: CachedDevice, key: number, count: number): number {
    const { slots, transfers, foreign, trace } = this.#parts;
    const fresh: number[] = [];
    for (let k = key; k < key + count && this.#loader.queued === 0; k++) {
      if (slots.map.find(k) !== NIL || foreign.covers(k)) continue;
      const slot = this.#loader.allocate(k, true);
      if (slot === NIL) break;
      slots.flags[slot] = READAHEAD;
      slots.map.held[slot] += 1;
      this.#loader.clearTail(device, slot);
      fresh.push(slot);
    }
    for (const slot of fresh) transfers.stage(slots.map.keyOf(slot), slots.address(slot), slot, 0);
    transfers.dispatch(device, READ, false);
    this.#loader.counts.readAheadIssued += fresh.length;
    if (trace !== null && fresh.length > 0) {
      trace.emit(TRACE_BLOCK_READ_AHEAD, key - device.firstKey, fresh.length);
    }
    return fresh.length;
  }
}
