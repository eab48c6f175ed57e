import type { SparseBlocks } from '@hotpath/hw-x86/model';

/** Offsets into the superblock of ext2, little-endian (linux/fs/ext2/ext2.h). */
const SUPERBLOCK_AT = 1024;
const INODES_PER_GROUP = 40;
const INODE_BYTES = 88;
const INDIRECT = 12;
const I_BLOCK = 40;
const JOURNAL_INODE = 8;

/**
 * What the blocks of a small volume of 1 KiB blocks and one group hold, in words: for stories about
 * lost writes.
 */
export function nameBlocks(volume: SparseBlocks): (block: number) => string {
  const { blockBytes } = volume;
  const read = (block: number): DataView => {
    const bytes = new Uint8Array(blockBytes);
    volume.read(block, bytes, 0);
    return new DataView(bytes.buffer);
  };
  const names = new Map<number, string>([
    [SUPERBLOCK_AT / blockBytes, 'superblock'],
    [SUPERBLOCK_AT / blockBytes + 1, 'group descriptors'],
  ]);
  const superblock = read(SUPERBLOCK_AT / blockBytes);
  const descriptors = read(SUPERBLOCK_AT / blockBytes + 1);
  names.set(descriptors.getUint32(0, true), 'block bitmap');
  names.set(descriptors.getUint32(4, true), 'inode bitmap');
  const table = descriptors.getUint32(8, true);
  const inodeBytes = superblock.getUint16(INODE_BYTES, true);
  const tableBytes = superblock.getUint32(INODES_PER_GROUP, true) * inodeBytes;
  for (let i = 0; i * blockBytes < tableBytes; i++) names.set(table + i, 'inode table');

  const at = (JOURNAL_INODE - 1) * inodeBytes;
  const inode = read(table + Math.floor(at / blockBytes));
  const pointers = Array.from({ length: INDIRECT + 2 }, (_, i) =>
    inode.getUint32((at % blockBytes) + I_BLOCK + i * 4, true),
  );
  const log = pointers.slice(0, INDIRECT);
  const collect = (block: number, depth: number): void => {
    if (block === 0) return;
    const view = read(block);
    for (let i = 0; i < blockBytes; i += 4) {
      const child = view.getUint32(i, true);
      if (depth > 1) collect(child, depth - 1);
      else if (child !== 0) log.push(child);
    }
  };
  collect(pointers[INDIRECT]!, 1);
  collect(pointers[INDIRECT + 1]!, 2);
  log.forEach((block, index) => {
    names.set(block, index === 0 ? "journal's superblock" : 'journal');
  });
  return (block) => names.get(block) ?? 'data, directory or pointers';
}

/** A story of the crash explorer, each write followed by what it wrote. */
export function tellStory(story: string, nameOf: (block: number) => string): string[] {
  return story.split('\n').map((line) => {
    const match = /^#\d+ (?:write|write \(FUA\)|discard) (\d+)(?:\.\.(\d+))?:/.exec(line);
    if (match === null) return line;
    const first = Number(match[1]);
    const last = Number(match[2] ?? first);
    const parts = new Set<string>();
    for (let block = first; block <= last; block++) parts.add(nameOf(block));
    return `${line} (${[...parts].join(', ')})`;
  });
}
