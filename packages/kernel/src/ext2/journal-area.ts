/** Where the journal lies: its blocks on the device, its superblock, and a ring of log blocks. */
import type { BlockCache } from '@hotpath/blockcache';
import { assert, isErrno, NIL, OK, PAGE_BYTES } from '@hotpath/hw-x86';
import type { Operation, Wait } from '../vfs/file-system.js';
import { getBig32, putBig32 } from './bytes.js';
import { featureNames } from './geometry.js';
import { ImageError } from './image-error.js';
import {
  JH_TYPE,
  JOURNAL_INCOMPATIBLE_NAMES,
  JOURNAL_INCOMPATIBLE_REVOKE,
  JOURNAL_MAGIC,
  JOURNAL_SUPERBLOCK_V2,
  JS_BLOCK_BYTES,
  JS_ERRNO,
  JS_FIRST,
  JS_INCOMPATIBLE,
  JS_LENGTH,
  JS_READ_ONLY,
  JS_SEQUENCE,
  JS_START,
  JS_UUID,
} from './layout.js';
import type { Volume } from './volume.js';

/** Log blocks that a journal must have at least. */
const LENGTH_MIN = 256;
/** Blocks of one write to the log at most. */
const WRITE_BLOCKS = 128;

function refuse(what: string): never {
  throw new ImageError('ERR_JOURNAL', `journal: ${what}`);
}

/** The journal's blocks and superblock. */
export class JournalArea {
  /** Device block of each journal block; index 0 is its superblock. */
  readonly blocks: Float64Array;
  /** First log block, and the one behind the last. */
  first = 1;
  length = 0;
  /** As the superblock has it: oldest transaction to replay and its log block; 0: none. */
  sequence = 1;
  start = 0;
  /** Errno that a former mount left behind, or 0. */
  error = 0;
  readonly uuid = new Uint8Array(16);
  readonly #volume: Volume;
  readonly #cache: BlockCache;
  readonly #frames: number[] = [];
  /** Free block-sized pieces of the frames. */
  readonly #free: number[] = [];
  #superblock = NIL;

  constructor(volume: Volume, blocks: Float64Array) {
    this.#volume = volume;
    this.#cache = volume.ports.cache;
    this.blocks = blocks;
  }

  /**
   * Reads and checks the superblock.
   * @throws ImageError `ERR_JOURNAL`, `ERR_FEATURE`, `ERR_IO`
   */
  *open(wait: Wait): Operation {
    const slot = yield* this.#volume.get(wait, this.blocks[0], 64);
    if (isErrno(slot))
      throw new ImageError('ERR_IO', `journal: superblock cannot be read: ${slot}`);
    const bytes = this.#volume.view(slot).slice();
    this.#cache.release(slot);
    const blockBytes = this.#volume.geometry.blockBytes;
    if (getBig32(bytes, 0) !== JOURNAL_MAGIC) refuse('the magic number is missing');
    const type = getBig32(bytes, JH_TYPE);
    if (type !== JOURNAL_SUPERBLOCK_V2)
      refuse(`its superblock has version type ${type}; allowed: 4`);
    if (getBig32(bytes, JS_BLOCK_BYTES) !== blockBytes) {
      refuse(`its blocks have ${getBig32(bytes, JS_BLOCK_BYTES)} bytes; allowed: ${blockBytes}`);
    }
    const incompatible = getBig32(bytes, JS_INCOMPATIBLE);
    const unknown =
      ((incompatible & ~JOURNAL_INCOMPATIBLE_REVOKE) | getBig32(bytes, JS_READ_ONLY)) >>> 0;
    if (unknown !== 0) {
      const names = featureNames(unknown, JOURNAL_INCOMPATIBLE_NAMES).join(', ');
      throw new ImageError('ERR_FEATURE', `the journal needs features that are not here: ${names}`);
    }
    this.length = getBig32(bytes, JS_LENGTH);
    this.first = getBig32(bytes, JS_FIRST);
    this.sequence = getBig32(bytes, JS_SEQUENCE);
    this.start = getBig32(bytes, JS_START);
    this.error = getBig32(bytes, JS_ERRNO);
    this.uuid.set(bytes.subarray(JS_UUID, JS_UUID + 16));
    if (this.length < LENGTH_MIN || this.length > this.blocks.length) {
      refuse(`it has ${this.length} blocks; allowed: ${LENGTH_MIN}..${this.blocks.length}`);
    }
    if (this.first < 1 || this.first >= this.length - LENGTH_MIN / 2) {
      refuse(`its log begins at block ${this.first}; allowed: from 1 on`);
    }
    if (this.start !== 0 && (this.start < this.first || this.start >= this.length)) {
      refuse(`its tail is block ${this.start}; allowed: ${this.first}..${this.length - 1}`);
    }
    const address = this.takeBuffer();
    if (address === NIL) throw new ImageError('ERR_IO', 'journal: no memory for its superblock');
    this.#superblock = address;
    this.#volume.viewAt(address).set(bytes);
    return OK;
  }

