import type { InterruptLine } from '../../block-device.js';
import type { Clock } from '../../clock.js';
import { ArgumentError, checkInteger, checkPowerOfTwo } from '../../errors.js';
import type { EventQueue } from '../../machine.js';
import { NIL } from '../../status.js';
import type { TraceHook } from '../../trace-hook.js';
import { DiskContents } from './contents.js';
import { ModelDisk } from './disk.js';
import { FaultPlan, type FaultRule } from './fault-plan.js';
import { Flash } from './flash.js';
import { Flat } from './flat.js';
import { Head } from './head.js';
import type { Mechanism } from './mechanism.js';
import { type DiskProfile, HDD_7200, NVME_SSD, SATA_SSD } from './profile.js';
import { SparseBlocks } from './sparse-blocks.js';
import type { WriteLog } from './write-log.js';

/** Linux's time-out of NVMe and SCSI commands: nvme_core.io_timeout and /sys/.../timeout, 30 s. */
const TIMEOUT_NS = 30e9;

/** Options of a modelled disk. Times are cycles of `clock` and `events`. */
export interface ModelDiskOptions {
  /** The machine's event queue; completions are its events. */
  readonly events: EventQueue;
  /** The time of the CPU that submits, in cycles. */
  readonly clock: Clock;
  /** Raised when `reap` has work; or `lines`, one per queue (NVMe: one per CPU). */
  readonly line?: InterruptLine;
  /** Interrupt lines of several submission queues: `disk.queues[i]` raises `lines[i]`. */
  readonly lines?: readonly InterruptLine[];
  /** Cycles a second, to turn the profile's nanoseconds into cycles. */
  readonly frequencyHz: number;
  /** Blocks on the device, 1 to 2**53 / blockBytes. */
  readonly blockCount: number;
  /** Power of two, 512 to 65,536; default 4,096. */
  readonly blockBytes?: number;
  /** Figures; default: those of the factory's kind. */
  readonly profile?: DiskProfile;
  /** Decides what survives a power cut and what faults leave open; default 1. */
  readonly seed?: number;
  /** False: every write is durable when it completes; default true. */
  readonly writeCache?: boolean;
  /** Size of the volatile write cache; default: the profile's. */
  readonly cacheBytes?: number;
  /**
   * Bytes the medium writes as a whole; power of two, 512 to blockBytes; default 512 (NVMe AWUPF 0
   * with 512-byte sectors: the weakest promise there is).
   */
  readonly atomicBytes?: number;
  /** Refuses writes with EROFS; default false. */
  readonly readOnly?: boolean;
  /** What lies on it at first; shared until written. Default: zeros. */
  readonly image?: SparseBlocks;
  /** Rules of what goes wrong; default none. */
  readonly faults?: readonly FaultRule[];
  /** After this time a request that hangs is given up with ETIMEDOUT; default 30 s (Linux). */
  readonly timeoutNs?: number;
  /** Notes every write, flush and discard for the crash explorer. */
  readonly log?: WriteLog;
  /** Told of submits, completions and power cuts; the TRACE_DISK_ constants. */
  readonly trace?: TraceHook;
  /** Cut the power before the operation with this number (see `disk.operations`); default never. */
  readonly powerCutAt?: number;
  /** Told when the power is cut: switch the machine off. */
  readonly onPowerCut?: () => void;
}

