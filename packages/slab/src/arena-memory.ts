import { ArgumentError, type ByteCount } from '@hotpath/hw-x86';
import type { ObjectMemory } from './slab-allocator.js';

/** Memory whose buffer is replaced when it grows: `WebAssembly.Memory` is one. */
export interface GrowingMemory {
  readonly buffer: ArrayBufferLike;
  /** Adds pages of 64 KiB; throws where it cannot. */
  grow(pages: number): number;
}

/** Up to this many bytes are copied and filled word by word. */
const WORDWISE_BYTES_MAX = 128;

/** What an arena can lie in. */
export type ArenaSource = ArrayBufferLike | GrowingMemory;

/**
 * Typed views of an arena's memory, one of each kind. They are exchanged when the memory grew, so
 * hold this object, not a view, wherever memory can grow.
 */
export class ArenaViews implements ObjectMemory {
  u8: Uint8Array<ArrayBufferLike> = new Uint8Array(0);
  i8: Int8Array<ArrayBufferLike> = new Int8Array(0);
  u16: Uint16Array<ArrayBufferLike> = new Uint16Array(0);
  i16: Int16Array<ArrayBufferLike> = new Int16Array(0);
  u32: Uint32Array<ArrayBufferLike> = new Uint32Array(0);
  i32: Int32Array<ArrayBufferLike> = new Int32Array(0);
  f32: Float32Array<ArrayBufferLike> = new Float32Array(0);
  f64: Float64Array<ArrayBufferLike> = new Float64Array(0);
  private readonly source: ArenaSource;

  constructor(source: ArenaSource) {
    this.source = source;
    this.refresh();
  }

  /** The memory's present buffer. */
  get buffer(): ArrayBufferLike {
    return 'grow' in this.source && 'buffer' in this.source
      ? this.source.buffer
      : (this.source as ArrayBufferLike);
  }

  /** Makes the views anew over the present buffer. */
  refresh(): void {
    const { buffer } = this;
    const whole = buffer.byteLength - (buffer.byteLength % 8);
    this.u8 = new Uint8Array(buffer);
    this.i8 = new Int8Array(buffer);
    this.u16 = new Uint16Array(buffer, 0, whole / 2);
    this.i16 = new Int16Array(buffer, 0, whole / 2);
    this.u32 = new Uint32Array(buffer, 0, whole / 4);
    this.i32 = new Int32Array(buffer, 0, whole / 4);
    this.f32 = new Float32Array(buffer, 0, whole / 4);
    this.f64 = new Float64Array(buffer, 0, whole / 8);
  }

  /**
   * An access fell outside a view: memory grew behind the arena's back, or the offset is wrong.
   * @throws ArgumentError ERR_OFFSET
   */
  recover(offset: number): void {
    if (this.u8.buffer !== this.buffer) this.refresh();
    if (!(offset >= 0 && offset < this.u8.length)) {
      throw new ArgumentError('ERR_OFFSET', `offset ${offset}; allowed: 0..${this.u8.length - 1}`);
    }
  }

  load8(offset: number): number {
    if (!(offset < this.u8.length)) this.recover(offset);
    return this.u8[offset];
  }

  store8(offset: number, value: number): void {
    if (!(offset < this.u8.length)) this.recover(offset);
    this.u8[offset] = value;
  }

  load32(offset: number): number {
    if (!(offset < this.u8.length)) this.recover(offset);
    return this.u32[offset >>> 2];
  }

  store32(offset: number, value: number): void {
    if (!(offset < this.u8.length)) this.recover(offset);
    this.u32[offset >>> 2] = value;
  }

  copy(to: number, from: number, byteCount: ByteCount): void {
    if (!(to + byteCount <= this.u8.length)) this.recover(to + byteCount - 1);
    const { i32 } = this;
    // A call of the engine's own copy costs as much as copying some 40 words.
    if (byteCount > WORDWISE_BYTES_MAX || ((to | from | byteCount) & 3) !== 0) {
      this.u8.copyWithin(to, from, from + byteCount);
      return;
    }
    const target = to >>> 2;
    const source = from >>> 2;
    const count = byteCount >>> 2;
    // Towards the target, so that ranges may overlap.
    if (target < source) for (let i = 0; i < count; i += 1) i32[target + i] = i32[source + i];
    else for (let i = count - 1; i >= 0; i -= 1) i32[target + i] = i32[source + i];
  }

  fill(offset: number, byteCount: ByteCount, value: number): void {
    if (!(offset + byteCount <= this.u8.length)) this.recover(offset + byteCount - 1);
    const { i32 } = this;
    if (byteCount > WORDWISE_BYTES_MAX || ((offset | byteCount) & 3) !== 0) {
      this.u8.fill(value, offset, offset + byteCount);
      return;
    }
    const word = (value & 255) * 0x01010101;
    const end = (offset + byteCount) >>> 2;
    for (let at = offset >>> 2; at < end; at += 1) i32[at] = word;
  }
}
