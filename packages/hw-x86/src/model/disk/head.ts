import { assert } from '../../errors.js';
import type { Cycles } from '../../units.js';
import type { Mechanism } from './mechanism.js';
import type { HddFigures } from './profile.js';

/**
 * A head over a spindle. Block -> track by division, angle by the remainder; all tracks are equally
 * long, so the rate is that of the middle of a real, zoned disk.
 *
 * seek(d) = track + (average - track) * 15/8 * sqrt(d / tracks): proportional to the square root of
 * the distance while the arm accelerates (Ruemmler and Wilkes, An Introduction to Disk Drive
 * Modeling, 1994). 15/8 makes the mean over random pairs equal `average`, since the mean of sqrt(x)
 * under the density 2(1 - x) is 8/15.
 *
 * The angle is a function of time alone: angle(t) = (t mod rotation) / rotation.
 */
export class Head implements Mechanism {
  readonly depth: number;
  readonly serial = true;
  readonly #blocksPerTrack: number;
  readonly #trackCount: number;
  readonly #commandCycles: number;
  readonly #seekTrackCycles: number;
  readonly #seekSpanCycles: number;
  readonly #rotationCycles: number;
  readonly #linkCyclesPerByte: number;
  /** Track the head stands on. */
  #track = 0;
  /** Block after the last one transferred: its data is next under the head and in the buffer. */
  #nextBlock = -1;
  #busyUntil = 0;
  #linkFree = 0;

  constructor(figures: HddFigures, blockBytes: number, blockCount: number, frequencyHz: number) {
    const perNs = frequencyHz / 1e9;
    this.depth = figures.queueDepth;
    this.#blocksPerTrack = Math.max(1, Math.floor(figures.trackBytes / blockBytes));
    this.#trackCount = Math.ceil(blockCount / this.#blocksPerTrack);
    this.#commandCycles = figures.commandNs * perNs;
    this.#seekTrackCycles = figures.seekTrackNs * perNs;
    this.#seekSpanCycles = ((figures.seekAverageNs - figures.seekTrackNs) * perNs * 15) / 8;
    this.#rotationCycles = (60 / figures.rotationsPerMinute) * frequencyHz;
    this.#linkCyclesPerByte = frequencyHz / figures.linkBytesPerSecond;
    assert(this.#seekSpanCycles >= 0, 'an average seek is no shorter than the shortest');
  }

  /** Cycles to move the arm by `distance` tracks. */
  seek(distance: number): number {
    assert(distance >= 0 && distance <= this.#trackCount, 'a seek stays on the disk');
    if (distance === 0) return 0;
    // Math.sqrt is exact by IEEE 754, so this is the same on every engine.
    return this.#seekTrackCycles + this.#seekSpanCycles * Math.sqrt(distance / this.#trackCount);
  }

  positioning(now: Cycles, block: number): Cycles {
    if (block === this.#nextBlock) return 0;
    const track = Math.floor(block / this.#blocksPerTrack);
    const settled = now + this.seek(Math.abs(track - this.#track));
    const angle = (block % this.#blocksPerTrack) / this.#blocksPerTrack;
    const wait = angle * this.#rotationCycles - (settled % this.#rotationCycles);
    return settled - now + (wait < 0 ? wait + this.#rotationCycles : wait);
  }

  access(now: Cycles, block: number, blockCount: number, _write: boolean): Cycles {
    assert(blockCount >= 1, 'an access has a block');
    const start = Math.max(now, this.#busyUntil);
    // A stream goes on where it stopped: the drive has read ahead into its buffer meanwhile.
    const streaming = block === this.#nextBlock;
    const ready = streaming ? start : start + this.#commandCycles;
    const under = ready + this.positioning(ready, block);
    const end = under + this.#passing(block, blockCount);
    this.#track = Math.floor((block + blockCount - 1) / this.#blocksPerTrack);
    this.#nextBlock = block + blockCount;
    this.#busyUntil = end;
    assert(end > start, 'an access takes time');
    return Math.ceil(end);
  }

  /** Time for the blocks to pass under the head; track skew hides all but one short seek a track. */
  #passing(block: number, blockCount: number): number {
    const first = Math.floor(block / this.#blocksPerTrack);
    const last = Math.floor((block + blockCount - 1) / this.#blocksPerTrack);
    const turns = blockCount / this.#blocksPerTrack;
    return turns * this.#rotationCycles + (last - first) * this.#seekTrackCycles;
  }

  transfer(now: Cycles, byteCount: number): Cycles {
    const start = Math.max(now + this.#commandCycles, this.#linkFree);
    this.#linkFree = start + byteCount * this.#linkCyclesPerByte;
    return Math.ceil(this.#linkFree);
  }

  destage(now: Cycles, blocks: Float64Array): Cycles {
    assert(isAscending(blocks), 'dirty blocks come in ascending order');
    // One sweep in ascending order; runs of neighbours pass in one go.
    let end = Math.ceil(now + this.#commandCycles);
    for (let i = 0; i < blocks.length; ) {
      let run = 1;
      while (i + run < blocks.length && blocks[i + run] === blocks[i] + run) run++;
      end = this.access(end, blocks[i], run, true);
      i += run;
    }
    return end;
  }

  save(): Float64Array {
    return Float64Array.of(this.#track, this.#nextBlock, this.#busyUntil, this.#linkFree);
  }

  load(state: Float64Array): void {
    assert(state.length === 4, 'state of a head');
    this.#track = state[0];
    this.#nextBlock = state[1];
    this.#busyUntil = state[2];
    this.#linkFree = state[3];
  }
}

function isAscending(blocks: Float64Array): boolean {
  for (let i = 1; i < blocks.length; i++) if (!(blocks[i] > blocks[i - 1])) return false;
  return true;
}
