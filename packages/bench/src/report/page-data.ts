/** What the report page is given: everything that it shows. Shared by the writer and the page. */
import type { RaceResult } from '../harness/race.js';
import type { HostTimes } from '../suite/index.js';
import type { SuiteResults } from '../suite/results.js';

/** A row of columns inside the timeline's bytes: `count` starts, durations, then name numbers. */
export interface PackedSpans {
  /** Byte offset of the starts (Float64), then the durations (Float64), then the names (Uint32). */
  readonly at: number;
  readonly count: number;
}

/** A row of a counter: starts, then values, both Float64. */
export interface PackedCounter {
  readonly at: number;
  readonly count: number;
}

/** One track of the timeline. */
export interface PackedTrack {
  readonly name: string;
  /** Heading under which it stands: `CPUs`, `Tasks`; empty for none. */
  readonly group: string;
  readonly depths: readonly PackedSpans[];
  readonly instants: PackedSpans | null;
  readonly counter: PackedCounter | null;
  /** Where events are missing: nanoseconds from the start, how many (0: unknown). */
  readonly holes: readonly { readonly from: number; readonly to: number; readonly count: number }[];
}

/** Index of the timeline; its columns are in a script element of their own, gzipped, as base64. */
export interface PackedTimeline {
  readonly title: string;
  readonly names: readonly string[];
  readonly tracks: readonly PackedTrack[];
  /** Nanoseconds from the first to the last event. Times in the columns count from the first. */
  readonly durationNs: number;
  readonly eventCount: number;
  readonly lost: number;
}

/** Races of one area, and when they were run. */
export interface DatedPeers {
  readonly schema: string;
  readonly area: string;
  /** ISO date, `2026-11-28`. */
  readonly date: string;
  readonly host: { readonly node: string; readonly cpu: string; readonly cpuCount: number };
  readonly results: readonly RaceResult[];
}

/** Everything on the page; absent parts are said to be absent. */
export interface PageData {
  readonly version: string;
  readonly suite: SuiteResults | null;
  readonly host: HostTimes | null;
  readonly timeline: PackedTimeline | null;
  readonly peers: readonly DatedPeers[];
}
