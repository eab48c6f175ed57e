import { assert } from '../../errors.js';
import type { Cycles } from '../../units.js';
import type { Mechanism } from './mechanism.js';
import type { FlashFigures } from './profile.js';

/** The size that data sheets quote latencies for. */
const QUOTED_BYTES = 4096;

/**
 * Flash: planes sense pages, channels carry them to the controller, one link carries them to the host.
 * Each of the three is a resource that is busy until a time, so depth and size give the parallelism
 * that a real drive shows. At depth 1 a 4 KiB read takes exactly `readNs`.
 *
 * Not modelled: garbage collection, read-after-write hits in pages, wear.
 */
export class Flash implements Mechanism {
  readonly depth: number;
  readonly serial = false;
  readonly #blockBytes: number;
  readonly #pageBytes: number;
  readonly #senseCycles: number;
  readonly #acceptCycles: number;
  readonly #channelCyclesPerByte: number;
  readonly #linkCyclesPerByte: number;
  readonly #programCyclesPerByte: number;
  readonly #planeFree: Float64Array;
  readonly #channelFree: Float64Array;
  #linkFree = 0;
  #programFree = 0;

  constructor(figures: FlashFigures, blockBytes: number, frequencyHz: number) {
    const perNs = frequencyHz / 1e9;
    this.depth = figures.queueDepth;
    this.#blockBytes = blockBytes;
    this.#pageBytes = figures.pageBytes;
    this.#channelCyclesPerByte = frequencyHz / figures.channelBytesPerSecond;
    this.#linkCyclesPerByte = frequencyHz / figures.linkBytesPerSecond;
    this.#programCyclesPerByte = frequencyHz / figures.programBytesPerSecond;
    const carried = QUOTED_BYTES * this.#linkCyclesPerByte;
    this.#senseCycles =
      figures.readNs * perNs - carried - QUOTED_BYTES * this.#channelCyclesPerByte;
    this.#acceptCycles = figures.writeNs * perNs - carried;
    assert(this.#senseCycles > 0, 'readNs covers the transfer of 4 KiB');
    assert(this.#acceptCycles >= 0, 'writeNs covers the transfer of 4 KiB');
    assert(figures.planes >= figures.channels, 'every channel has a plane');
    this.#planeFree = new Float64Array(figures.planes);
    this.#channelFree = new Float64Array(figures.channels);
  }

  access(now: Cycles, block: number, blockCount: number, write: boolean): Cycles {
    assert(blockCount >= 1, 'an access has a block');
    let end = now;
    let at = block * this.#blockBytes;
    const stop = at + blockCount * this.#blockBytes;
    const pageBytes = this.#pageBytes;
    while (at < stop) {
      const page = Math.floor(at / pageBytes);
      const next = Math.min((page + 1) * pageBytes, stop);
      const done = write
        ? this.#programPage(now, page, next - at)
        : this.#readPage(now, page, next - at);
      if (done > end) end = done;
      at = next;
    }
    assert(end > now, 'an access takes time');
    return Math.ceil(end);
  }

  #readPage(now: number, page: number, byteCount: number): number {
    const plane = page % this.#planeFree.length;
    const channel = plane % this.#channelFree.length;
    const sensed = Math.max(now, this.#planeFree[plane]) + this.#senseCycles;
    const onChannel = byteCount * this.#channelCyclesPerByte;
    this.#channelFree[channel] = Math.max(now, this.#channelFree[channel]) + onChannel;
    const carried = Math.max(sensed + onChannel, this.#channelFree[channel]);
    // The page register is free again when the channel has emptied it.
    this.#planeFree[plane] = carried;
    return Math.max(carried + byteCount * this.#linkCyclesPerByte, this.#useLink(now, byteCount));
  }

  /**
   * Channels and link count work from when it was asked for, not from when the data is ready: an
   * early reservation for late data would hold up what is ready before it.
   */
  #useLink(now: number, byteCount: number): number {
    this.#linkFree = Math.max(now, this.#linkFree) + byteCount * this.#linkCyclesPerByte;
    return this.#linkFree;
  }

  #programPage(now: number, page: number, byteCount: number): number {
    const plane = page % this.#planeFree.length;
    const arrived = this.#useLink(now, byteCount);
    // A plane programs a whole page, however little of it is new.
    const programCycles = this.#pageBytes * this.#programCyclesPerByte * this.#planeFree.length;
    this.#planeFree[plane] = Math.max(arrived, this.#planeFree[plane]) + programCycles;
    return this.#planeFree[plane];
  }

  transfer(now: Cycles, byteCount: number): Cycles {
    const carried = this.#acceptCycles + byteCount * this.#linkCyclesPerByte;
    return Math.ceil(Math.max(now + carried, this.#useLink(now, byteCount)));
  }

  destage(now: Cycles, blocks: Float64Array): Cycles {
    // The controller gathers dirty blocks into full pages, so the sustained rate applies; but one
    // plane cannot be faster than its own page.
    const start = Math.max(now, this.#programFree);
    const byteCount = blocks.length * this.#blockBytes;
    const pages = Math.ceil(byteCount / this.#pageBytes);
    const rounds = Math.ceil(pages / this.#planeFree.length);
    const round = this.#pageBytes * this.#planeFree.length * this.#programCyclesPerByte;
    this.#programFree = start + rounds * round;
    return Math.ceil(Math.max(this.#programFree, now + this.#acceptCycles));
  }

  positioning(now: Cycles, block: number): Cycles {
    const page = Math.floor((block * this.#blockBytes) / this.#pageBytes);
    return Math.max(0, this.#planeFree[page % this.#planeFree.length] - now);
  }

  save(): Float64Array {
    return Float64Array.of(
      this.#linkFree,
      this.#programFree,
      ...this.#planeFree,
      ...this.#channelFree,
    );
  }

  load(state: Float64Array): void {
    const planes = this.#planeFree.length;
    assert(state.length === 2 + planes + this.#channelFree.length, 'state of the same figures');
    this.#linkFree = state[0];
    this.#programFree = state[1];
    this.#planeFree.set(state.subarray(2, 2 + planes));
    this.#channelFree.set(state.subarray(2 + planes));
  }
}
