import type { BlockDevice } from '@hotpath/hw-x86';
import { type KernelPaths, PATH_DISK_REQUEST } from '../kernel-paths.js';

/** A disk as the block cache sees it: what the kernel's code passes for a request is charged with it. */
export function chargedDisk(disk: BlockDevice, paths: KernelPaths): BlockDevice {
  const { blockBytes, blockCount, readOnly, volatileCache } = disk;
  return {
    blockBytes,
    blockCount,
    readOnly,
    volatileCache,
    submit: (request) => {
      paths.pass(PATH_DISK_REQUEST);
      return disk.submit(request);
    },
    reap: () => disk.reap(),
  };
}
