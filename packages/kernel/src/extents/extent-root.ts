import type { RootFileSystem } from '../vfs/root-file-system.js';
import { ExtentFileSystem } from './extent-file-system.js';
import { ExtentStore } from './extent-store.js';
import { formatExtents, mountExtents } from './mount.js';

/** The extent layer as root: formatted where the disk is new. */
export const EXTENT_ROOT: RootFileSystem = {
  typeName: 'extents',
  mount(ports) {
    const { cache, device, memory, wait, words } = ports;
    if (ports.isNew) formatExtents(cache, device, words, wait);
    const { map, tableSlots } = mountExtents(cache, device, words, wait);
    const store = new ExtentStore({ cache, device, memory, words, map, tableSlots });
    for (const inode of map.leftInodes()) store.inodeChanged(inode);
    return new ExtentFileSystem(map, store, cache.blockCount(device));
  },
};
