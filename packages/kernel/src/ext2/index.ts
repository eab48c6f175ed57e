/**
 * ext2 and ext3: a driver for the kernel's virtual file system that also opens image files of a host,
 * with a maker and a checker of its own.
 *
 * @module
 */
export { type BlockSource, DeviceSource } from './block-source.js';
export { type CheckProblem, type CheckReport, checkExt2 } from './check.js';
export { Ext2 } from './ext2.js';
export { type FormatOptions, formatExt2 } from './format.js';
export { Ext2Image, type ImageEntry } from './image.js';
export { ImageCallError } from './image-call-error.js';
export { ImageError } from './image-error.js';
export { type Mounting, type MountOptions, mountExt2 } from './mount.js';
export {
  type FormatImageOptions,
  formatImage,
  type OpenOptions,
  openImage,
} from './open-image.js';
export type { RecoveryReport } from './recovery.js';
export { type Ext2RootOptions, ext2Root } from './root.js';
export type { VolumePorts } from './volume.js';
