/** Physical memory over one buffer, as small as it can be. */
import type { PhysicalMemory } from '@hotpath/hw-x86';

export class ArrayMemory implements PhysicalMemory {
  readonly byteCount: number;
  readonly chunkBytes: number;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;

  constructor(byteCount: number) {
    this.byteCount = byteCount;
    this.chunkBytes = 2 ** Math.ceil(Math.log2(byteCount));
    this.#bytes = new Uint8Array(byteCount);
    this.#words = new Int32Array(this.#bytes.buffer, 0, byteCount >>> 2);
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }

  words(): Int32Array {
    return this.#words;
  }

  load8(address: number): number {
    return this.#bytes[address];
  }

  load32(address: number): number {
    return this.#words[address / 4] >>> 0;
  }

  store8(address: number, value: number): void {
    this.#bytes[address] = value;
  }

  store32(address: number, value: number): void {
    this.#words[address / 4] = value;
  }

  copy(to: number, from: number, byteCount: number): void {
    this.#bytes.copyWithin(to, from, from + byteCount);
  }

  fill(address: number, byteCount: number, value: number): void {
    this.#bytes.fill(value, address, address + byteCount);
  }

  read(from: number, target: Uint8Array, offset: number, byteCount: number): void {
    target.set(this.#bytes.subarray(from, from + byteCount), offset);
  }

  write(to: number, source: Uint8Array, offset: number, byteCount: number): void {
    this.#bytes.set(source.subarray(offset, offset + byteCount), to);
  }
}
