/** How an image is driven without a kernel: its memory divided up, its operations run to their ends. */
import { BlockCache } from '@hotpath/blockcache';
import {
  assert,
  type BlockDevice,
  type FrameSource,
  isErrno,
  NIL,
  PAGE_BYTES,
  PENDING,
  type PhysicalMemory,
} from '@hotpath/hw-x86';
import { Wait } from '../vfs/file-system.js';
import { ImageCallError } from './image-call-error.js';

/** Frames that the pages of one call pass through. */
export const PAGES = 32;
/** Frames kept for the journal's copies. */
const JOURNAL_FRAMES = 600;

/** Frames of a part of the memory. */
class FramePool implements FrameSource {
  readonly #free: number[] = [];

  constructor(base: number, count: number) {
    for (let i = count - 1; i >= 0; i--) this.#free.push(base + i * PAGE_BYTES);
  }

  allocate(): number {
    return this.#free.pop() ?? NIL;
  }

  free(frame: number): void {
    this.#free.push(frame);
  }
}

/** Runs an operation to its end over a device that answers at once. */
export class ImmediateRunner {
  readonly wait: Wait;
  #cache: BlockCache | null = null;
  #woken = false;

  constructor() {
    this.wait = new Wait({ completed: () => (this.#woken = true) }, 0);
  }

  use(cache: BlockCache): void {
    this.#cache = cache;
  }

  run<T>(operation: Generator<undefined, T, undefined>): T {
    for (;;) {
      this.#woken = false;
      const step = operation.next();
      if (step.done === true) return step.value;
      // The cache tells of what ended only when it is asked to.
      for (let idle = 0; !this.#woken; ) {
        if ((this.#cache?.reap() ?? 0) > 0) idle = 0;
        else if ((idle += 1) > 1) {
          throw new ImageCallError(
            'the device answers later: open it for synchronous use',
            PENDING,
          );
        }
      }
    }
  }
}

export interface ImageLayout {
  readonly cache: BlockCache;
  readonly device: number;
  readonly frames: FramePool;
  readonly pages: Float64Array;
}

/** Divides the memory between cache, journal and pages. */
export function layOut(
  memory: PhysicalMemory,
  device: BlockDevice,
  blockBytes: number,
): ImageLayout {
  const frameCount = Math.floor(memory.byteCount / PAGE_BYTES);
  const journal = Math.min(JOURNAL_FRAMES, Math.floor(frameCount / 4));
  const cacheFrames = frameCount - journal - PAGES;
  const capacity = Math.floor((cacheFrames * PAGE_BYTES) / blockBytes);
  assert(capacity >= 1, 'an image needs memory');
  const cache = new BlockCache({ memory, base: 0, blockBytes, capacity });
  const frames = new FramePool(cacheFrames * PAGE_BYTES, journal);
  const pages = new Float64Array(PAGES);
  for (let i = 0; i < PAGES; i++) pages[i] = (cacheFrames + journal + i) * PAGE_BYTES;
  return { cache, device: cache.addDevice(device), frames, pages };
}

/** Block size that the superblock says, or 4,096 where it makes no sense: mounting then says what is wrong. */
export function findBlockBytes(memory: PhysicalMemory, device: BlockDevice): number {
  const cache = new BlockCache({ memory, base: 0, blockBytes: device.blockBytes, capacity: 2 });
  const runner = new ImmediateRunner();
  runner.use(cache);
  const number = cache.addDevice(device);
  const at = Math.floor(1048 / device.blockBytes);
  const slot = runner.run(runner.wait.settle(cache.get(number, at, runner.wait, 0)));
  if (isErrno(slot)) return 4096;
  const log = memory.load8(cache.address(slot) + (1048 % device.blockBytes));
  return log <= 2 && 1024 << log >= device.blockBytes
    ? 1024 << log
    : Math.max(4096, device.blockBytes);
}
