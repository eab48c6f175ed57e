import { NIL, OK, type VirtAddr } from '@hotpath/hw-x86';
import { TASK_LIMIT } from '../params.js';
import { Walk } from '../vfs/path-walk.js';
import type { Vfs } from '../vfs/vfs.js';
import type { Call } from './call.js';
import type { UserBytes } from './user-bytes.js';

/** The paths of each task's call: two at most. */
export class PathArguments {
  readonly #vfs: Vfs;
  readonly #bytes: UserBytes;
  /** Made when a task first names a file; reused by whoever has the slot next. */
  readonly #walks: (Walk | undefined)[] = new Array<Walk | undefined>(2 * TASK_LIMIT);

  constructor(vfs: Vfs, bytes: UserBytes) {
    this.#vfs = vfs;
    this.#bytes = bytes;
  }

  /** Walk of the call's first (0) or second (1) path. */
  walkOf(call: Call, which: number): Walk {
    const at = 2 * call.task + which;
    let walk = this.#walks[at];
    if (walk === undefined) {
      walk = new Walk();
      this.#walks[at] = walk;
    }
    return walk;
  }

  /** Takes a path in and begins its walk: OK, EFAULT, ENAMETOOLONG, ENOENT, ENOMEM, BLOCKED. */
  begin(call: Call, address: VirtAddr, which: number, follow: number): number {
    const walk = this.walkOf(call, which);
    const status = this.#bytes.loadPath(call, address, walk);
    if (status !== OK) return status;
    const { walks, workingDirectory } = this.#vfs;
    const from = workingDirectory[this.#vfs.leader[call.task]];
    return walks.begin(walk, from === NIL ? walks.root : from, follow);
  }

  /** A path that is only text: the target of a symbolic link, a type of file system. */
  text(call: Call, address: VirtAddr, which: number): number {
    return this.#bytes.loadPath(call, address, this.walkOf(call, which));
  }

  /** The bytes that {@link PathArguments.text} took in. */
  textOf(call: Call, which: number): string {
    const walk = this.walkOf(call, which);
    let text = '';
    for (let at = 0; at < walk.length; at++) text += String.fromCharCode(walk.bytes[at]);
    return text;
  }
}
