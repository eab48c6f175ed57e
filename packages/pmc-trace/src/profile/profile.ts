import type { CallTree } from './call-tree.js';

/** What a profile exporter needs. Weights of the tree are counts of samples, or ticks of spans. */
export interface Profile {
  readonly tree: CallTree;
  /** What one unit of weight stands for: a sample every `period` ticks, or 1 tick. */
  readonly period: number;
  /** Ticks a second. */
  readonly ticksPerSecond: number;
  /** `samples`, or `spans` for time measured exactly. */
  readonly kind: 'samples' | 'spans';
  /** Weight that was lost. Every format shows it under `LOST_NAME`. */
  readonly lost: number;
  /** Start of the profile in ticks. */
  readonly start: number;
}

/** Function under which loss is shown. */
export const LOST_NAME = '[lost]';
/** Outermost frame of stacks whose outer functions are not known. */
export const TRUNCATED_NAME = '[truncated]';

/** Nanoseconds that a weight stands for. */
export function weightNanoseconds(profile: Profile, weight: number): number {
  return Math.round((weight * profile.period * 1e9) / profile.ticksPerSecond);
}
