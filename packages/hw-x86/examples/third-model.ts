/**
 * A third model: a disk that keeps its blocks in a Map, finishes them in microtasks, and shows what a
 * device must do; a clock that ticks when it is asked. Both pass the conformance suites.
 *
 * Run it: node --import tsx --conditions @hotpath/source packages/hw-x86/examples/third-model.ts
 */

import {
  type BlockDevice,
  type BlockRequest,
  type Clock,
  checkRequest,
  DISCARD,
  FLUSH,
  gather,
  type InterruptLine,
  OK,
  PENDING,
  READ,
  scatter,
} from '@hotpath/hw-x86';
import {
  type BlockDeviceUnderTest,
  blockDeviceConformance,
  type ConformanceCase,
  clockConformance,
} from '@hotpath/hw-x86/conformance';
import { createArenaMemory } from '@hotpath/hw-x86/model';

/** A disk over a Map: blocks that are absent read as zeros. */
export class MapDisk implements BlockDevice {
  readonly blockBytes = 4096;
  readonly blockCount = 1 << 20;
  readonly volatileCache = false;
  readonly readOnly = false;
  readonly #blocks = new Map<number, Uint8Array>();
  readonly #done: BlockRequest[] = [];
  readonly #line: InterruptLine;

  constructor(line: InterruptLine) {
    this.#line = line;
  }

  submit(request: BlockRequest): number {
    // Contradictions throw; a range outside is answered at once, and then no sink is called.
    const status = checkRequest(this, request);
    if (status !== OK) return status;
    queueMicrotask(() => {
      if (request.op !== FLUSH) this.#transfer(request);
      this.#done.push(request);
      this.#line.raise();
    });
    return PENDING;
  }

  #transfer(request: BlockRequest): void {
    for (let i = 0; i < request.blockCount; i++) {
      const block = request.block + i;
      const skip = i * this.blockBytes;
      if (request.op === DISCARD) {
        this.#blocks.delete(block);
      } else if (request.op === READ) {
        const bytes = this.#blocks.get(block) ?? new Uint8Array(this.blockBytes);
        scatter(request, skip, bytes, 0, this.blockBytes);
      } else {
        const bytes = new Uint8Array(this.blockBytes);
        gather(request, skip, bytes, 0, this.blockBytes);
        this.#blocks.set(block, bytes);
      }
    }
  }

  reap(): number {
    let count = 0;
    // Taken off the list before its sink hears of it: the sink may submit and even reap.
    for (let next = this.#done.shift(); next !== undefined; next = this.#done.shift()) {
      count++;
      next.sink.completed(next.tag, OK);
    }
    return count;
  }
}

/** A clock that is one tick later at every look. */
export function createTickClock(): Clock {
  let ticks = 0;
  return { now: () => ++ticks };
}

function underTest(): BlockDeviceUnderTest {
  let raised = 0;
  return {
    device: new MapDisk({ raise: () => void raised++ }),
    memory: createArenaMemory(2 ** 22),
    raised: () => raised,
    progress: () => Promise.resolve(),
  };
}

/** Every promise that the third model makes. */
export function thirdModelSuite(): ConformanceCase[] {
  const clock = { clock: createTickClock(), advance: (): void => {} };
  return [...blockDeviceConformance(underTest), ...clockConformance(() => clock)];
}

let held = 0;
const suite = thirdModelSuite();
for (const { name, run } of suite) {
  await run().then(
    () => held++,
    (error: Error) => console.log(`broken: ${name}: ${error.message}`),
  );
}
console.log(`${held} of ${suite.length} promises hold`);
