/**
 * Crash tests of the driver: a workload runs on a recorded disk; then, for every disk that a power cut
 * could have left, mount, replay, the checker, and what had been promised as durable. For the crash
 * explorer see `@hotpath/hw-x86/model`.
 */
import type { BlockDevice, BlockRequest, PhysicalMemory } from '@hotpath/hw-x86';
import {
  type CrashDisk,
  type CrashReport,
  type CrashState,
  createRecordingDevice,
  exploreCrashes,
  LOG_MARK,
  SparseBlocks,
  WriteLog,
} from '@hotpath/hw-x86/model';
import { checkExt2 } from './check.js';
import { type Ext2Image, formatImage, openImage } from './image.js';

/** How the disk of a crash test is made. */
export interface CrashTestOptions {
  /** At least 4 MiB; used by one image at a time. */
  readonly memory: PhysicalMemory;
  /** Makes the disk that the workload runs on, over these bytes; it finishes inside `submit`. */
  readonly disk: (bytes: Uint8Array, blockBytes: number) => BlockDevice;
  /** Default `ext3`. */
  readonly type?: 'ext2' | 'ext3';
  /** 1,024, 2,048 or 4,096; default 1,024. */
  readonly blockBytes?: number;
  /** Blocks of the disk; default 4,096. */
  readonly blockCount?: number;
}

/** What a promise says of a path: contents of a file, or a directory. */
type Expected = Uint8Array | 'directory';

/** A disk with a volatile cache, as far as the driver can tell: it sends flushes. */
class VolatileDisk implements BlockDevice {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly volatileCache = true;
  readonly readOnly = false;
  readonly #inner: BlockDevice;

  constructor(inner: BlockDevice) {
    this.#inner = inner;
    this.blockBytes = inner.blockBytes;
    this.blockCount = inner.blockCount;
  }

  submit(request: BlockRequest): number {
    return this.#inner.submit(request);
  }

  reap(): number {
    return this.#inner.reap();
  }
}

/**
 * A workload under way: the calls of an image that change something, each noted in the log before it
 * begins, and each sync after it has ended.
 */
export class CrashRun {
  readonly image: Ext2Image;
  readonly log: WriteLog;
  /** What should be there, were the power never cut. */
  readonly model = new Map<string, Expected>();
  /** Paths that each operation touches; of a removal, what is there afterwards is all or nothing. */
  readonly touched: { readonly paths: string[]; readonly removes: boolean }[] = [];
  /** What each sync has promised. */
  readonly promises: Map<string, Expected>[] = [];

  constructor(image: Ext2Image, log: WriteLog) {
    this.image = image;
    this.log = log;
  }

  #begin(...paths: string[]): void {
    this.log.mark(`op ${this.touched.length}`);
    this.touched.push({ paths, removes: false });
  }

  #beginRemoval(path: string): void {
    this.log.mark(`op ${this.touched.length}`);
    this.touched.push({ paths: [path], removes: true });
  }

  mkdir(path: string): void {
    this.#begin(path);
    this.image.mkdir(path);
    this.model.set(path, 'directory');
  }

  write(path: string, contents: Uint8Array): void {
    this.#begin(path);
    this.image.writeFile(path, contents);
    this.model.set(path, contents.slice());
  }

  append(path: string, contents: Uint8Array): void {
    this.#begin(path);
    const before = this.model.get(path) as Uint8Array;
    this.image.writeAt(this.image.find(path), before.length, contents);
    const after = new Uint8Array(before.length + contents.length);
    after.set(before);
    after.set(contents, before.length);
    this.model.set(path, after);
  }

  truncate(path: string, size: number): void {
    this.#begin(path);
    this.image.truncate(path, size);
    const before = this.model.get(path) as Uint8Array;
    const after = new Uint8Array(size);
    after.set(before.subarray(0, size));
    this.model.set(path, after);
  }

  unlink(path: string): void {
    this.#beginRemoval(path);
    this.image.unlink(path);
    this.model.delete(path);
  }

  rmdir(path: string): void {
    this.#beginRemoval(path);
    this.image.rmdir(path);
    this.model.delete(path);
  }

  /** Moves a file or a directory with all below it. */
  rename(from: string, to: string): void {
    const below = [...this.model.keys()].filter((path) => path.startsWith(`${from}/`));
    const moved = below.map((path) => to + path.slice(from.length));
    this.#begin(from, to, ...below, ...moved);
    this.image.rename(from, to);
    for (const path of [from, ...below]) {
      const contents = this.model.get(path);
      this.model.delete(path);
      if (contents !== undefined) this.model.set(to + path.slice(from.length), contents);
    }
  }

  /** Everything so far is durable, and the log says so. */
  sync(): void {
    this.image.sync();
    this.#promise(new Map(this.model));
  }

  /** One file, or one directory with the names in it, is durable; all else as promised before. */
  fsync(path: string): void {
    const inode = this.image.find(path);
    const status = this.image.run((wait) => this.image.fs.syncInode(wait, inode, false));
    if (status < 0) throw new Error(`fsync of ${path}: errno ${-status}`);
    const promise = new Map<string, Expected>();
    // The way to it: its directories; and what it is.
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
      const expected = this.model.get(at);
      if (expected !== undefined) promise.set(at, expected);
    }
    this.#promise(promise);
  }

  #promise(promise: Map<string, Expected>): void {
    this.promises.push(promise);
    this.log.mark(`durable ${this.promises.length - 1} after ${this.touched.length}`);
  }
}

