/** Any trace as tracks of properly nested spans, instants, counters and holes. */
import {
  PHASE_ASYNC_BEGIN,
  PHASE_ASYNC_END,
  PHASE_ASYNC_INSTANT,
  PHASE_BEGIN,
  PHASE_COMPLETE,
  PHASE_COUNTER,
  PHASE_END,
  PHASE_INSTANT,
  PHASE_OTHER,
  PHASE_SWITCH,
  type ReadEvent,
  type TraceVisitor,
} from '@hotpath/pmc-trace';
import { Column } from './column.js';

/** Spans of one depth or instants: they never overlap and ascend. Times in nanoseconds. */
export interface SpanColumns {
  readonly start: Column;
  /** 0 for an instant. */
  readonly duration: Column;
  /** Index into `names`. */
  readonly name: Column;
}

/** One track: what one task, CPU or counter did. */
export interface Track {
  readonly id: string;
  name: string;
  /** By depth; 0 is outermost. */
  readonly depths: SpanColumns[];
  readonly instants: SpanColumns;
  /** `start` and value, where the track is a counter. */
  readonly counter: { readonly start: Column; readonly value: Column } | null;
  /** Times at which events are missing, and how many (0: the file does not say). */
  readonly holes: { readonly time: number; readonly count: number }[];
}

/** Name of the event by which our own exporters say that events are missing. */
const LOSS_NAME = 'events lost';

interface OpenSpan {
  readonly name: number;
  readonly start: number;
  readonly end: number;
}

const columns = (): SpanColumns => ({
  start: new Column(),
  duration: new Column(),
  name: new Column(),
});

/**
 * Collects a trace. Events of one track must come in order of time, which exporters promise; those
 * that do not are counted in `misplaced` and left out, as are ends without a begin.
 */
export class SpanTracks implements TraceVisitor {
  readonly names: string[] = [];
  readonly tracks = new Map<string, Track>();
  eventCount = 0;
  misplaced = 0;
  lost = 0;
  low = Number.POSITIVE_INFINITY;
  high = Number.NEGATIVE_INFINITY;
  private pendingLoss = 0;
  private readonly numbers = new Map<string, number>();
  private readonly open = new Map<Track, OpenSpan[]>();
  private readonly trackNames = new Map<string, string>();
  private readonly asyncOpen = new Map<string, { track: Track; name: number; start: number }>();
  private readonly running = new Map<string, { task: number; start: number }>();

  event(event: ReadEvent): void {
    const { phase, time } = event;
    if (phase === PHASE_OTHER || !Number.isFinite(time)) return;
    if (event.name === LOSS_NAME) {
      this.track(event.track).holes.push({ time, count: this.pendingLoss });
      this.pendingLoss = 0;
      return;
    }
    this.eventCount += 1;
    this.low = Math.min(this.low, time);
    this.high = Math.max(this.high, time + event.duration);
    if (phase === PHASE_BEGIN) this.begin(this.track(event.track), event, Number.POSITIVE_INFINITY);
    else if (phase === PHASE_END) this.end(this.track(event.track), time);
    else if (phase === PHASE_COMPLETE) {
      this.begin(this.track(event.track), event, time + event.duration);
    } else if (phase === PHASE_COUNTER) this.count(event);
    else if (phase === PHASE_SWITCH) this.switch(event);
    else if (phase === PHASE_ASYNC_BEGIN || phase === PHASE_ASYNC_END) this.async(event);
    else if (phase === PHASE_INSTANT || phase === PHASE_ASYNC_INSTANT) this.instant(event);
  }

  loss(track: string, count: number): void {
    this.lost += count;
    // A count comes with an event that knows the time; a gap between packets has neither.
    this.pendingLoss = count;
    const time = this.high === Number.NEGATIVE_INFINITY ? 0 : this.high;
    if (count === 0) this.track(track).holes.push({ time, count });
  }

  problem(): void {
    this.misplaced += 1;
  }

  live(): void {}

  name(track: string, name: string): void {
    this.trackNames.set(track, name);
    const known = this.tracks.get(track);
    if (known !== undefined) known.name = name;
  }

  /** The name that the trace gives to a track or process, if any. */
  nameOf(id: string): string | undefined {
    return this.trackNames.get(id);
  }

