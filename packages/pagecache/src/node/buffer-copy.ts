import type { CopyPort } from '../ports.js';
import { FRAME_OFFSET, type FrameArena } from './frame-arena.js';

/** Up to here a loop is quicker than a view and `set`, which take some 60 ns before the first byte. */
const LOOP_BYTES = 64;

/** Copies between frames and one buffer of the caller's. */
export class BufferCopy implements CopyPort {
  private readonly arena: FrameArena;
  private buffer: Uint8Array;
  private start = 0;

  constructor(arena: FrameArena) {
    this.arena = arena;
    this.buffer = new Uint8Array(0);
  }

  /** Says which bytes the next operation means: `buffer[start ..]`. */
  use(buffer: Uint8Array, start: number): void {
    this.buffer = buffer;
    this.start = start;
  }

  copyOut(from: number, at: number, count: number): number {
    const inside = (from - FRAME_OFFSET) % 4096;
    const view = this.arena.view(from - inside);
    const to = this.start + at;
    if (count <= LOOP_BYTES) copyBytes(view, inside, this.buffer, to, count);
    else this.buffer.set(count === 4096 ? view : view.subarray(inside, inside + count), to);
    return count;
  }

  copyIn(to: number, at: number, count: number): number {
    const inside = (to - FRAME_OFFSET) % 4096;
    const view = this.arena.view(to - inside);
    const { buffer } = this;
    const from = this.start + at;
    if (count <= LOOP_BYTES) copyBytes(buffer, from, view, inside, count);
    else {
      const whole = count === buffer.length;
      view.set(whole ? buffer : buffer.subarray(from, from + count), inside);
    }
    return count;
  }
}

function copyBytes(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) target[to + i] = source[from + i];
}
