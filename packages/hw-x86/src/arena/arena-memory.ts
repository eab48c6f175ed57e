import { ArgumentError, assert, checkInteger } from '../errors.js';
import type { PhysicalMemory } from '../memory.js';
import type { ByteCount, PhysAddr } from '../units.js';

/**
 * Physical memory of a host: one buffer, an address is an offset into it, the whole is one chunk.
 * Takes an ArrayBuffer, a SharedArrayBuffer (several workers see the same bytes) or the buffer of a
 * WebAssembly.Memory. Imports nothing of Node's: works in a browser.
 */
export class ArenaMemory implements PhysicalMemory {
  readonly byteCount: ByteCount;
  /** The smallest power of two that holds the arena: nothing straddles a chunk. */
  readonly chunkBytes: ByteCount;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;

  /** @throws ArgumentError ERR_ARENA_SIZE unless the length is a multiple of 4 */
  constructor(buffer: ArrayBuffer | SharedArrayBuffer) {
    const byteCount = buffer.byteLength;
    if (byteCount === 0 || byteCount % 4 !== 0) {
      throw new ArgumentError(
        'ERR_ARENA_SIZE',
        `arena has ${byteCount} bytes; allowed: a multiple of 4, at least 4`,
      );
    }
    let chunkBytes = 4096;
    while (chunkBytes < byteCount) chunkBytes *= 2;
    this.byteCount = byteCount;
    this.chunkBytes = chunkBytes;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
  }

  bytes(address: PhysAddr): Uint8Array {
    assert(address >= 0 && address < this.byteCount, 'an address of this arena');
    return this.#bytes;
  }

  words(address: PhysAddr): Int32Array {
    assert(address >= 0 && address < this.byteCount, 'an address of this arena');
    return this.#words;
  }

  load8(address: PhysAddr): number {
    assert(address >= 0 && address < this.byteCount, 'an address of this arena');
    return this.#bytes[address];
  }

  load32(address: PhysAddr): number {
    assert(address % 4 === 0, 'an aligned word');
    assert(address >= 0 && address < this.byteCount, 'an address of this arena');
    return this.#words[address / 4] >>> 0;
  }

  store8(address: PhysAddr, value: number): void {
    assert(address >= 0 && address < this.byteCount, 'an address of this arena');
    this.#bytes[address] = value;
  }

  store32(address: PhysAddr, value: number): void {
    assert(address % 4 === 0, 'an aligned word');
    assert(address >= 0 && address < this.byteCount, 'an address of this arena');
    this.#words[address / 4] = value;
  }

  copy(to: PhysAddr, from: PhysAddr, byteCount: ByteCount): void {
    this.#checkRange(to, byteCount);
    this.#checkRange(from, byteCount);
    this.#bytes.copyWithin(to, from, from + byteCount);
  }

  fill(address: PhysAddr, byteCount: ByteCount, value: number): void {
    this.#checkRange(address, byteCount);
    this.#bytes.fill(value, address, address + byteCount);
  }

  read(from: PhysAddr, target: Uint8Array, offset: number, byteCount: ByteCount): void {
    this.#checkRange(from, byteCount);
    target.set(this.#bytes.subarray(from, from + byteCount), offset);
  }

  write(to: PhysAddr, source: Uint8Array, offset: number, byteCount: ByteCount): void {
    this.#checkRange(to, byteCount);
    this.#bytes.set(source.subarray(offset, offset + byteCount), to);
  }

  #checkRange(address: PhysAddr, byteCount: ByteCount): void {
    assert(address >= 0 && byteCount >= 0, 'a range of this arena');
    assert(address + byteCount <= this.byteCount, 'a range of this arena');
  }
}

/**
 * Memory over an arena: a byte count (a new ArrayBuffer is made) or a buffer of your own.
 * @throws ArgumentError ERR_ARENA_SIZE
 */
export function createArenaMemory(arena: number | ArrayBuffer | SharedArrayBuffer): ArenaMemory {
  if (typeof arena !== 'number') return new ArenaMemory(arena);
  return new ArenaMemory(
    new ArrayBuffer(checkInteger('ERR_ARENA_SIZE', 'arena', arena, 4, 2 ** 33)),
  );
}