  /** After the last event: what is still open ends with the trace. */
  finish(): void {
    for (const [track, open] of this.open) this.closeUntil(track, open, this.high, true);
    for (const [cpu, { task, start }] of this.running) this.ran(cpu, task, start, this.high);
    for (const { track, name, start } of this.asyncOpen.values()) {
      this.put(track, name, start, this.high, 0);
    }
    this.running.clear();
    this.asyncOpen.clear();
  }

  private track(id: string, isCounter = false): Track {
    let track = this.tracks.get(id);
    if (track === undefined) {
      track = {
        id,
        name: this.trackNames.get(id) ?? id,
        depths: [],
        instants: columns(),
        counter: isCounter ? { start: new Column(), value: new Column() } : null,
        holes: [],
      };
      this.tracks.set(id, track);
      this.open.set(track, []);
    }
    return track;
  }

  private numberOf(name: string): number {
    let number = this.numbers.get(name);
    if (number === undefined) {
      number = this.names.length;
      this.numbers.set(name, number);
      this.names.push(name);
    }
    return number;
  }

  private begin(track: Track, event: ReadEvent, end: number): void {
    const open = this.open.get(track)!;
    this.closeUntil(track, open, event.time, false);
    open.push({ name: this.numberOf(event.name), start: event.time, end });
  }

  private end(track: Track, time: number): void {
    const open = this.open.get(track)!;
    this.closeUntil(track, open, time, false);
    const span = open.pop();
    if (span === undefined) this.misplaced += 1;
    else this.put(track, span.name, span.start, time, open.length);
  }

  /** Ends complete spans that are over at `time`; with `all`, whatever is open. */
  private closeUntil(track: Track, open: OpenSpan[], time: number, all: boolean): void {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (!all && top.end > time) return;
      open.pop();
      this.put(track, top.name, top.start, Math.min(top.end, all ? time : top.end), open.length);
    }
  }

  private put(track: Track, name: number, start: number, end: number, depth: number): void {
    while (track.depths.length <= depth) track.depths.push(columns());
    const at = track.depths[depth]!;
    const { length } = at.start;
    const before = length === 0 ? Number.NEGATIVE_INFINITY : at.start.at(length - 1);
    if (start < before || end < start) {
      this.misplaced += 1;
      return;
    }
    at.start.push(start);
    at.duration.push(end - start);
    at.name.push(name);
  }

  private instant(event: ReadEvent): void {
    const { instants } = this.track(event.track);
    instants.start.push(event.time);
    instants.duration.push(0);
    instants.name.push(this.numberOf(event.name));
  }

  private count(event: ReadEvent): void {
    const id = `${event.track}\0${event.name}`;
    const { counter } = this.track(id, true);
    // Perfetto names the track and not each value.
    const title = event.name === '' ? (this.trackNames.get(event.track) ?? id) : event.name;
    if (this.trackNames.get(id) !== title) this.name(id, title);
    counter!.start.push(event.time);
    counter!.value.push(event.value);
  }

  private async(event: ReadEvent): void {
    const key = `${event.category}\0${event.id}\0${event.name}`;
    if (event.phase === PHASE_ASYNC_BEGIN) {
      const id = `async ${event.name}`;
      const start = event.time;
      this.asyncOpen.set(key, { track: this.track(id), name: this.numberOf(event.name), start });
      return;
    }
    const found = this.asyncOpen.get(key);
    this.asyncOpen.delete(key);
    if (found === undefined) this.misplaced += 1;
    else this.putAnywhere(found.track, found.name, found.start, event.time);
  }

  /** Asynchronous spans overlap: each takes the first depth that is free. */
  private putAnywhere(track: Track, name: number, start: number, end: number): void {
    const busy = (at: SpanColumns): boolean => {
      const last = at.start.length - 1;
      return last >= 0 && at.start.at(last) + at.duration.at(last) > start;
    };
    let depth = 0;
    while (depth < track.depths.length && busy(track.depths[depth]!)) depth++;
    this.put(track, name, start, end, depth);
  }

  private switch(event: ReadEvent): void {
    const before = this.running.get(event.track);
    if (before !== undefined) this.ran(event.track, before.task, before.start, event.time);
    this.running.set(event.track, { task: event.next, start: event.time });
  }

  private ran(cpu: string, task: number, start: number, end: number): void {
    if (task <= 0) return;
    const track = this.track(`${cpu} runs`);
    track.name = /^\d+$/.test(cpu) ? `CPU ${cpu}` : cpu;
    this.put(track, this.numberOf(`task ${task}`), start, end, 0);
  }
}
