import { readFileSync, writeFileSync } from 'node:fs';
import { createArenaMemory, type FileDisk, openFileDisk } from '@hotpath/hw-x86/host';
import {
  checkExt2,
  DeviceSource,
  type Ext2Image,
  formatImage,
  openImage,
} from '@hotpath/kernel/ext2';
import { Argument, type Command, Option } from 'commander';
import { wholeNumber } from './arguments.js';
import { UsageError } from './failure.js';
import type { Terminal } from './terminal.js';

/** Bytes of cache and copies that an opened image works with. */
const MEMORY_BYTES = 16 * 2 ** 20;
/** Smallest block of ext2: an image of any block size can be opened with it. */
const DEVICE_BLOCK_BYTES = 1024;

interface MkfsOptions {
  readonly size: number;
  readonly type: 'ext2' | 'ext3';
  readonly block?: string;
}

const image = (): Argument => new Argument('<image>', 'an ext2 or ext3 image, or a block device');
const inside = (what = 'a path inside the image'): Argument => new Argument('<path>', what);
const now = (): number => Date.now() * 1e6;

/** Adds `hotpath fs`. */
export function addFs(program: Command, terminal: Terminal): void {
  const fs = program.command('fs').description('ext2 and ext3 images: look, change, check, make');
  fs.command('ls')
    .description('names of a directory, with type, mode, size')
    .addArgument(image())
    .addArgument(new Argument('[path]', 'a directory inside the image').default('/'))
    .action((file: string, path: string) =>
      withImage(file, true, (opened) => list(opened, path, terminal)),
    );
  fs.command('cat')
    .description('contents of a file, as text')
    .addArgument(image())
    .addArgument(inside())
    .action((file: string, path: string) =>
      withImage(file, true, (opened) => {
        terminal.print(new TextDecoder().decode(opened.readFile(path)).replace(/\n$/, ''));
      }),
    );
  fs.command('get')
    .description('copy a file out of the image')
    .addArgument(image())
    .addArgument(inside())
    .addArgument(new Argument('<to>', 'the file to write'))
    .action((file: string, path: string, to: string) =>
      withImage(file, true, (opened) => writeFileSync(to, opened.readFile(path))),
    );
  fs.command('put')
    .description('copy a file into the image; what is there is replaced')
    .addArgument(image())
    .addArgument(new Argument('<from>', 'the file to read'))
    .addArgument(inside())
    .action((file: string, from: string, path: string) => {
      const contents = readFileSync(from);
      withImage(file, false, (opened) => opened.writeFile(path, contents));
    });
  fs.command('mkdir')
    .description('make a directory')
    .addArgument(image())
    .addArgument(inside())
    .action((file: string, path: string) =>
      withImage(file, false, (opened) => {
        opened.mkdir(path);
      }),
    );
  fs.command('rm')
    .description('remove a file, a link or an empty directory')
    .addArgument(image())
    .addArgument(inside())
    .action((file: string, path: string) =>
      withImage(file, false, (opened) => remove(opened, path)),
    );
  fs.command('check')
    .description(
      'name what contradicts itself, and change nothing: exit code 1 when something does',
    )
    .addArgument(image())
    .option('--json', 'print one JSON object')
    .action((file: string, options: { json?: true }) =>
      check(file, options.json === true, terminal),
    );
  addMkfs(fs);
}

function addMkfs(fs: Command): void {
  fs.command('mkfs')
    .description('make an empty file system in a new file, or over all that an old one holds')
    .addArgument(image())
    .option('--size <MiB>', 'size of a new file', wholeNumber(1, 8192), 64)
    .addOption(
      new Option('--type <type>', 'with or without a journal')
        .choices(['ext2', 'ext3'])
        .default('ext3'),
    )
    .addOption(new Option('--block <bytes>', 'bytes of a block').choices(['1024', '2048', '4096']))
    .action((file: string, options: MkfsOptions) => {
      const blockCount = (options.size * 2 ** 20) / DEVICE_BLOCK_BYTES;
      const device = openFileDisk({
        path: file,
        blockBytes: DEVICE_BLOCK_BYTES,
        create: true,
        blockCount,
      });
      closing(device, () =>
        formatImage({
          device,
          memory: createArenaMemory(MEMORY_BYTES),
          type: options.type,
          now: now(),
          ...(options.block === undefined ? {} : { blockBytes: Number(options.block) }),
        }),
      );
    });
}

function closing<T>(device: FileDisk, body: () => T): T {
  try {
    return body();
  } finally {
    device.close();
  }
}

function withImage(path: string, readOnly: boolean, body: (opened: Ext2Image) => void): void {
  const device = openFileDisk({ path, blockBytes: DEVICE_BLOCK_BYTES, readOnly });
  closing(device, () => {
    const opened = openImage({ device, memory: createArenaMemory(MEMORY_BYTES), readOnly, now });
    try {
      if (!readOnly && opened.fs.readOnly) {
        throw new UsageError(
          `'${path}' has features that allow reading only; allowed: ls, cat, get, check`,
        );
      }
      body(opened);
    } finally {
      opened.close();
    }
  });
}

const TYPES: Readonly<Record<number, string>> = {
  4: 'd',
  8: '-',
  10: 'l',
  2: 'c',
  6: 'b',
  1: 'p',
  12: 's',
};

function list(opened: Ext2Image, path: string, terminal: Terminal): void {
  for (const { name, inode } of opened.list(path)) {
    const { mode, size, links } = opened.statInode(inode);
    const bits = (mode & 0o7777).toString(8).padStart(4, '0');
    const head = `${TYPES[mode >>> 12] ?? '?'} ${bits} ${String(links).padStart(3)}`;
    terminal.print(`${head} ${String(size).padStart(12)}  ${name}`);
  }
}

function remove(opened: Ext2Image, path: string): void {
  if (opened.stat(path).mode >>> 12 === 4) opened.rmdir(path);
  else opened.unlink(path);
}

function check(path: string, json: boolean, terminal: Terminal): void {
  const device = openFileDisk({ path, blockBytes: DEVICE_BLOCK_BYTES, readOnly: true });
  const report = closing(device, () =>
    checkExt2(new DeviceSource(device, createArenaMemory(4096))),
  );
  const { problems } = report;
  if (json)
    terminal.print(JSON.stringify({ schema: 'hotpath-fs-check/1', image: path, ...report }));
  else {
    for (const { code, message } of problems) terminal.print(`${code}: ${message}`);
    const { inodesUsed, blocksUsed } = report;
    terminal.print(
      `${inodesUsed} inodes, ${blocksUsed} blocks in use, ${problems.length} problems`,
    );
  }
  if (problems.length > 0) throw new Error(`'${path}': ${problems.length} problems`);
}
