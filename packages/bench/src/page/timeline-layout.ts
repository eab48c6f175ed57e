/** Where each track stands. */
import type { TrackRows } from './spans.js';

/** Pixels of one depth of spans. */
export const ROW_HEIGHT = 18;
/** Pixels of instants and of counters. */
export const INSTANT_HEIGHT = 9;
/** Pixels of a counter. */
export const COUNTER_HEIGHT = 34;
/** Pixels of the ruler, which stays at the top. */
export const RULER_HEIGHT = 22;
const GROUP_HEIGHT = 18;
const GAP = 5;

/** A track and its place below the ruler's top, before scrolling. */
export interface PlacedTrack {
  readonly track: TrackRows;
  readonly y: number;
  readonly height: number;
  /** Heading above it, where a group begins. */
  readonly heading: string | null;
}

/** All tracks one below the other, and the height of all. */
export function layoutRows(tracks: readonly TrackRows[]): {
  placed: PlacedTrack[];
  height: number;
} {
  let y = RULER_HEIGHT + GAP;
  let group: string | null = null;
  const placed = tracks.map((track) => {
    const heading =
      track.packed.group !== group && track.packed.group !== '' ? track.packed.group : null;
    group = track.packed.group;
    if (heading !== null) y += GROUP_HEIGHT;
    const height = heightOf(track);
    const place = { track, y, height, heading };
    y += height + GAP;
    return place;
  });
  return { placed, height: y };
}

function heightOf({ counter, depths, instants }: TrackRows): number {
  const spans = depths.length * ROW_HEIGHT + (instants === null ? 0 : INSTANT_HEIGHT);
  return Math.max(INSTANT_HEIGHT + 5, spans + (counter === null ? 0 : COUNTER_HEIGHT));
}