/** A workload that has run: what to explore. */
export interface CrashRecording {
  readonly run: CrashRun;
  readonly log: WriteLog;
  /** The disk before the mount. */
  readonly start: SparseBlocks;
  /** The disk at the end. */
  readonly bytes: Uint8Array;
}

/** Formats a disk, mounts it recorded, runs the workload; unmounts only if `unmount` says so. */
export function recordWorkload(
  options: CrashTestOptions,
  workload: (run: CrashRun) => void,
  unmount = false,
): CrashRecording {
  const blockBytes = options.blockBytes ?? 1024;
  const blockCount = options.blockCount ?? 4096;
  const { memory } = options;
  const bytes = new Uint8Array(blockBytes * blockCount);
  const disk = options.disk(bytes, blockBytes);
  formatImage({ device: disk, memory, blockBytes, type: options.type ?? 'ext3' });
  const start = SparseBlocks.fromBytes(bytes.slice(), blockBytes);
  const log = new WriteLog(blockBytes);
  const device = createRecordingDevice(new VolatileDisk(disk), log);
  const run = new CrashRun(openImage({ device, memory }), log);
  workload(run);
  if (unmount) run.image.close();
  return { run, log, start, bytes };
}

/**
 * The mount that follows a power cut at the end of a recording, recorded in its turn: a power cut in
 * the middle of the replay must lose nothing either.
 */
export function recordRecovery(
  recording: CrashRecording,
  options: CrashTestOptions,
): CrashRecording {
  const { bytes, run } = recording;
  const { blockBytes } = recording.start;
  const start = SparseBlocks.fromBytes(bytes.slice(), blockBytes);
  const log = new WriteLog(blockBytes);
  // In one mark: what was said before the first cut is known at every cut of the replay.
  const said = recording.log.entries.filter((entry) => entry.kind === LOG_MARK);
  log.mark(said.map((entry) => entry.text).join(';'));
  const disk = new VolatileDisk(options.disk(bytes, blockBytes));
  openImage({ device: createRecordingDevice(disk, log), memory: options.memory });
  return { run, log, start, bytes };
}

/** How to explore. */
export interface CrashExploreOptions {
  readonly memory: PhysicalMemory;
  /** As `exploreCrashes` takes them. */
  readonly statesPerCut?: number;
  readonly seed?: number;
  /** A further judge (e2fsck): of the raw disk before the mount, and of the disk after the unmount. */
  readonly judge?: (disk: CrashDisk, phase: 'raw' | 'recovered') => string | null;
}

/** Every legal disk of a recording: recovered, checked, and compared with what was promised. */
export function exploreRecording(
  recording: CrashRecording,
  options: CrashExploreOptions,
): CrashReport {
  const { start, log, run } = recording;
  return exploreCrashes(log, (state) => judgeState(run, state, options), {
    blockCount: start.blockCount,
    image: start,
    ...(options.statesPerCut === undefined ? {} : { statesPerCut: options.statesPerCut }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  });
}

/** What is wrong with one disk, or null. */
export function judgeState(
  run: CrashRun,
  state: CrashState,
  options: CrashExploreOptions,
): string | null {
  const raw = options.judge?.(state.disk, 'raw') ?? null;
  if (raw !== null) return raw;
  const image = openImage({ device: state.disk, memory: options.memory });
  const lost = compare(run, state.marks, image) ?? image.fs.problems[0] ?? null;
  image.close();
  if (lost !== null) return lost;
  const { problems } = checkExt2(state.disk);
  if (problems.length > 0) return `${problems[0].code}: ${problems[0].message}`;
  return options.judge?.(state.disk, 'recovered') ?? null;
}

/** What was promised and not touched since must be there, to the byte; what was being removed, so or not at all. */
function compare(run: CrashRun, marks: readonly string[], image: Ext2Image): string | null {
  const promised = new Map<string, Expected>();
  const removed = new Set<string>();
  for (const mark of marks.flatMap((text) => text.split(';'))) {
    const words = mark.split(' ');
    if (words[0] === 'op') {
      const { paths, removes } = run.touched[Number(words[1])];
      for (const path of paths) {
        if (removes) removed.add(path);
        else promised.delete(path);
      }
    } else if (words[0] === 'durable') {
      for (const path of removed) promised.delete(path);
      removed.clear();
      for (const [path, expected] of run.promises[Number(words[1])]) promised.set(path, expected);
    }
  }
  for (const [path, expected] of promised) {
    if (!image.exists(path)) {
      if (removed.has(path)) continue;
      return `${path} was durable and is gone`;
    }
    const wrong = expected === 'directory' ? null : compareFile(path, expected, image);
    if (wrong !== null) return wrong;
  }
  return null;
}

function compareFile(path: string, expected: Uint8Array, image: Ext2Image): string | null {
  const found = image.readFile(path);
  if (found.length !== expected.length) {
    return `${path} was durable with ${expected.length} bytes and has ${found.length}`;
  }
  const at = found.findIndex((byte, i) => byte !== expected[i]);
  if (at < 0) return null;
  return `${path} was durable; byte ${at} is ${found[at]} instead of ${expected[at]}`;
}
