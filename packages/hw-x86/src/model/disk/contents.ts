import { DISCARD, FLUSH, READ, WRITE } from '../../block-device.js';
import { scatter } from '../../dma.js';
import { assert } from '../../errors.js';
import { Dice } from './dice.js';
import type { FaultRule } from './fault-plan.js';
import type { Flight } from './flight.js';
import { type SavedBlocks, SparseBlocks } from './sparse-blocks.js';
import { Survival } from './survival.js';
import { type SavedCache, WriteCache } from './write-cache.js';

/** A write on which no FLUSH can be relied, as a power cut sees it. */
interface PendingBlock {
  readonly write: number;
  readonly block: number;
  readonly data: Uint8Array;
  readonly offset: number;
}

/** What {@link DiskContents.save} answers. */
export interface SavedContents {
  readonly medium: SavedBlocks;
  readonly cache: SavedCache | null;
  readonly dice: number;
}

/**
 * What a disk holds: the medium, and before it the volatile write cache. Effects happen at
 * completion; this class knows no time.
 */
export class DiskContents {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly readOnly: boolean;
  /** The medium; replaced by `load`. */
  medium: SparseBlocks;
  /** Null: every completed write is durable. */
  cache: WriteCache | null;
  /** Bytes that the medium writes as a whole: no torn write cuts inside. */
  readonly atomicBytes: number;
  /** Decides what survives a power cut. */
  readonly dice: Dice;
  readonly #scratch: Uint8Array;

  constructor(
    medium: SparseBlocks,
    cacheBlocks: number,
    atomicBytes: number,
    readOnly: boolean,
    seed: number,
  ) {
    this.medium = medium;
    this.blockBytes = medium.blockBytes;
    this.blockCount = medium.blockCount;
    this.readOnly = readOnly;
    this.atomicBytes = atomicBytes;
    this.cache = cacheBlocks === 0 ? null : new WriteCache(medium, cacheBlocks);
    this.dice = new Dice(seed);
    this.#scratch = new Uint8Array(medium.blockBytes);
    assert(medium.blockBytes % atomicBytes === 0, 'a block holds whole atomic units');
  }

  get volatileCache(): boolean {
    return this.cache !== null;
  }

  /** Sequence number below which a FLUSH submitted now makes writes durable. */
  flushTarget(): number {
    return this.cache === null ? 0 : this.cache.tail;
  }

  /** Whether the request needs no access to the medium. */
  cacheServes(flight: Flight): boolean {
    const { cache } = this;
    const { op, block, blockCount } = flight;
    if (op === DISCARD) return true;
    if (cache === null) return op === FLUSH;
    if (op === FLUSH) return cache.head >= flight.target;
    if (op === WRITE) return !flight.fua && cache.length + blockCount <= cache.capacity;
    for (let b = block; b < block + blockCount; b++) if (!cache.has(b)) return false;
    return true;
  }

  /** Blocks that must leave a full cache before `blockCount` more fit; null when none must. */
  overflow(blockCount: number): Float64Array | null {
    const { cache } = this;
    if (cache === null) return null;
    const excess = cache.length + blockCount - cache.capacity;
    return excess > 0 ? cache.dirtyBelow(cache.head + excess) : null;
  }

  /** Blocks that a FLUSH with this target has to write, ascending. */
  dirtyBelow(target: number): Float64Array {
    return this.cache === null ? new Float64Array(0) : this.cache.dirtyBelow(target);
  }

  /** The newest contents of a block: what a READ delivers. */
  readBlock(block: number, target: Uint8Array, offset: number): void {
    if (this.cache?.read(block, target, offset) !== true) this.medium.read(block, target, offset);
  }

  /** Carries a request out. */
  perform(flight: Flight): void {
    switch (flight.op) {
      case READ:
        this.#deliver(flight, NO_FLIP);
        break;
      case WRITE:
        this.#store(flight);
        break;
      case DISCARD:
        this.cache?.supersedeRange(flight.block, flight.blockCount);
        this.medium.erase(flight.block, flight.blockCount);
        break;
      default:
        this.cache?.destage(flight.target);
    }
  }

  /** Carries out what a fault leaves of a request. */
  performFaulty(flight: Flight, rule: FaultRule, dice: Dice): void {
    const bits = flight.blockCount * this.blockBytes * 8;
    switch (rule.kind) {
      case 'delay':
        this.perform(flight);
        break;
      case 'corrupt':
        if (flight.op === READ) {
          this.#deliver(flight, dice.below(bits));
        } else {
          const bit = dice.below(bits);
          flight.data[Math.floor(bit / 8)] ^= 1 << (bit % 8);
          this.#store(flight);
        }
        break;
      case 'torn':
        this.#tear(flight, dice);
        break;
      case 'hang':
        // The command was lost, or only its answer.
        if (flight.op !== READ && dice.chance(0.5)) this.perform(flight);
        break;
      default:
      // error and lost: nothing happens.
    }
  }

