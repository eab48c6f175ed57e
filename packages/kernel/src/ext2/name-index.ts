/**
 * The names of one directory in memory: where each record lies, and how much room each block has. A
 * record never moves while it lives, since blocks are not packed.
 */
export class NameIndex {
  /** Byte of the directory at which the record of each name lies. */
  readonly places = new Map<string, number>();
  /** Largest piece of each block that a new record could have. */
  readonly room: number[] = [];
  /** No block before this one has room for anything. */
  firstRoom = 0;

  /** First block with a piece of this size, or -1. */
  blockWithRoom(bytes: number): number {
    while (this.firstRoom < this.room.length && this.room[this.firstRoom] < 12) this.firstRoom += 1;
    for (let block = this.firstRoom; block < this.room.length; block++) {
      if (this.room[block] >= bytes) return block;
    }
    return -1;
  }

  /** Room of a block has changed. */
  setRoom(block: number, bytes: number): void {
    this.room[block] = bytes;
    if (bytes >= 12 && block < this.firstRoom) this.firstRoom = block;
  }
}
