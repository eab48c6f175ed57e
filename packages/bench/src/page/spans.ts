/** The timeline's columns as they come from the page, ready to be searched. */
import type { PackedSpans, PackedTimeline, PackedTrack } from '../report/page-data.js';

/** Spans of one row, in order of time; they do not overlap. Nanoseconds. */
export interface SpanRow {
  readonly count: number;
  readonly start: Float64Array;
  readonly duration: Float64Array;
  readonly name: Uint32Array;
}

/** A counter's values, in order of time. */
export interface CounterRow {
  readonly count: number;
  readonly start: Float64Array;
  readonly value: Float64Array;
  readonly low: number;
  readonly high: number;
}

/** One track with its columns. */
export interface TrackRows {
  readonly packed: PackedTrack;
  readonly depths: readonly SpanRow[];
  readonly instants: SpanRow | null;
  readonly counter: CounterRow | null;
}

/** Unpacks base64 and gzip, and lays columns over the bytes without copying. */
export async function unpackTimeline(packed: PackedTimeline, base64: string): Promise<TrackRows[]> {
  const text = atob(base64.trim());
  const zipped = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) zipped[at] = text.charCodeAt(at);
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream('gzip'));
  const buffer = await new Response(stream).arrayBuffer();
  const spans = ({ at, count }: PackedSpans): SpanRow => ({
    count,
    start: new Float64Array(buffer, at, count),
    duration: new Float64Array(buffer, at + count * 8, count),
    name: new Uint32Array(buffer, at + count * 16, count),
  });
  return packed.tracks.map((track) => ({
    packed: track,
    depths: track.depths.map(spans),
    instants: track.instants === null ? null : spans(track.instants),
    counter: track.counter === null ? null : counterRow(buffer, track.counter),
  }));
}

function counterRow(buffer: ArrayBuffer, { at, count }: PackedSpans): CounterRow {
  const value = new Float64Array(buffer, at + count * 8, count);
  let low = 0;
  let high = 0;
  for (const one of value) {
    low = Math.min(low, one);
    high = Math.max(high, one);
  }
  return { count, start: new Float64Array(buffer, at, count), value, low, high };
}

/** First index from `from` on whose time is at least `time`. Gallops, so near answers are cheap. */
export function firstAtLeast(times: Float64Array, time: number, from = 0): number {
  let step = 1;
  let low = from;
  let high = from;
  while (high < times.length && times[high]! < time) {
    low = high + 1;
    high += step;
    step *= 2;
  }
  high = Math.min(high, times.length);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first span that ends after `time`. */
export function firstEndingAfter({ start, duration }: SpanRow, time: number): number {
  const next = firstAtLeast(start, time);
  const before = next - 1;
  return before >= 0 && start[before]! + duration[before]! > time ? before : next;
}