  #deliver(flight: Flight, flippedBit: number): void {
    const { request } = flight;
    const { blockBytes } = this;
    assert(request !== null, 'a request in flight is there to be served');
    const { memory, segmentBytes, segmentAddress } = request;
    const whole = segmentBytes % blockBytes === 0 && flippedBit === NO_FLIP;
    for (let i = 0; i < flight.blockCount; i++) {
      const skip = i * blockBytes;
      if (whole) {
        // Straight into memory: a segment lies inside one chunk, and so does each of its blocks.
        const address = segmentAddress[Math.floor(skip / segmentBytes)] + (skip % segmentBytes);
        this.readBlock(flight.block + i, memory.bytes(address), address % memory.chunkBytes);
        continue;
      }
      this.readBlock(flight.block + i, this.#scratch, 0);
      const bit = flippedBit - skip * 8;
      if (bit >= 0 && bit < blockBytes * 8) this.#scratch[Math.floor(bit / 8)] ^= 1 << (bit % 8);
      scatter(request, skip, this.#scratch, 0, blockBytes);
    }
  }

  #store(flight: Flight): void {
    const { cache, medium, blockBytes } = this;
    assert(flight.data.length >= flight.blockCount * blockBytes, 'a write has its data');
    for (let i = 0; i < flight.blockCount; i++) {
      const block = flight.block + i;
      if (cache !== null && !flight.fua) {
        cache.put(block, flight.data, i * blockBytes, flight.number);
      } else {
        cache?.supersede(block);
        medium.write(block, flight.data, i * blockBytes);
      }
    }
  }

  /** Stores a seeded, proper part of a write's atomic units: the others keep what they had. */
  #tear(flight: Flight, dice: Dice): void {
    const perBlock = this.blockBytes / this.atomicBytes;
    const unitCount = flight.blockCount * perBlock;
    const survival = new Survival(dice.next(), unitCount, undefined);
    // One unit at least is left out; which one is drawn, too.
    const missing = dice.below(unitCount);
    for (let unit = 0; unit < unitCount; unit++) {
      const kept = unit !== missing && survival.keeps(0, Math.floor(unit / perBlock), unit);
      if (kept) continue;
      const block = flight.block + Math.floor(unit / perBlock);
      this.readBlock(block, this.#scratch, 0);
      const at = (unit % perBlock) * this.atomicBytes;
      const old = this.#scratch.subarray(at, at + this.atomicBytes);
      flight.data.set(old, unit * this.atomicBytes);
    }
    this.#store(flight);
  }

  /** The power fails: keeps a legal part of what was pending, chosen by the seed. */
  cutPower(open: readonly Flight[], manner: number | undefined): void {
    const pending = this.#pending(open);
    assert(
      pending.every((p) => p.block < this.blockCount),
      'pending blocks are on the disk',
    );
    const perBlock = this.blockBytes / this.atomicBytes;
    const survival = new Survival(this.dice.next(), pending.length * perBlock, manner);
    let write = -1;
    let last = -1;
    for (let i = 0; i < pending.length; i++) {
      const p = pending[i];
      if (p.write !== last) write++;
      last = p.write;
      for (let u = 0; u < perBlock; u++) {
        if (!survival.keeps(write, i, i * perBlock + u)) continue;
        const from = u * this.atomicBytes;
        this.medium.write(p.block, p.data, p.offset + from, from, this.atomicBytes);
      }
    }
    this.cache?.clear();
  }

  #pending(open: readonly Flight[]): PendingBlock[] {
    const pending: PendingBlock[] = [];
    this.cache?.forEach((write, block, data, offset) => {
      pending.push({ write, block, data, offset });
    });
    for (const { op, number, block, blockCount, data } of open) {
      for (let i = 0; op === WRITE && i < blockCount; i++) {
        pending.push({ write: number, block: block + i, data, offset: i * this.blockBytes });
      }
    }
    return pending;
  }

  /** A copy that shares the medium until either writes. */
  save(): SavedContents {
    const cache = this.cache === null ? null : this.cache.save();
    return { medium: this.medium.save(), cache, dice: this.dice.state };
  }

  /** Takes saved contents back. */
  load(saved: SavedContents): void {
    assert(saved.medium.blockCount === this.blockCount, 'contents of a disk of this size');
    this.medium = SparseBlocks.from(saved.medium);
    this.dice.state = saved.dice;
    if (this.cache === null || saved.cache === null) return;
    this.cache = new WriteCache(this.medium, this.cache.capacity);
    this.cache.load(saved.cache);
  }

  /** FNV-1a over what a READ delivers. */
  hash(): number {
    return this.image().hash();
  }

  /** What lies on it as a READ sees it: an image for a new disk, shared until written. */
  image(): SparseBlocks {
    const merged = this.medium.copy();
    this.cache?.forEach((_, block, data, offset) => void merged.write(block, data, offset));
    return merged;
  }

  checkInvariants(): void {
    assert(this.#scratch.length === this.blockBytes, 'scratch holds one block');
    this.cache?.checkInvariants();
  }
}

const NO_FLIP = -1;
