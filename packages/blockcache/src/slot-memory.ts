/**
 * Where each slot's block lies: in an arena, in frames of a source, or in memory lent by somebody
 * else (attached: "one frame, two indexes").
 */
import {
  ArgumentError,
  assert,
  type FrameSource,
  NIL,
  PAGE_BYTES,
  type PhysAddr,
  type PhysicalMemory,
} from '@hotpath/hw-x86';

// Arena: home(s) === base + s * blockBytes. Frames: home(s) lies in the frame of group
// floor(s / slotsPerFrame), which is held while users(group) > 0 and until it is wanted back.

/** Addresses of the slots of one cache. */
export class SlotMemory {
  readonly #memory: PhysicalMemory;
  readonly #blockBytes: number;
  readonly #base: number;
  readonly #frames: FrameSource | null;
  readonly #slotsPerFrame: number;
  #frame = new Float64Array(0);
  #users = new Uint8Array(0);
  /** Address of each slot; absent while every slot lies in the arena. */
  #address: Float64Array | null = null;
  #slotCount: number;

  constructor(
    memory: PhysicalMemory,
    blockBytes: number,
    slotCount: number,
    base: PhysAddr | undefined,
    frames: FrameSource | undefined,
  ) {
    if ((base === undefined) === (frames === undefined)) {
      throw new ArgumentError('ERR_MEMORY', 'give either base or frames, and not both');
    }
    if (blockBytes > memory.chunkBytes) {
      throw new ArgumentError(
        'ERR_BLOCK_BYTES',
        `blockBytes is ${blockBytes}; allowed: at most the memory's chunk of ${memory.chunkBytes}`,
      );
    }
    if (frames !== undefined && blockBytes > PAGE_BYTES) {
      throw new ArgumentError(
        'ERR_BLOCK_BYTES',
        `blockBytes is ${blockBytes}; allowed with frames: at most ${PAGE_BYTES}`,
      );
    }
    this.#memory = memory;
    this.#blockBytes = blockBytes;
    this.#base = base ?? 0;
    this.#frames = frames ?? null;
    this.#slotsPerFrame = PAGE_BYTES / blockBytes;
    this.#slotCount = 0;
    this.grow(slotCount);
  }

  /** Address of a slot's block. O(1). */
  address(slot: number): PhysAddr {
    return this.#address === null ? this.#base + slot * this.#blockBytes : this.#address[slot];
  }

  /** Makes room for more slots. @throws ArgumentError when the arena would leave the memory. */
  grow(slotCount: number): void {
    if (this.#frames === null) {
      const end = this.#base + slotCount * this.#blockBytes;
      if (this.#base < 0 || this.#base % this.#blockBytes !== 0 || end > this.#memory.byteCount) {
        throw new ArgumentError(
          'ERR_MEMORY',
          `slots from ${this.#base} to ${end} do not fit; allowed: a multiple of ` +
            `${this.#blockBytes}, ending at most at ${this.#memory.byteCount}`,
        );
      }
      if (this.#address !== null) this.#address = this.#arenaAddresses(slotCount);
    } else {
      const groups = Math.ceil(slotCount / this.#slotsPerFrame);
      const frame = new Float64Array(groups).fill(NIL);
      frame.set(this.#frame);
      this.#frame = frame;
      const users = new Uint8Array(groups);
      users.set(this.#users);
      this.#users = users;
      const address = new Float64Array(slotCount).fill(NIL);
      if (this.#address !== null) address.set(this.#address);
      this.#address = address;
    }
    this.#slotCount = slotCount;
  }

  /** Gives the slot memory of its own; false when the frame source has none left. */
  own(slot: number): boolean {
    if (this.#frames === null) {
      if (this.#address !== null) this.#address[slot] = this.#base + slot * this.#blockBytes;
      return true;
    }
    const address = this.#address as Float64Array;
    const group = Math.floor(slot / this.#slotsPerFrame);
    if (this.#frame[group] === NIL) {
      const frame = this.#frames.allocate();
      if (frame === NIL) return false;
      this.#frame[group] = frame;
    }
    this.#users[group] += 1;
    address[slot] = this.#frame[group] + (slot % this.#slotsPerFrame) * this.#blockBytes;
    return true;
  }

  /** The slot's block lies in lent memory from now on; it owns none. */
  lend(slot: number, at: PhysAddr): void {
    if (this.#address === null) this.#address = this.#arenaAddresses(this.#slotCount);
    this.#address[slot] = at;
  }

  /** The slot gives up its own memory; with `give`, an unused frame goes back to its source. */
  disown(slot: number, give: boolean): void {
    if (this.#frames === null) return;
    const group = Math.floor(slot / this.#slotsPerFrame);
    assert(this.#users[group] > 0, 'slot memory: disowning what is not owned');
    this.#users[group] -= 1;
    if (give) this.giveBack(slot);
  }

  /** Returns the slot's frame to its source if no slot uses it. */
  giveBack(slot: number): void {
    if (this.#frames === null) return;
    const group = Math.floor(slot / this.#slotsPerFrame);
    if (this.#users[group] > 0 || this.#frame[group] === NIL) return;
    this.#frames.free(this.#frame[group]);
    this.#frame[group] = NIL;
  }

  /** Returns every unused frame to its source; how many. O(slots). */
  giveBackAll(): number {
    let given = 0;
    for (let group = 0; group < this.#frame.length; group++) {
      if (this.#users[group] > 0 || this.#frame[group] === NIL) continue;
      this.giveBack(group * this.#slotsPerFrame);
      given += 1;
    }
    return given;
  }

  #arenaAddresses(slotCount: number): Float64Array {
    const address = new Float64Array(slotCount);
    for (let slot = 0; slot < slotCount; slot++) {
      address[slot] = this.#base + slot * this.#blockBytes;
    }
    if (this.#address !== null) address.set(this.#address);
    return address;
  }
}
