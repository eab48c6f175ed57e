import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createArenaMemory, openFileDisk } from '@hotpath/hw-x86/host';
import { type Ext2Image, formatImage, openImage } from '@hotpath/kernel/ext2';
import { Argument, type Command, Option } from 'commander';
import { wholeNumber } from './arguments.js';
import { UsageError } from './failure.js';
import type { Terminal } from './terminal.js';

/** Blocks that `hotpath boot` can mount. */
const BLOCK_BYTES = 4096;
const MEMORY_BYTES = 16 * 2 ** 20;

interface MkimageOptions {
  readonly size: number;
  readonly type: 'ext2' | 'ext3';
}

/** Adds `hotpath mkimage`. */
export function addMkimage(program: Command, terminal: Terminal): void {
  program
    .command('mkimage')
    .description('make an image for `hotpath boot` that holds what a folder holds')
    .addArgument(new Argument('<folder>', 'files, folders and symbolic links to copy'))
    .addArgument(new Argument('<image>', 'a file that does not exist'))
    .option('--size <MiB>', 'size of the image', wholeNumber(8, 8192), 64)
    .addOption(
      new Option('--type <type>', 'with or without a journal')
        .choices(['ext2', 'ext3'])
        .default('ext3'),
    )
    .action((folder: string, image: string, options: MkimageOptions) =>
      makeImage(folder, image, options, terminal),
    );
}

function makeImage(
  folder: string,
  path: string,
  options: MkimageOptions,
  terminal: Terminal,
): void {
  if (!existsSync(folder) || !lstatSync(folder).isDirectory()) {
    throw new UsageError(`'${folder}' is not a folder`);
  }
  if (existsSync(path)) throw new UsageError(`image '${path}' exists; allowed: a new file`);
  const now = Date.now() * 1e6;
  const device = openFileDisk({
    path,
    blockBytes: BLOCK_BYTES,
    create: true,
    blockCount: (options.size * 2 ** 20) / BLOCK_BYTES,
  });
  try {
    const memory = createArenaMemory(MEMORY_BYTES);
    formatImage({ device, memory, type: options.type, blockBytes: BLOCK_BYTES, now });
    const image = openImage({ device, memory, now: () => now });
    const copied = copyFolder(image, folder, '/');
    image.close();
    device.close();
    terminal.print(`${path}: ${copied} files, folders and links`);
  } catch (error) {
    device.close();
    rmSync(path);
    throw error;
  }
}

/** Copies what is in a folder; sockets, FIFOs and devices are left out: how many were copied. */
function copyFolder(image: Ext2Image, from: string, to: string): number {
  let count = 0;
  for (const name of readdirSync(from).sort()) {
    const source = join(from, name);
    const target = to === '/' ? `/${name}` : `${to}/${name}`;
    const status = lstatSync(source);
    if (status.isDirectory()) {
      image.mkdir(target, status.mode & 0o7777);
      count += 1 + copyFolder(image, source, target);
    } else if (status.isSymbolicLink()) {
      image.symlink(readlinkSync(source), target);
      count += 1;
    } else if (status.isFile()) {
      image.writeFile(target, readFileSync(source), status.mode & 0o7777);
      count += 1;
    }
  }
  return count;
}
