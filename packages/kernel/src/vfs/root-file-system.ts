import type { BlockCache } from '@hotpath/blockcache';
import type { FrameSource, PhysAddr, PhysicalMemory } from '@hotpath/hw-x86';
import type { HostWait } from '../host-wait.js';
import type { FileSystem } from './file-system.js';

/** What a file system on the root disk is mounted with. */
export interface RootPorts {
  readonly cache: BlockCache;
  /** Number of the root disk in the block cache. */
  readonly device: number;
  /** True for a disk that nobody has written: it is to be formatted. */
  readonly isNew: boolean;
  readonly memory: PhysicalMemory;
  /** Frames for memory of its own. */
  readonly frames: FrameSource;
  /** Accesses to blocks in the cache that are charged. */
  readonly words: {
    load32(address: PhysAddr): number;
    store32(address: PhysAddr, value: number): void;
  };
  /** Settles requests by running the machine: there are no tasks yet. */
  readonly wait: HostWait;
  /** Seed of what is left to chance, such as a new volume's identifier. */
  readonly seed: number;
  /** Time to stamp, in nanoseconds. */
  now(): number;
}

/** A kind of file system that can be the root: option `root` of `boot`. */
export interface RootFileSystem {
  /** Named in messages. */
  readonly typeName: string;
  /**
   * Mounts it.
   * @throws ArgumentError for a disk that holds something else
   */
  mount(ports: RootPorts): FileSystem;
}
