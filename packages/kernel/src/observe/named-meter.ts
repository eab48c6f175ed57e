import type { ByteCount, Meter, VirtAddr } from '@hotpath/hw-x86';
import { type CallStack, type FrameName, frameNamed } from '../task/call-stack.js';

/**
 * The meter of one part of an observable kernel: what the part charges has a frame of its own in a
 * profile. While no profile runs it only passes on.
 */
export class NamedMeter implements Meter {
  readonly #meter: Meter;
  readonly #stack: CallStack;
  readonly #frame: number;

  constructor(meter: Meter, stack: CallStack, name: FrameName) {
    this.#meter = meter;
    this.#stack = stack;
    this.#frame = frameNamed(name);
  }

  region(name: string, byteCount: ByteCount): VirtAddr {
    return this.#meter.region(name, byteCount);
  }

  load(address: VirtAddr): void {
    const depth = this.#enter();
    this.#meter.load(address);
    this.#stack.cut(depth);
  }

  store(address: VirtAddr): void {
    const depth = this.#enter();
    this.#meter.store(address);
    this.#stack.cut(depth);
  }

  retire(count: number): void {
    const depth = this.#enter();
    this.#meter.retire(count);
    this.#stack.cut(depth);
  }

  branch(site: number, taken: boolean): void {
    const depth = this.#enter();
    this.#meter.branch(site, taken);
    this.#stack.cut(depth);
  }

  #enter(): number {
    const stack = this.#stack;
    return stack.probe === null ? stack.depth : stack.push(this.#frame);
  }
}
