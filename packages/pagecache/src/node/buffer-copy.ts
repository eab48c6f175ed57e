import type { CopyPort } from '../ports.js';
import { FRAME_OFFSET, type FrameArena } from './frame-arena.js';

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
    const whole = inside === 0 && count === 4096;
    this.buffer.set(whole ? view : view.subarray(inside, inside + count), this.start + at);
    return count;
  }

  copyIn(to: number, at: number, count: number): number {
    const inside = (to - FRAME_OFFSET) % 4096;
    const from = this.start + at;
    this.arena.view(to - inside).set(this.buffer.subarray(from, from + count), inside);
    return count;
  }
}
