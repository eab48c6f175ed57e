import type { Cycles } from '../units.js';
import type { Profile } from './profile.js';

/** How a machine is made. Everything has a default. */
export interface MachineOptions {
  /** Processors, 1..32; default 1. */
  readonly cpus?: number;
  /** RAM in bytes, a multiple of 4,096 up to 8 TiB; default 256 MiB. Sparse: untouched RAM is free. */
  readonly memoryBytes?: number;
  /** Bytes of one chunk of RAM; default the smaller of 1 GiB and the whole. */
  readonly chunkBytes?: number;
  /** Latencies and geometries; default Skylake client. */
  readonly profile?: Profile;
  /** `flat`: fixed latencies, fast; `full`: caches and branch predictor; default `flat`. */
  readonly mode?: 'flat' | 'full';
  /** Seed of everything random; default 1. */
  readonly seed?: number;
  /** Cycles a processor may run ahead of the slowest other one; default 3,000. */
  readonly skew?: number;
  /** Throw StaleTranslationError where a stale TLB entry is used; slow; default false. */
  readonly strict?: boolean;
  /** Model paging-structure caches; default true. */
  readonly pagingCaches?: boolean;
}

/** A device that must know when the power goes, and takes part in snapshots. */
export interface PoweredDevice {
  /** Power is lost at `time`. */
  powerLost?(time: Cycles): void;
  /** Everything to bring back, as structured-cloneable data. */
  save?(): unknown;
  /** Puts back what `save` answered. */
  load?(state: unknown): void;
}
