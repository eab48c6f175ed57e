/** ext2 or ext3 as the root of a kernel: option `root` of `boot`. */
import { ArgumentError, isErrno, PENDING } from '@hotpath/hw-x86';
import { Wait } from '../vfs/file-system.js';
import type { RootFileSystem, RootPorts } from '../vfs/root-file-system.js';
import { type FormatOptions, formatExt2 } from './format.js';
import { ImageError } from './image-error.js';
import { mountExt2 } from './mount.js';

/** What a new root disk is formatted with; an image is mounted as it is. */
export interface Ext2RootOptions {
  /** Default `ext3`. */
  readonly type?: 'ext2' | 'ext3';
  readonly inodes?: number;
  readonly journalBlocks?: number;
}

/** Runs an operation of the boot to its end: a wait steps the machine. */
function settle<T>(ports: RootPorts, make: (wait: Wait) => Generator<undefined, T, undefined>): T {
  const operation = make(new Wait(ports.wait, 0));
  for (;;) {
    const step = operation.next();
    if (step.done === true) return step.value;
    ports.wait.settle(PENDING);
  }
}

/**
 * The root file system ext2 or ext3, on blocks of 4 KiB: `boot({ root: ext2Root() })`. A disk without
 * an image is formatted. `mount` throws ArgumentError with the reason when an image cannot be mounted.
 */
export function ext2Root(options: Ext2RootOptions = {}): RootFileSystem {
  return {
    typeName: options.type ?? 'ext3',
    mount(ports) {
      const { cache, device, memory, frames } = ports;
      const format: FormatOptions = {
        type: 'ext3',
        ...options,
        cache,
        device,
        memory,
        now: ports.now(),
      };
      try {
        const status = ports.isNew ? settle(ports, (wait) => formatExt2(wait, format)) : 0;
        if (isErrno(status)) throw new ImageError('ERR_IO', `formatting answers ${status}`);
        return settle(ports, (wait) =>
          mountExt2(wait, { cache, device, memory, frames, now: ports.now() }),
        );
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        throw new ArgumentError(error.code, `root disk: ${error.message}`);
      }
    },
  };
}
