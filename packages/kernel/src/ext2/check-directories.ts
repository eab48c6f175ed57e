/** The part of the checker that knows names: directories, what they name, and how often. */
import { getName } from './bytes.js';
import type { Check } from './check.js';
import {
  ENTRY_HEAD,
  entryInode,
  entryLength,
  entryNameLength,
  entryProblem,
  entryType,
} from './directory-entry.js';
import { entryTypeOf, ROOT_INODE } from './layout.js';

/** Walks all directories from the root. */
export class DirectoryCheck {
  readonly #check: Check;
  /** Names that mean each inode, `.` and `..` among them. */
  readonly #references = new Map<number, number>();
  /** Directory that names each directory. */
  readonly #parents = new Map<number, number>();

  constructor(check: Check) {
    this.#check = check;
  }

  run(): void {
    const { inodes, directoryBlocks } = this.#check;
    if (!inodes.get(ROOT_INODE)?.isDirectory) {
      this.#check.note('directory', 'inode 2 is no directory: there is no root');
      return;
    }
    this.#parents.set(ROOT_INODE, ROOT_INODE);
    const reached = new Set<number>([ROOT_INODE]);
    for (const directory of reached) this.#walk(directory, reached);
    // Directories that nothing reaches still name what is in them.
    for (const directory of directoryBlocks.keys()) {
      if (!reached.has(directory)) {
        this.#check.note('unattached', `directory ${directory} is in no directory`);
        this.#walk(directory, null);
      }
    }
    for (const [number, inode] of inodes) {
      const found = this.#references.get(number) ?? 0;
      if (found === 0) this.#check.note('unattached', `inode ${number} has no name`);
      else if (found !== inode.links) {
        this.#check.note(
          'links',
          `inode ${number}: ${found} names, its link count is ${inode.links}`,
        );
      }
    }
  }

  #walk(directory: number, reached: Set<number> | null): void {
    const blocks = this.#check.directoryBlocks.get(directory) ?? [];
    const names = new Set<string>();
    for (const [index, block] of blocks.entries()) {
      if (block === 0) continue;
      this.#walkBlock(directory, index, this.#check.readBlock(block), names, reached);
    }
    for (const name of ['.', '..']) {
      if (!names.has(name))
        this.#check.note('directory', `directory ${directory} has no '${name}'`);
    }
  }

  #walkBlock(
    directory: number,
    index: number,
    view: Uint8Array,
    names: Set<string>,
    reached: Set<number> | null,
  ): void {
    const { inodeCount } = this.#check.geometry;
    for (let at = 0; at < view.length; at += entryLength(view, at)) {
      const problem = entryProblem(view, at, inodeCount);
      if (problem !== null) {
        this.#check.note(
          'directory',
          `directory ${directory}, block ${index}, byte ${at}: ${problem}`,
        );
        return;
      }
      if (entryInode(view, at) === 0) continue;
      const name = getName(view, at + ENTRY_HEAD, entryNameLength(view, at));
      const where = `directory ${directory}, '${name}'`;
      if (names.has(name)) this.#check.note('directory', `${where}: the name is there twice`);
      names.add(name);
      if (index === 0 && at < 24 && !isDotPlace(at, name)) {
        this.#check.note('directory', `${where}: it stands where '.' and '..' should`);
      }
      this.#entry(directory, name, where, view, at, reached);
    }
  }

  #entry(
    directory: number,
    name: string,
    where: string,
    view: Uint8Array,
    at: number,
    reached: Set<number> | null,
  ): void {
    const { inodes, geometry } = this.#check;
    const number = entryInode(view, at);
    const inode = inodes.get(number);
    if (inode === undefined) {
      this.#check.note('directory', `${where}: it names inode ${number}, which is not in use`);
      return;
    }
    this.#references.set(number, (this.#references.get(number) ?? 0) + 1);
    if (geometry.hasFileTypes && entryType(view, at) !== entryTypeOf(inode.mode)) {
      this.#check.note(
        'directory',
        `${where}: its type is ${entryType(view, at)}, inode ${number} differs`,
      );
    }
    if (name === '.') {
      if (number !== directory) this.#check.note('directory', `${where}: it names inode ${number}`);
    } else if (name === '..') {
      const parent = this.#parents.get(directory);
      if (parent !== undefined && parent !== number) {
        this.#check.note('directory', `${where}: it names ${number}, its parent is ${parent}`);
      }
    } else if (inode.isDirectory) {
      if (this.#parents.has(number)) {
        this.#check.note('directory', `${where}: directory ${number} has a name already`);
        return;
      }
      this.#parents.set(number, directory);
      reached?.add(number);
    }
  }
}

function isDotPlace(at: number, name: string): boolean {
  return at === 0 ? name === '.' : name === '..';
}
