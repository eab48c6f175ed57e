import { type FrameSource, NIL, type PhysicalMemory } from '@hotpath/hw-x86';
import { createArenaMemory } from '@hotpath/hw-x86/host';

/** The frames of a host cache: 4 KiB pieces of one buffer, each with one view made in advance. */
export class FrameArena implements FrameSource {
  readonly memory: PhysicalMemory;
  readonly frameCount: number;
  private readonly buffer: ArrayBuffer;
  private readonly views: (Uint8Array | null)[];
  private readonly free_: number[] = [];

  constructor(frameCount: number) {
    this.frameCount = frameCount;
    this.buffer = new ArrayBuffer(frameCount * 4096);
    this.memory = createArenaMemory(this.buffer);
    this.views = new Array<Uint8Array | null>(frameCount).fill(null);
    // Ascending order, so that pages read in sequence lie in sequence and are read in one piece.
    for (let i = frameCount - 1; i >= 0; i--) this.free_.push(i * 4096);
  }

  allocate(): number {
    return this.free_.length === 0 ? NIL : this.free_.pop()!;
  }

  free(frame: number): void {
    this.free_.push(frame);
  }

  /** The 4,096 bytes of a frame: always the same view, so that a lease allocates nothing. */
  view(frame: number): Uint8Array {
    const index = frame / 4096;
    let view = this.views[index];
    if (view === null) {
      view = new Uint8Array(this.buffer, frame, 4096);
      this.views[index] = view;
    }
    return view;
  }

  /** Bytes of frames that lie in sequence. */
  span(frame: number, byteCount: number): Uint8Array {
    return byteCount === 4096 ? this.view(frame) : new Uint8Array(this.buffer, frame, byteCount);
  }
}