  /** Log blocks in all. */
  get logBlocks(): number {
    return this.length - this.first;
  }

  /** Log block that follows another. */
  next(index: number): number {
    return index + 1 === this.length ? this.first : index + 1;
  }

  /** Writes the superblock durably: from where a replay begins. Start 0: there is nothing to replay. */
  *writeSuperblock(wait: Wait, sequence: number, start: number, errno = 0): Operation {
    const view = this.#volume.viewAt(this.#superblock);
    putBig32(view, JS_SEQUENCE, sequence);
    putBig32(view, JS_START, start);
    putBig32(view, JS_ERRNO, errno);
    putBig32(view, JS_INCOMPATIBLE, getBig32(view, JS_INCOMPATIBLE) | JOURNAL_INCOMPATIBLE_REVOKE);
    const { device } = this.#volume.ports;
    const status = yield* wait.settle(
      this.#cache.write(device, this.blocks[0], 1, [this.#superblock], wait, 0, true),
    );
    if (isErrno(status)) return status;
    this.sequence = sequence;
    this.start = start;
    return OK;
  }

  /** Writes log blocks from `index` on, in as few requests as their places allow. */
  *write(wait: Wait, index: number, addresses: readonly number[], fua: boolean): Operation {
    const { device } = this.#volume.ports;
    let at = index;
    for (let done = 0; done < addresses.length; ) {
      const block = this.blocks[at];
      let count = 0;
      while (
        done + count < addresses.length &&
        count < WRITE_BLOCKS &&
        at + count < this.length &&
        this.blocks[at + count] === block + count
      ) {
        count += 1;
      }
      const from = addresses.slice(done, done + count);
      const status = yield* wait.settle(
        this.#cache.write(device, block, count, from, wait, 0, fua),
      );
      if (isErrno(status)) return status;
      done += count;
      at += count;
      if (at === this.length) at = this.first;
    }
    return OK;
  }

  /** Memory for one block, or NIL. */
  takeBuffer(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const frame = this.#volume.ports.frames.allocate();
    if (frame === NIL) return NIL;
    this.#frames.push(frame);
    const { blockBytes } = this.#volume.geometry;
    for (let at = PAGE_BYTES - blockBytes; at > 0; at -= blockBytes) this.#free.push(frame + at);
    return frame;
  }

  /** Buffers of one transaction, set aside at mount so that a commit never lacks memory. */
  reserveBuffers(count: number): boolean {
    const taken: number[] = [];
    while (taken.length < count) {
      const address = this.takeBuffer();
      if (address === NIL) break;
      taken.push(address);
    }
    for (const address of taken) this.#free.push(address);
    return taken.length === count;
  }

  giveBuffer(address: number): void {
    assert(address !== NIL, 'ext2: a buffer is given back that is none');
    this.#free.push(address);
  }

  /** Gives all memory back. */
  close(): void {
    for (const frame of this.#frames) this.#volume.ports.frames.free(frame);
    this.#frames.length = 0;
    this.#free.length = 0;
  }
}
