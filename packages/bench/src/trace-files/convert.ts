/** From any readable trace to a sink: one pass, memory for the open spans only. */
import {
  PHASE_ASYNC_BEGIN,
  PHASE_ASYNC_END,
  PHASE_BEGIN,
  PHASE_COMPLETE,
  PHASE_COUNTER,
  PHASE_END,
  PHASE_FLOW_BEGIN,
  PHASE_FLOW_END,
  PHASE_FLOW_STEP,
  PHASE_OTHER,
  PHASE_SWITCH,
  type ReadEvent,
  type TraceVisitor,
} from '@hotpath/pmc-trace';
import type { EventSink } from './event-sink.js';

/** What went over, and what could not. */
export interface ConvertCounts {
  events: number;
  /** Events without a readable time or with a phase that no format knows. */
  dropped: number;
  lost: number;
}

interface ConvertTrack {
  readonly number: number;
  /** Ends of complete spans that are still to be written, innermost last; Infinity for a begin. */
  readonly ends: number[];
  last: number;
}

/** Name of the event by which both formats here say that events are missing. */
const LOSS_NAME = 'events lost';

/** Feeds a sink with what a reader finds. */
export class Converter implements TraceVisitor {
  readonly counts: ConvertCounts = { events: 0, dropped: 0, lost: 0 };
  private readonly sink: EventSink;
  private readonly tracks = new Map<string, ConvertTrack>();
  private readonly names = new Map<string, string>();
  private pendingLoss = 0;
  private readonly running = new Map<string, boolean>();

  constructor(sink: EventSink) {
    this.sink = sink;
  }

  event(event: ReadEvent): void {
    const { phase, time, name } = event;
    if (phase === PHASE_OTHER || !Number.isFinite(time)) {
      this.counts.dropped += 1;
      return;
    }
    if (name === LOSS_NAME) {
      const { number } = this.track(event.track, this.names.get(event.track) ?? event.track);
      this.sink.lost(number, time, this.pendingLoss);
      this.pendingLoss = 0;
      return;
    }
    this.counts.events += 1;
    if (phase === PHASE_SWITCH) this.switch(event);
    else if (phase === PHASE_ASYNC_BEGIN || phase === PHASE_ASYNC_END) this.async(event);
    else this.onTrack(event);
  }

  private onTrack(event: ReadEvent): void {
    const { phase, time, name } = event;
    const track = this.track(event.track, this.names.get(event.track) ?? event.track);
    this.closeUntil(track, time);
    track.last = time;
    if (phase === PHASE_BEGIN || phase === PHASE_COMPLETE) {
      const complete = phase === PHASE_COMPLETE;
      track.ends.push(complete ? time + event.duration : Number.POSITIVE_INFINITY);
      this.sink.begin(track.number, time, name, event.arguments);
    } else if (phase === PHASE_END) {
      track.ends.pop();
      this.sink.end(track.number, time);
    } else if (phase === PHASE_COUNTER) {
      // Perfetto names the track and not each value.
      const title = name === '' ? (this.names.get(event.track) ?? event.track) : name;
      this.sink.counter(track.number, time, title, event.value);
    } else if (phase >= PHASE_FLOW_BEGIN && phase <= PHASE_FLOW_END) {
      const part =
        phase === PHASE_FLOW_BEGIN ? 'begin' : phase === PHASE_FLOW_STEP ? 'step' : 'end';
      this.sink.flow(track.number, time, name, event.id, part);
    } else this.sink.instant(track.number, time, name, event.arguments);
  }

  loss(track: string, count: number): void {
    this.counts.lost += count;
    // A count comes with an event that knows the time; a gap between packets has neither.
    this.pendingLoss = count;
    if (count > 0) return;
    const { number, last } = this.track(track, this.names.get(track) ?? track);
    this.sink.lost(number, last, 0);
  }

  problem(): void {
    this.counts.dropped += 1;
  }

  live(): void {}

  name(track: string, name: string): void {
    this.names.set(track, name);
    const known = this.tracks.get(track);
    if (known !== undefined) this.sink.track(known.number, name);
  }

  finish(): void {
    for (const track of this.tracks.values()) this.closeUntil(track, Number.MAX_VALUE);
    this.sink.finish();
  }

  private track(id: string, name: string): ConvertTrack {
    let track = this.tracks.get(id);
    if (track === undefined) {
      track = { number: this.tracks.size + 1, ends: [], last: 0 };
      this.tracks.set(id, track);
      this.sink.track(track.number, name);
    }
    return track;
  }

  /** Writes the ends of complete spans that are over at `time`. */
  private closeUntil(track: ConvertTrack, time: number): void {
    const { ends } = track;
    while (ends.length > 0 && ends.at(-1)! <= time) this.sink.end(track.number, ends.pop()!);
  }

  /** An asynchronous span has a track of its own, since it may overlap others. */
  private async(event: ReadEvent): void {
    const id = `async ${event.category} ${event.id}`;
    const track = this.track(id, `${event.category} ${event.id}`.trim());
    track.last = event.time;
    if (event.phase === PHASE_ASYNC_BEGIN) {
      this.sink.begin(track.number, event.time, event.name, event.arguments);
    } else this.sink.end(track.number, event.time);
  }

  private switch(event: ReadEvent): void {
    const id = `${event.track} runs`;
    const track = this.track(id, `${this.names.get(event.track) ?? event.track} runs`);
    if (this.running.get(id) === true) this.sink.end(track.number, event.time);
    this.running.set(id, event.next > 0);
    track.last = event.time;
    if (event.next > 0) this.sink.begin(track.number, event.time, `task ${event.next}`, {});
  }
}
