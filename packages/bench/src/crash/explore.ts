import type { PhysicalMemory } from '@hotpath/hw-x86';
import { type CrashReport, type CrashState, exploreCrashes } from '@hotpath/hw-x86/model';
import { judge } from './judge.js';
import type { Recording } from './recording.js';

/** How to explore. */
export interface ExploreOptions {
  /** For the image under judgement; at least 2 MiB. */
  readonly memory: PhysicalMemory;
  /** As `exploreCrashes` takes them. */
  readonly statesPerCut: number;
  readonly seed?: number;
  /** Judges each disk instead of `judge`, which it may call itself. */
  readonly check?: (state: CrashState) => string | null;
}

/** Judges the disks that a power cut could have left of a recording, up to the first that loses. */
export function exploreRecording(recording: Recording, options: ExploreOptions): CrashReport {
  const { log, start } = recording;
  const { memory, statesPerCut, seed = 1 } = options;
  const check = options.check ?? ((state) => judge(recording, state, memory));
  return exploreCrashes(log, check, {
    blockCount: start.blockCount,
    image: start,
    statesPerCut,
    seed,
  });
}
