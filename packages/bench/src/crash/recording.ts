import type { PhysicalMemory } from '@hotpath/hw-x86';
import { createRecordingDevice, LOG_MARK, SparseBlocks, WriteLog } from '@hotpath/hw-x86/model';
import { type Ext2Image, formatImage, openImage } from '@hotpath/kernel/ext2';
import { type CrashOperation, perform } from './operation.js';
import { applyTo, emptyTree, isPossible, type ModelTree } from './tree-model.js';
import { type Sabotage, VolatileDisk, volatileMemoryDisk } from './volatile-disk.js';

/** The disk of a campaign's workloads. */
export interface VolumeShape {
  /** Used by one image at a time; at least 2 MiB. */
  readonly memory: PhysicalMemory;
  /** Default `ext3`. */
  readonly type?: 'ext2' | 'ext3';
  /** Blocks of 1 KiB; default 2,048, of which 1,024 are the journal. */
  readonly blockCount?: number;
}

/** What a sync has promised by the time it returned. */
export interface Promised {
  /** The names, sizes and links of this call or of a later one. */
  readonly floor: number;
  /** By inode: contents are not older than after this call. */
  readonly data: ReadonlyMap<number, number>;
}

/** A workload that has run once: all that is needed to judge any disk that a cut left of it. */
export interface Recording {
  readonly operations: readonly CrashOperation[];
  readonly log: WriteLog;
  /** Marks that were made before this log began; default none. */
  readonly said?: readonly string[];
  /** The disk before the first call. */
  readonly start: SparseBlocks;
  /** `trees[k]`: what should be there after k calls. */
  readonly trees: readonly ModelTree[];
  /** By number, as the marks `durable N` of the log name them. */
  readonly promises: readonly Promised[];
  /** The disk at the end: unmounted, unless the recording was to leave it mounted. */
  readonly end: Uint8Array;
}

/** A formatted disk with a tree on it, cleanly unmounted: where all workloads of a campaign begin. */
export interface StartVolume {
  readonly shape: VolumeShape;
  readonly bytes: Uint8Array;
  readonly blocks: SparseBlocks;
  readonly tree: ModelTree;
}

/** Block size of the disks: the smallest, so that little is written at once. */
const BLOCK_BYTES = 1024;
/** Few inodes make a short table, which every check reads. */
const INODES = 128;

/** Formats a disk and makes calls on it. */
export function makeStart(shape: VolumeShape, operations: readonly CrashOperation[]): StartVolume {
  const bytes = new Uint8Array((shape.blockCount ?? 2048) * BLOCK_BYTES);
  const device = volatileMemoryDisk(bytes, BLOCK_BYTES);
  const { memory } = shape;
  formatImage({
    device,
    memory,
    blockBytes: BLOCK_BYTES,
    type: shape.type ?? 'ext3',
    inodes: INODES,
  });
  const image = openImage({ device, memory });
  let tree = emptyTree();
  for (const operation of operations) {
    perform(image, operation, []);
    tree = applyTo(tree, operation, 0 - tree.size);
  }
  image.close();
  return { shape, bytes, blocks: SparseBlocks.fromBytes(bytes, BLOCK_BYTES), tree };
}

/** What a recording may leave out. */
export interface RecordOptions {
  /** Unmount at the end; default true. */
  readonly unmount?: boolean;
  /** To see that a campaign notices. */
  readonly sabotage?: Sabotage;
  /** The program claims that a sync has ended before it begins. */
  readonly earlyClaims?: boolean;
}

/**
 * Runs a workload on a copy of the start, each call marked in the log before it begins, each sync
 * after it has ended, and unmounts. Calls that are not possible are left out.
 */
export function record(
  start: StartVolume,
  workload: readonly CrashOperation[],
  options: RecordOptions = {},
): Recording {
  const bytes = start.bytes.slice();
  const log = new WriteLog(BLOCK_BYTES);
  const disk = createRecordingDevice(volatileMemoryDisk(bytes, BLOCK_BYTES), log);
  const device = new VolatileDisk(disk, options.sabotage);
  const image = openImage({ device, memory: start.shape.memory });
  const run = new Run(image, log, start.tree);
  for (const operation of workload) {
    if (isPossible(run.tree, operation)) run.perform(operation, options.earlyClaims ?? false);
  }
  if (options.unmount ?? true) run.close();
  const { operations, trees, promises } = run;
  return { operations, log, start: start.blocks, trees, promises, end: bytes };
}

/**
 * The mount that follows a power cut at the end of a recording, recorded in its turn: a power cut in
 * the middle of the replay must lose nothing either.
 */
export function recordRecovery(recording: Recording, memory: PhysicalMemory): Recording {
  const bytes = recording.end.slice();
  const log = new WriteLog(BLOCK_BYTES);
  const marks = recording.log.entries.filter((entry) => entry.kind === LOG_MARK);
  const said = marks.map((entry) => entry.text);
  const disk = createRecordingDevice(volatileMemoryDisk(bytes, BLOCK_BYTES), log);
  openImage({ device: new VolatileDisk(disk), memory });
  const start = SparseBlocks.fromBytes(recording.end, BLOCK_BYTES);
  return { ...recording, said, log, start, end: bytes };
}

class Run {
  readonly operations: CrashOperation[] = [];
  readonly trees: ModelTree[];
  readonly promises: Promised[] = [];
  readonly #image: Ext2Image;
  readonly #log: WriteLog;
  readonly #held: number[] = [];
  #floor = 0;
  readonly #data = new Map<number, number>();

  constructor(image: Ext2Image, log: WriteLog, tree: ModelTree) {
    this.#image = image;
    this.#log = log;
    this.trees = [tree];
  }

  get tree(): ModelTree {
    return this.trees[this.trees.length - 1]!;
  }

  perform(operation: CrashOperation, earlyClaims: boolean): void {
    const { tree } = this;
    this.operations.push(operation);
    const call = this.operations.length;
    this.trees.push(applyTo(tree, operation, call));
    this.#log.mark(`call ${call}`);
    if (earlyClaims) this.#promise(operation, call);
    perform(this.#image, operation, this.#held);
    if (!earlyClaims) this.#promise(operation, call);
  }

  /** Closes what is open still, and unmounts. */
  close(): void {
    for (const inode of this.#held) {
      const status = this.#image.run((wait) => this.#image.fs.forget(wait, inode));
      if (status < 0) throw new Error(`close of inode ${inode}: errno ${-status}`);
    }
    this.#image.close();
  }

  #promise(operation: CrashOperation, call: number): void {
    if (operation.call === 'sync') {
      this.#floor = call;
      for (const { id, kind } of this.tree.values()) if (kind === 'file') this.#data.set(id, call);
    } else if (operation.call === 'fsync') {
      const node = this.tree.get(operation.path)!;
      this.#floor = Math.max(this.#floor, node.changed);
      if (node.kind === 'file') this.#data.set(node.id, call);
    } else return;
    this.#log.mark(`durable ${this.promises.length}`);
    this.promises.push({ floor: this.#floor, data: new Map(this.#data) });
  }
}
