import type { InterruptLine } from '../../block-device.js';
import type { Clock } from '../../clock.js';
import type { EventQueue } from '../../machine.js';
import type { TraceHook } from '../../trace-hook.js';
import type { Cycles } from '../../units.js';
import type { DiskContents, SavedContents } from './contents.js';
import type { FaultPlan } from './fault-plan.js';
import type { SavedFlights } from './flight-table.js';
import type { Mechanism } from './mechanism.js';
import type { WriteLog } from './write-log.js';

/** What a disk is made of; the factories of create.ts put it together. */
export interface DiskParts {
  readonly name: string;
  readonly contents: DiskContents;
  readonly mechanism: Mechanism;
  readonly events: EventQueue;
  readonly clock: Clock;
  readonly lines: readonly InterruptLine[];
  readonly timeoutCycles: Cycles;
  readonly cyclesPerNs: number;
  readonly faults: FaultPlan | null;
  readonly log: WriteLog | null;
  readonly trace: TraceHook | null;
  readonly powerCutAt: number;
  readonly onPowerCut: (() => void) | null;
}

/** A whole disk at one moment; see {@link ModelDisk.save}. Opaque. */
export interface DiskSnapshot {
  readonly contents: SavedContents;
  readonly mechanism: Float64Array;
  readonly faults: Float64Array | null;
  readonly flights: SavedFlights;
  readonly arm: readonly number[];
  readonly numbers: Float64Array;
}

/** Totals since the disk was made; they only grow. */
export interface DiskTotals {
  readonly reads: number;
  readonly writes: number;
  readonly flushes: number;
  readonly discards: number;
  readonly blocksRead: number;
  readonly blocksWritten: number;
  /** Requests that ended with an errno. */
  readonly errors: number;
  /** Cycles from submit to completion, summed over requests. */
  readonly waitCycles: Cycles;
}
