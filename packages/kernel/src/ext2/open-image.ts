/** Images of a host: mounted, or made. */
import { type BlockDevice, isErrno, type PhysicalMemory } from '@hotpath/hw-x86';
import { type FormatOptions, formatExt2 } from './format.js';
import { Ext2Image } from './image.js';
import { ImageCallError } from './image-call-error.js';
import { findBlockBytes, ImmediateRunner, layOut } from './image-layout.js';
import { mountExt2 } from './mount.js';

/** Over what an image is opened. */
export interface OpenOptions {
  /** Finishes every request inside `submit`; its blocks are no larger than the file system's. */
  readonly device: BlockDevice;
  /** At least 2 MiB: the cache and the copies of the journal lie in it. */
  readonly memory: PhysicalMemory;
  /** Change nothing; default false. */
  readonly readOnly?: boolean;
  /** Nanoseconds since 1970 for what is changed; default 0. */
  readonly now?: () => number;
}

/**
 * Mounts an image.
 * @throws ImageError with a reason when it cannot be mounted
 */
export function openImage(options: OpenOptions): Ext2Image {
  const { device, memory } = options;
  const layout = layOut(memory, device, findBlockBytes(memory, device));
  const runner = new ImmediateRunner();
  runner.use(layout.cache);
  const now = options.now ?? (() => 0);
  const { cache, frames } = layout;
  const mounting = mountExt2(runner.wait, {
    cache,
    device: layout.device,
    memory,
    frames,
    now: now(),
    ...(options.readOnly === undefined ? {} : { readOnly: options.readOnly }),
  });
  return new Ext2Image(runner.run(mounting), runner, layout, memory, now);
}

/** What {@link formatImage} takes: as `formatExt2`, over a device instead of a cache. */
export interface FormatImageOptions extends Omit<FormatOptions, 'cache' | 'device'> {
  readonly device: BlockDevice;
  /** 1,024, 2,048 or 4,096; default 4,096, or 1,024 on a device below 512 MiB, as mke2fs has it. */
  readonly blockBytes?: number;
}

/**
 * Makes a file system over a whole device.
 * @throws ImageError `ERR_FORMAT` for sizes that make none; ImageCallError when the device fails
 */
export function formatImage(options: FormatImageOptions): void {
  const { device, memory } = options;
  const small = device.blockBytes * device.blockCount < 512 * 2 ** 20;
  const blockBytes = options.blockBytes ?? Math.max(device.blockBytes, small ? 1024 : 4096);
  const layout = layOut(memory, device, blockBytes);
  const runner = new ImmediateRunner();
  runner.use(layout.cache);
  const { cache } = layout;
  const status = runner.run(formatExt2(runner.wait, { ...options, cache, device: layout.device }));
  if (isErrno(status)) throw new ImageCallError(`format: errno ${-status}`, status);
}
