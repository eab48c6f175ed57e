/** Images in memory, opened by the driver and judged by e2fsprogs. */
import type { BlockDevice, BlockRequest } from '@hotpath/hw-x86';
import { createArenaMemory, createMemoryDisk } from '@hotpath/hw-x86/host';
import {
  type CheckReport,
  checkExt2,
  DeviceSource,
  type Ext2Image,
  formatImage,
  openImage,
} from '../../../src/ext2/index.js';
import { ToolLoop } from './tool-loop.js';

export const memory = createArenaMemory(4 << 20);
const scratch = createArenaMemory(4096);
export const NOW = 1_700_000_000e9;

/** A disk over bytes, of 1 KiB blocks whatever lies on it. */
export function diskOver(bytes: Uint8Array): BlockDevice {
  return createMemoryDisk({ blockBytes: 1024, blockCount: bytes.length / 1024, bytes });
}

/** An image of our own making. */
export function makeImage(
  kib: number,
  blockBytes: number,
  type: 'ext2' | 'ext3',
  inodes?: number,
): Uint8Array {
  const bytes = new Uint8Array(kib * 1024);
  formatImage({
    device: diskOver(bytes),
    memory,
    blockBytes,
    type,
    now: NOW,
    ...(inodes === undefined ? {} : { inodes }),
  });
  return bytes;
}

export function open(bytes: Uint8Array, readOnly = false): Ext2Image {
  return openImage({ device: diskOver(bytes), memory, now: () => NOW, readOnly });
}

export function check(bytes: Uint8Array): CheckReport {
  return checkExt2(new DeviceSource(diskOver(bytes), scratch));
}

let loop: ToolLoop | null = null;

function tools(): ToolLoop {
  loop ??= new ToolLoop();
  return loop;
}

/** Runs a program over a copy of the image: what it said, and its status. */
export function runTool(
  program: string,
  args: readonly string[],
  bytes: Uint8Array,
): { status: number; output: string } {
  tools().write(bytes);
  return tools().run(program, [...args, 'image']);
}

/** As {@link runTool}, for a program that changes the image: with the image afterwards. */
export function changeWithTool(
  program: string,
  args: readonly string[],
  bytes: Uint8Array,
): { status: number; output: string; bytes: Uint8Array } {
  const result = runTool(program, args, bytes);
  return { ...result, bytes: tools().read() };
}

/** An image as mke2fs makes it with these arguments. */
export function mke2fs(program: string, kib: number, ...args: string[]): Uint8Array {
  tools().clear();
  const { status, output } = tools().run(program, ['-q', '-F', ...args, 'image', String(kib)]);
  if (status !== 0) throw new Error(`mke2fs: ${output}`);
  return tools().read();
}

/** What `e2fsck -fn` has against an image; the empty text when it is clean. */
export function fsck(e2fsck: string, bytes: Uint8Array): string {
  const { status, output } = runTool(e2fsck, ['-fn'], bytes);
  return status === 0 ? '' : output;
}

/** A device whose requests fail as `fails` says, by their number. */
export class FailingDevice implements BlockDevice {
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly volatileCache = true;
  readonly readOnly = false;
  requests = 0;
  fails: (number: number, request: BlockRequest) => boolean = () => false;
  readonly #inner: BlockDevice;

  constructor(inner: BlockDevice) {
    this.#inner = inner;
    this.blockBytes = inner.blockBytes;
    this.blockCount = inner.blockCount;
  }

  submit(request: BlockRequest): number {
    this.requests += 1;
    return this.fails(this.requests, request) ? -5 : this.#inner.submit(request);
  }

  reap(): number {
    return this.#inner.reap();
  }
}

/** Bytes that tell where they belong. */
export function pattern(length: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8) * 7 + salt) & 0xff;
  return bytes;
}