/** A disk of the given profile's kind. */
export function createModelDisk(
  options: ModelDiskOptions & { readonly profile: DiskProfile },
): ModelDisk {
  const { profile } = options;
  const blockBytes = checkPowerOfTwo(
    'ERR_BLOCK_SIZE',
    'blockBytes',
    options.blockBytes ?? 4096,
    512,
    65_536,
  );
  const most = Math.floor(Number.MAX_SAFE_INTEGER / blockBytes);
  const blockCount = checkInteger('ERR_BLOCK_COUNT', 'blockCount', options.blockCount, 1, most);
  const atomicBytes = checkPowerOfTwo(
    'ERR_ATOMIC_SIZE',
    'atomicBytes',
    options.atomicBytes ?? 512,
    512,
    blockBytes,
  );
  const { frequencyHz } = options;
  if (!(frequencyHz > 0 && frequencyHz < 1e12)) {
    throw new ArgumentError('ERR_FREQUENCY', `frequencyHz is ${frequencyHz}; allowed: 1 to 1e12`);
  }
  const timeoutNs = options.timeoutNs ?? TIMEOUT_NS;
  if (!(timeoutNs > 0)) {
    throw new ArgumentError('ERR_TIMEOUT', `timeoutNs is ${timeoutNs}; allowed: above 0`);
  }
  const powerCutAt = options.powerCutAt ?? NIL;
  checkInteger('ERR_POWER_CUT', 'powerCutAt', powerCutAt, NIL, Number.MAX_SAFE_INTEGER);
  const seed = options.seed ?? 1;
  const medium = mediumOf(options.image, blockBytes, blockCount);
  const cacheBlocks = cacheBlocksOf(options, blockBytes);
  const readOnly = options.readOnly ?? false;
  return new ModelDisk({
    name: profile.name,
    contents: new DiskContents(medium, cacheBlocks, atomicBytes, readOnly, seed),
    mechanism: mechanismOf(profile, blockBytes, blockCount, frequencyHz),
    events: options.events,
    clock: options.clock,
    lines: linesOf(options),
    timeoutCycles: Math.ceil((timeoutNs * frequencyHz) / 1e9),
    cyclesPerNs: frequencyHz / 1e9,
    faults: options.faults === undefined ? null : new FaultPlan(options.faults, seed),
    log: logOf(options.log, blockBytes),
    trace: options.trace ?? null,
    powerCutAt,
    onPowerCut: options.onPowerCut ?? null,
  });
}

function mediumOf(
  image: SparseBlocks | undefined,
  blockBytes: number,
  blockCount: number,
): SparseBlocks {
  if (image === undefined) return new SparseBlocks(blockBytes, blockCount);
  if (image.blockBytes !== blockBytes || image.blockCount !== blockCount) {
    throw new ArgumentError(
      'ERR_IMAGE_SIZE',
      `image has ${image.blockCount} blocks of ${image.blockBytes} bytes; ` +
        `allowed: ${blockCount} of ${blockBytes}`,
    );
  }
  return image.copy();
}

function logOf(log: WriteLog | undefined, blockBytes: number): WriteLog | null {
  if (log === undefined) return null;
  if (log.blockBytes !== blockBytes) {
    const what = `log is for blocks of ${log.blockBytes} bytes; allowed: ${blockBytes}`;
    throw new ArgumentError('ERR_LOG_BLOCK_SIZE', what);
  }
  return log;
}

function linesOf(options: ModelDiskOptions): readonly InterruptLine[] {
  const lines = options.lines ?? (options.line === undefined ? [] : [options.line]);
  if (lines.length === 0) {
    throw new ArgumentError(
      'ERR_LINES',
      'no interrupt line; allowed: line, or lines with at least 1',
    );
  }
  return lines;
}

function cacheBlocksOf(options: ModelDiskOptions, blockBytes: number): number {
  if (options.writeCache === false) return 0;
  const cacheBytes = options.cacheBytes ?? options.profile!.figures.cacheBytes;
  return (
    (checkInteger('ERR_CACHE_SIZE', 'cacheBytes', cacheBytes, blockBytes, 2 ** 32) / blockBytes) | 0
  );
}

function mechanismOf(
  profile: DiskProfile,
  blockBytes: number,
  blockCount: number,
  frequencyHz: number,
): Mechanism {
  switch (profile.kind) {
    case 'flash':
      return new Flash(profile.figures, blockBytes, frequencyHz);
    case 'hdd':
      return new Head(profile.figures, blockBytes, blockCount, frequencyHz);
    default:
      return new Flat(profile.figures, frequencyHz);
  }
}

/** An NVMe drive: many queues (give `lines`), parallel planes and channels. */
export function createNvmeDisk(options: ModelDiskOptions): ModelDisk {
  return createModelDisk({ ...options, profile: options.profile ?? NVME_SSD });
}

/** A SATA SSD behind AHCI: one queue of depth 32. */
export function createSataSsd(options: ModelDiskOptions): ModelDisk {
  return createModelDisk({ ...options, profile: options.profile ?? SATA_SSD });
}

/** A hard disk behind AHCI: depth 32, seek and rotation by block distance. */
export function createHddDisk(options: ModelDiskOptions): ModelDisk {
  return createModelDisk({ ...options, profile: options.profile ?? HDD_7200 });
}
