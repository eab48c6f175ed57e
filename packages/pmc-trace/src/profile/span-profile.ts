import { NIL } from '@hotpath/hw-x86';
import { eventTitle } from '../export/argument.js';
import { Timeline, type TimelineEvent } from '../export/timeline.js';
import { PHASE_BEGIN, PHASE_END } from '../tracer/phase.js';
import type { EventRegistry } from '../tracer/registry.js';
import type { SnapshotConsumer, TraceSnapshot } from '../tracer/tracer.js';
import { CallTree, ROOT } from './call-tree.js';
import type { Profile } from './profile.js';

/** The open spans of one track. */
interface TrackState {
  readonly nodes: number[];
  /** When the innermost span's own time went on. */
  since: number;
}

/**
 * A profile of traced spans: how many ticks were spent in each stack of nested spans, without what
 * lies inside. Makes flame graphs of a trace, by any profile exporter. Takes snapshots in order.
 */
export class SpanProfile implements Profile, SnapshotConsumer {
  readonly kind = 'spans';
  readonly tree = new CallTree();
  readonly period = 1;
  readonly start = 0;
  ticksPerSecond = 1e9;
  /** Always 0: how long what is missing took is not known. Lost events are in `lostEvents`. */
  readonly lost = 0;
  /** Events that the rings had lost. */
  lostEvents = 0;
  private readonly timeline = new Timeline({
    event: (event) => this.take(event),
    lost: (_cpu, _time, count) => {
      this.lostEvents += count;
    },
  });
  private readonly tracks = new Map<number, TrackState>();
  private registry: EventRegistry | null = null;

  write(snapshot: TraceSnapshot): void {
    this.registry = snapshot.registry;
    this.ticksPerSecond = snapshot.ticksPerSecond;
    this.timeline.write(snapshot);
  }

  /** Closes what is still open. Call once, before exporting. */
  end(): void {
    this.timeline.end();
  }

  private take(event: TimelineEvent): void {
    const { phase, time } = event;
    if (phase !== PHASE_BEGIN && phase !== PHASE_END) return;
    const key = event.task === NIL ? -1 - event.cpu : event.task;
    let track = this.tracks.get(key);
    if (track === undefined) {
      track = { nodes: [], since: time };
      this.tracks.set(key, track);
    }
    const { nodes } = track;
    const inner = nodes.length === 0 ? ROOT : nodes[nodes.length - 1];
    if (nodes.length > 0) this.tree.add(inner, Math.max(0, time - track.since));
    track.since = time;
    if (phase === PHASE_END) nodes.pop();
    else {
      const title = eventTitle(this.registry!, event.kind, event.titleValue);
      nodes.push(this.tree.child(inner, this.tree.register(title, event.kind.category)));
    }
  }
}
