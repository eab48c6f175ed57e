import { assert } from '../../errors.js';
import type { Cycles } from '../../units.js';
import type { Mechanism } from './mechanism.js';
import type { FlatFigures } from './profile.js';

/** Every access takes the same time, whatever its place and size: sums can be done by hand. */
export class Flat implements Mechanism {
  readonly depth: number;
  readonly serial = false;
  readonly #accessCycles: number;
  readonly #writeCycles: number;

  constructor(figures: FlatFigures, frequencyHz: number) {
    assert(figures.queueDepth >= 1, 'a disk serves one request at least');
    this.depth = figures.queueDepth;
    this.#accessCycles = Math.ceil((figures.accessNs * frequencyHz) / 1e9);
    this.#writeCycles = Math.ceil((figures.writeNs * frequencyHz) / 1e9);
  }

  access(now: Cycles, _block: number, _blockCount: number, _write: boolean): Cycles {
    return now + this.#accessCycles;
  }

  transfer(now: Cycles, _byteCount: number): Cycles {
    return now + this.#writeCycles;
  }

  destage(now: Cycles, _blocks: Float64Array): Cycles {
    return now + this.#accessCycles;
  }

  positioning(_now: Cycles, _block: number): Cycles {
    return this.#accessCycles;
  }

  save(): Float64Array {
    return new Float64Array(0);
  }

  load(state: Float64Array): void {
    assert(state.length === 0, 'a flat disk has no state');
  }
}
