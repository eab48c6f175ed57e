/** What lies under a point of the timeline. */
import type { View } from './lane-painter.js';
import { firstAtLeast, firstEndingAfter, type SpanRow, type TrackRows } from './spans.js';
import { INSTANT_HEIGHT, type PlacedTrack, ROW_HEIGHT } from './timeline-layout.js';

/** A span or instant. */
export interface Hit {
  readonly track: TrackRows;
  readonly row: SpanRow;
  readonly index: number;
}

/** Fingers and narrow spans: so many pixels away still counts. */
const REACH = 4;

/** @param y - before scrolling */
export function spanAt(
  placed: readonly PlacedTrack[],
  view: View,
  x: number,
  y: number,
): Hit | null {
  const place = placed.find((one) => y >= one.y && y < one.y + one.height);
  if (place === undefined || x < view.left) return null;
  const { track } = place;
  const perPixel = (view.to - view.from) / view.width;
  const time = view.from + (x - view.left) * perPixel;
  const depth = Math.floor((y - place.y) / ROW_HEIGHT);
  const row = track.depths[depth];
  if (row !== undefined) {
    const index = nearest(row, firstEndingAfter(row, time), time, perPixel * REACH);
    return index < 0 ? null : { track, row, index };
  }
  const { instants } = track;
  const below = y - place.y - track.depths.length * ROW_HEIGHT;
  if (instants === null || below > INSTANT_HEIGHT) return null;
  const index = nearest(instants, firstAtLeast(instants.start, time), time, perPixel * REACH);
  return index < 0 ? null : { track, row: instants, index };
}

/** The span at `time`, or the nearer neighbour within `reach`; -1 for none. */
function nearest(row: SpanRow, at: number, time: number, reach: number): number {
  const distance = (index: number): number => {
    if (index < 0 || index >= row.count) return Number.POSITIVE_INFINITY;
    const start = row.start[index]!;
    return Math.max(0, start - time, time - start - row.duration[index]!);
  };
  const best = distance(at) <= distance(at - 1) ? at : at - 1;
  return distance(best) <= reach ? best : -1;
}
