/**
 * procfs: what the kernel knows of itself as files. A file's text is written when it is opened. Names
 * of tasks come and go, so nothing of this tree is taken from the dentry cache unasked.
 *
 * ```
 * inode 1              the root
 * inode 2 ..           files of the root
 * inode 4096 * (t+1)   directory of task t, and its files behind it
 * ```
 */
import { EACCES, EINVAL, ENOENT, EPERM, OK } from '@hotpath/hw-x86';
import { NAME_BYTES_MAX, TASK_LIMIT } from '../params.js';
import type {
  Attributes,
  DirectoryEntry,
  FileSystem,
  InodeNumber,
  Operation,
  VolumeStatus,
  Wait,
} from '../vfs/file-system.js';
import { S_IFDIR, S_IFREG } from '../vfs/modes.js';

const ROOT = 1;
const FIRST_FILE = 2;
const TASK_STRIDE = 4096;
/** Cookies: `.`, `..`, files of the root, `self`, then tasks. */
const DOTS = 2;

/** What the files say. */
export interface ProcSources {
  /** Files of the root: name and text. */
  readonly system: ReadonlyMap<string, () => string>;
  /** Files of each task. */
  readonly task: ReadonlyMap<string, (task: number) => string>;
  /** True for a task that exists. */
  isTask(task: number): boolean;
  /** The task that asks. */
  currentTask(): number;
  now(): number;
}

/** The file system. */
export class Procfs implements FileSystem {
  readonly typeName = 'proc';
  readonly root: InodeNumber = ROOT;
  readonly readOnly = true;
  readonly nameBytesMax = NAME_BYTES_MAX;
  readonly canPunch = false;
  readonly keepsPages = false;
  readonly volatileNames = true;
  readonly #sources: ProcSources;
  readonly #systemNames: readonly string[];
  readonly #taskNames: readonly string[];
  readonly #encoder = new TextEncoder();

  constructor(sources: ProcSources) {
    this.#sources = sources;
    this.#systemNames = [...sources.system.keys()];
    this.#taskNames = [...sources.task.keys()];
  }

  // biome-ignore lint/correctness/useYield: everything is in memory
  *load(): Operation {
    return OK;
  }

  attributes(inode: InodeNumber, into: Attributes): void {
    const directory = isDirectoryNumber(inode);
    into.inode = inode;
    into.mode = directory ? S_IFDIR | 0o555 : S_IFREG | 0o444;
    into.links = directory ? 2 : 1;
    into.owner = 0;
    into.group = 0;
    into.size = 0;
    into.blocks = 0;
    into.accessed = this.#sources.now();
    into.modified = into.accessed;
    into.changed = into.accessed;
    into.device = 0;
  }

  // biome-ignore lint/correctness/useYield: there is nothing to give up
  *forget(): Operation {
    return OK;
  }

  // biome-ignore lint/correctness/useYield: everything is in memory
  *lookup(_wait: Wait, directory: InodeNumber, name: string): Operation {
    if (directory !== ROOT) {
      const file = this.#taskNames.indexOf(name);
      const task = directory / TASK_STRIDE - 1;
      return file >= 0 && this.#sources.isTask(task) ? directory + 1 + file : ENOENT;
    }
    if (name === 'self') return (this.#sources.currentTask() + 1) * TASK_STRIDE;
    const file = this.#systemNames.indexOf(name);
    if (file >= 0) return FIRST_FILE + file;
    const task = Number(name);
    const exists = String(task) === name && this.#sources.isTask(task);
    return exists ? (task + 1) * TASK_STRIDE : ENOENT;
  }

  contents(inode: InodeNumber): Uint8Array {
    return this.#encoder.encode(this.#text(inode));
  }

  // biome-ignore lint/correctness/useYield: everything is in memory
  *readDirectory(
    _wait: Wait,
    directory: InodeNumber,
    cookie: number,
    into: DirectoryEntry,
  ): Operation {
    if (cookie < DOTS) {
      into.name = cookie === 0 ? '.' : '..';
      into.inode = cookie === 0 ? directory : ROOT;
      into.type = S_IFDIR;
      return cookie + 1;
    }
    const names = directory === ROOT ? this.#systemNames : this.#taskNames;
    const file = cookie - DOTS;
    if (file < names.length) {
      into.name = names[file];
      into.inode = (directory === ROOT ? FIRST_FILE : directory + 1) + file;
      into.type = S_IFREG;
      return cookie + 1;
    }
    if (directory !== ROOT) return 0;
    for (let task = file - names.length; task < TASK_LIMIT; task++) {
      if (!this.#sources.isTask(task)) continue;
      into.name = String(task);
      into.inode = (task + 1) * TASK_STRIDE;
      into.type = S_IFDIR;
      return DOTS + names.length + task + 1;
    }
    return 0;
  }

  status(into: VolumeStatus): void {
    into.blockBytes = 4096;
    into.blocks = 0;
    into.freeBlocks = 0;
    into.inodes = 0;
    into.freeInodes = 0;
  }

  isReserved(): boolean {
    return false;
  }

  forgetFrame(): void {}

  // biome-ignore lint/correctness/useYield: refused at once
  *create(): Operation {
    return EACCES;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *mkdir(): Operation {
    return EACCES;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *symlink(): Operation {
    return EACCES;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *readlink(): Operation {
    return EINVAL;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *link(): Operation {
    return EPERM;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *unlink(): Operation {
    return EPERM;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *rmdir(): Operation {
    return EPERM;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *rename(): Operation {
    return EPERM;
  }

  // biome-ignore lint/correctness/useYield: refused at once
  *setAttributes(): Operation {
    return EPERM;
  }

  // biome-ignore lint/correctness/useYield: its files have no pages
  *readPages(): Operation {
    return EINVAL;
  }

  // biome-ignore lint/correctness/useYield: its files have no pages
  *writePages(): Operation {
    return EINVAL;
  }

  // biome-ignore lint/correctness/useYield: its files have no pages
  *reserve(): Operation {
    return EINVAL;
  }

  // biome-ignore lint/correctness/useYield: its files have no pages
  *truncate(): Operation {
    return EINVAL;
  }

  // biome-ignore lint/correctness/useYield: its files have no pages
  *punch(): Operation {
    return EINVAL;
  }

  // biome-ignore lint/correctness/useYield: there is no medium
  *syncInode(): Operation {
    return OK;
  }

  // biome-ignore lint/correctness/useYield: there is no medium
  *sync(): Operation {
    return OK;
  }

  // biome-ignore lint/correctness/useYield: there is no medium
  *unmount(): Operation {
    return OK;
  }

  #text(inode: InodeNumber): string {
    if (inode < TASK_STRIDE) {
      return this.#sources.system.get(this.#systemNames[inode - FIRST_FILE])?.() ?? '';
    }
    const task = Math.floor(inode / TASK_STRIDE) - 1;
    const name = this.#taskNames[(inode % TASK_STRIDE) - 1];
    // A task may end between the look-up and the open.
    if (!this.#sources.isTask(task)) return '';
    return this.#sources.task.get(name)?.(task) ?? '';
  }
}

function isDirectoryNumber(inode: InodeNumber): boolean {
  return inode === ROOT || inode % TASK_STRIDE === 0;
}
