import { spawnSync } from 'node:child_process';

/** A program's references through caches, or single loads that hit or miss the TLBs. */
export type HwWorkload = ProgramWorkload | LoadsWorkload;

/** The recording of data/native/cachegrind-work.c, and how often cachegrind runs its work. */
export interface ProgramWorkload {
  readonly kind: 'program';
  readonly trace: string;
  readonly rounds: number;
}

/** Random one-call loads over `pages` pages of 4 KiB. */
export interface LoadsWorkload {
  readonly kind: 'loads';
  readonly pages: number;
  readonly mode: 'flat' | 'full';
}

/** Caches as cachegrind's options name them: bytes, ways, line. */
export const I1 = [32_768, 8, 64] as const;
export const D1 = [32_768, 8, 64] as const;
export const LL = [2_097_152, 16, 64] as const;

/** True where gcc and valgrind are installed; without them cachegrind does not race. */
export function hasCachegrind(): boolean {
  return ['gcc', 'valgrind'].every(
    (tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).status === 0,
  );
}
