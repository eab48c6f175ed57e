/** A collected trace as columns that a page can index at once. */
import { gzipSync } from 'node:zlib';
import type { Column } from '../trace-files/column.js';
import type { SpanColumns, SpanTracks, Track } from '../trace-files/span-tracks.js';
import type { PackedSpans, PackedTimeline, PackedTrack } from './page-data.js';

/** Index for the page's data, and the columns for its script element. */
export interface Packed {
  readonly timeline: PackedTimeline;
  /** Gzipped columns as base64. */
  readonly columns: string;
}

/** Packs a finished collection. Times become nanoseconds from the first event. */
export function packTimeline(title: string, tracks: SpanTracks): Packed {
  const writer = new ColumnWriter(Number.isFinite(tracks.low) ? tracks.low : 0);
  const durationNs = Math.max(1, tracks.high - tracks.low || 0);
  const packed = [...tracks.tracks.values()]
    .filter(isUsed)
    .map((track) => {
      const group = track.counter === null ? groupOf(track, tracks) : 'Counters';
      return packTrack(track, writer, group, durationNs);
    })
    .sort((x, y) => rank(x) - rank(y));
  const timeline: PackedTimeline = {
    title,
    names: tracks.names,
    tracks: packed,
    durationNs,
    eventCount: tracks.eventCount,
    lost: tracks.lost,
  };
  // Level 6 costs a second a million events; columns of numbers gain little from more.
  const columns = gzipSync(writer.bytes(), { level: 6 }).toString('base64');
  return { timeline, columns };
}

/** Instants drawn as a hole reach so far around the time that the file names. */
const HOLE_SHARE = 0.004;

function packTrack(
  track: Track,
  writer: ColumnWriter,
  group: string,
  durationNs: number,
): PackedTrack {
  const margin = durationNs * HOLE_SHARE;
  return {
    name: track.name,
    group,
    depths: track.depths.map((columns) => writer.spans(columns)),
    instants: track.instants.start.length === 0 ? null : writer.spans(track.instants),
    counter:
      track.counter === null ? null : writer.counter(track.counter.start, track.counter.value),
    holes: track.holes.map(({ time, count }) => {
      // Loss lies before the event that tells of it: from the last event before to it.
      const at = time - writer.origin;
      return {
        from: Math.max(0, Math.min(lastBefore(track, time) - writer.origin, at - margin)),
        to: at,
        count,
      };
    }),
  };
}

function lastBefore(track: Track, time: number): number {
  let last = Number.NEGATIVE_INFINITY;
  for (const { start, duration } of [...track.depths, track.instants]) {
    let low = 0;
    let high = start.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (start.at(middle) < time) low = middle + 1;
      else high = middle;
    }
    if (low > 0) last = Math.max(last, Math.min(time, start.at(low - 1) + duration.at(low - 1)));
  }
  return last;
}

function isUsed(track: Track): boolean {
  const { counter, depths, holes, instants } = track;
  return (
    depths.some(({ start }) => start.length > 0) ||
    instants.start.length > 0 ||
    holes.length > 0 ||
    (counter !== null && counter.start.length > 0)
  );
}

/** Chrome's track is `pid/tid`, and the process has a name. */
function groupOf(track: Track, tracks: SpanTracks): string {
  const process = /^([^/\0]+)\//.exec(track.id)?.[1];
  return process === undefined ? '' : (tracks.nameOf(process) ?? '');
}

const ORDER = ['Running', 'CPUs', 'Tasks'];

function rank({ group, counter }: PackedTrack): number {
  const at = ORDER.indexOf(group);
  return (counter === null ? 0 : 100) + (at < 0 ? ORDER.length : at);
}

/** Columns one after the other, each aligned to eight bytes. */
class ColumnWriter {
  readonly origin: number;
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  constructor(origin: number) {
    this.origin = origin;
  }

  spans({ start, duration, name }: SpanColumns): PackedSpans {
    const at = this.length;
    this.put(start.all().map((time) => time - this.origin));
    this.put(duration.all());
    this.put(Uint32Array.from(name.all()));
    return { at, count: start.length };
  }

  counter(start: Column, value: Column): PackedSpans {
    const at = this.length;
    this.put(start.all().map((time) => time - this.origin));
    this.put(value.all());
    return { at, count: start.length };
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.parts);
  }

  private put(column: Float64Array | Uint32Array): void {
    const padded = new Uint8Array(Math.ceil(column.byteLength / 8) * 8);
    padded.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
    this.parts.push(padded);
    this.length += padded.length;
  }
}
