import type { BlockRequest } from '../../block-device.js';
import { OK } from '../../status.js';

/** In the pool. */
export const FREE = 0;
/** In the host's queue, for lack of a place on the device. */
export const WAITING = 1;
/** On the device; an event will finish it, or (a head) it waits for its turn. */
export const ACTIVE = 2;
/** Finished; its sink is told by the next `reap`. */
export const DONE = 3;

/** A request on its way. Pooled: `index` is its number in events. */
export class Flight {
  readonly index: number;
  /** FREE, WAITING, ACTIVE or DONE. */
  state = FREE;
  request: BlockRequest | null = null;
  op = 0;
  fua = false;
  block = 0;
  blockCount = 0;
  /** Queue it came by. */
  queue = 0;
  /** Number of this request on this disk, ascending. */
  number = 0;
  /** Time of the submit, in cycles. */
  submitTime = 0;
  /** FLUSH: every cached version below this sequence number is to be durable. */
  target = 0;
  /** Index of the fault rule that strikes it, or NIL. */
  fault = -1;
  /** Number of its entry in the write log. */
  logged = -1;
  /** How often a head has preferred another. */
  passedOver = 0;
  status = OK;
  /** WRITE: the data as it was at submit. Grows to the largest transfer and is kept. */
  data = new Uint8Array(0);

  constructor(index: number) {
    this.index = index;
  }

  /** A buffer of at least `byteCount` bytes for the data of a WRITE. */
  room(byteCount: number): Uint8Array {
    if (this.data.length < byteCount) this.data = new Uint8Array(byteCount);
    return this.data;
  }
}
