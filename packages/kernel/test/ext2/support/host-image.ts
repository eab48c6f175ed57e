/** Images in memory, opened by the driver and judged by e2fsprogs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** Runs a program over a copy of the image; what it said, its status, and the image afterwards. */
export function runTool(
  program: string,
  args: readonly string[],
  bytes: Uint8Array,
  input?: string,
): { status: number; output: string; bytes: Uint8Array } {
  const folder = mkdtempSync(join(tmpdir(), 'ext2-'));
  const path = join(folder, 'image');
  try {
    writeFileSync(path, bytes);
    const result = spawnSync(program, [...args, path], { encoding: 'utf8', input });
    const output = `${result.stdout}${result.stderr}`;
    return { status: result.status ?? -1, output, bytes: new Uint8Array(readFileSync(path)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
