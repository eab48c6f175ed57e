import { assert, NIL } from '@hotpath/hw-x86';
import { KindTable } from '../tracer/kind-table.js';
import {
  KIND_LIMIT,
  PHASE_ASYNC_BEGIN,
  PHASE_ASYNC_END,
  PHASE_ASYNC_INSTANT,
  PHASE_BEGIN,
  PHASE_DEFINED,
  PHASE_END,
  PHASE_SWITCH,
  switchTask,
} from '../tracer/phase.js';
import type { EventKind, EventRegistry } from '../tracer/registry.js';
import { CODE_MASK, RECORD_DOUBLES, type RingEvents } from '../tracer/ring.js';
import type { SnapshotConsumer, TraceSnapshot } from '../tracer/tracer.js';
import { OpenSpans } from './open-spans.js';

/** One event, put in order and repaired. The same object is used again for the next. */
export interface TimelineEvent {
  /** In clock ticks. */
  time: number;
  cpu: number;
  /** Task whose track it belongs to, or NIL: the CPU's own track. */
  task: number;
  phase: number;
  /** What began, for an end; its own kind otherwise. */
  kind: EventKind;
  /** Kind that was emitted: its arguments describe `a` and `b`. */
  emitted: EventKind;
  a: number;
  b: number;
  /** Value of the kind's title argument; for an end, that of its begin. */
  titleValue: number;
  /** True for an end that was made up, because the real one is missing. */
  repaired: boolean;
}

/** What an exporter does with events in order of time. */
export interface TimelineSink {
  event(event: TimelineEvent): void;
  /** `count` events of this CPU are missing here. */
  lost(cpu: number, time: number, count: number): void;
}

/** Sums of what was found while putting events in order. */
export interface TimelineCounts {
  events: number;
  /** Events that no ring had any more. */
  lost: number;
  /** Ends dropped because their begin is missing. */
  orphanEnds: number;
  /** Ends made up for begins whose end is missing. */
  closedBegins: number;
}

const UNKNOWN_TASK = -2;

/**
 * The one event object of a timeline. A class, and its numbers NaN at first: so every timeline's
 * event has one hidden class with unboxed doubles. Made by a literal or a spread, V8 gave the ninth
 * timeline of a process another one, and from then on each event took 280 ns instead of 120.
 */
class ReusedEvent implements TimelineEvent {
  time = Number.NaN;
  cpu = 0;
  task = NIL;
  phase = 0;
  kind: EventKind;
  emitted: EventKind;
  a = Number.NaN;
  b = Number.NaN;
  titleValue = Number.NaN;
  repaired = false;

  constructor(kind: EventKind) {
    this.kind = kind;
    this.emitted = kind;
  }
}

/**
 * Merges the rings of all CPUs by time, finds each event's track and repairs what loss has broken:
 * ends without a begin are dropped, begins without an end closed; both are counted. Takes any number
 * of snapshots, in order, and keeps only the open spans in between.
 *
 * Ties go to the lower CPU and then the order of emission, so that nesting is kept.
 */
export class Timeline implements SnapshotConsumer {
  readonly counts: TimelineCounts = { events: 0, lost: 0, orphanEnds: 0, closedBegins: 0 };
  private readonly sink: TimelineSink;
  private registry: EventRegistry | null = null;
  private readonly event: TimelineEvent;
  private readonly taskOfCpu: number[] = [];
  private readonly lostOfCpu: number[] = [];
  private readonly cpuSpans: OpenSpans[] = [];
  private readonly taskSpans = new Map<number, OpenSpans>();
  private readonly asyncSpans = new Map<number, Map<number, number>>();
  private readonly kinds = new KindTable<EventKind>();
  private lastTime = 0;
  // Without a registered switch there is nothing to look ahead for.
  private hasSwitches = false;

  constructor(sink: TimelineSink) {
    this.sink = sink;
    this.event = new ReusedEvent(undefined as unknown as EventKind);
  }

  /** Goes through a snapshot's events, which must be later than those of the ones before. */
  write(snapshot: TraceSnapshot): void {
    this.registry = snapshot.registry;
    const cpus = snapshot.cpus.map(inOrder);
    this.hasSwitches = snapshot.registry.list().some(({ phase }) => phase === PHASE_SWITCH);
    for (const events of cpus) this.start(events);
    if (cpus.length === 1) {
      for (let event = 0; event < cpus[0].count; event += 1) this.take(cpus[0], event);
    } else this.merge(cpus);
    for (const events of cpus) if (events.lossAtEnd) this.takeLoss(events);
  }

  /** The events of several CPUs in order of time; ties go to the lower CPU. */
  private merge(cpus: readonly RingEvents[]): void {
    const next = new Array<number>(cpus.length).fill(0);
    for (;;) {
      let best = NIL;
      let bestTime = Number.POSITIVE_INFINITY;
      for (let index = 0; index < cpus.length; index += 1) {
        const events = cpus[index];
        if (next[index] >= events.count) continue;
        const time = events.records[next[index] * RECORD_DOUBLES];
        if (time < bestTime || best === NIL) {
          best = index;
          bestTime = time;
        }
      }
      if (best === NIL) return;
      this.take(cpus[best], next[best]);
      next[best] += 1;
    }
  }

  /** Closes what is still open. Call once, after the last snapshot. */
  end(): void {
    this.cpuSpans.forEach((spans, cpu) => {
      this.closeAll(spans, cpu, NIL);
    });
    for (const [task, spans] of this.taskSpans) this.closeAll(spans, 0, task);
    for (const [kind, open] of this.asyncSpans) {
      for (const [id, title] of open) {
        this.counts.closedBegins += 1;
        this.event.titleValue = title;
        const begun = this.kindOf(kind);
        this.put(this.lastTime, 0, NIL, PHASE_ASYNC_END, begun, begun, id, 0, true);
      }
      open.clear();
    }
  }

  /** Before the events of one CPU: whose they are, and what is missing. */
  private start(events: RingEvents): void {
    const cpu = events.cpu;
    if (this.cpuSpans[cpu] === undefined) {
      this.cpuSpans[cpu] = new OpenSpans();
      this.lostOfCpu[cpu] = 0;
      this.taskOfCpu[cpu] = UNKNOWN_TASK;
    }
    if (!events.lossAtEnd) this.takeLoss(events);
    if (this.taskOfCpu[cpu] !== UNKNOWN_TASK || !this.hasSwitches) return;
    // Who ran before the first switch is what that switch leaves.
    const records = events.records;
    for (let index = 0; index < events.count; index += 1) {
      const code = records[index * RECORD_DOUBLES + 1] & CODE_MASK;
      if (this.phaseOf(code) !== PHASE_SWITCH) continue;
      this.taskOfCpu[cpu] = switchTask(records[index * RECORD_DOUBLES + 2]);
      return;
    }
  }

  private takeLoss(events: RingEvents): void {
    const cpu = events.cpu;
    const missing = events.lost - this.lostOfCpu[cpu];
    assert(missing >= 0, 'loss only grows');
    if (missing === 0) return;
    this.lostOfCpu[cpu] = events.lost;
    this.counts.lost += missing;
    const at = events.lossAtEnd ? events.count - 1 : 0;
    const time = events.count === 0 ? this.lastTime : events.records[at * RECORD_DOUBLES];
    this.sink.lost(cpu, time, missing);
    // An end may be among the missing: what is open on this CPU cannot be trusted any more.
    this.lastTime = Math.max(this.lastTime, time);
    this.closeAll(this.cpuSpans[cpu], cpu, NIL);
    const task = this.taskOfCpu[cpu];
    const spans = this.taskSpans.get(task);
    if (spans !== undefined) this.closeAll(spans, cpu, task);
    this.taskOfCpu[cpu] = UNKNOWN_TASK;
  }

  private closeAll(spans: OpenSpans, cpu: number, task: number): void {
    while (spans.depth > 0) {
      this.closeInnermost(spans, this.lastTime, cpu, task);
    }
  }

  private closeInnermost(spans: OpenSpans, time: number, cpu: number, task: number): void {
    const kind = spans.kind;
    this.event.titleValue = spans.title;
    spans.pop();
    this.counts.closedBegins += 1;
    const begun = this.kindOf(kind);
    this.put(time, cpu, task, PHASE_END, begun, begun, 0, 0, true);
  }

  private kindOf(kind: number): EventKind {
    const known = this.kinds.get(kind);
    if (known !== undefined) return known;
    const found = this.registry!.kind(kind);
    // A kind may still be registered between two snapshots: only what is defined is kept.
    if (this.registry!.isDefined(kind)) this.kinds.set(kind, found);
    return found;
  }

  private phaseOf(code: number): number {
    const phase = code >>> 16;
    return phase === PHASE_DEFINED ? this.kindOf(code & (KIND_LIMIT - 1)).phase : phase;
  }

  private take(events: RingEvents, index: number): void {
    const records = events.records;
    const at = index * RECORD_DOUBLES;
    const time = records[at];
    const code = records[at + 1] & CODE_MASK;
    const a = records[at + 2];
    const b = records[at + 3];
    const number = code & (KIND_LIMIT - 1);
    const kind = this.kindOf(number);
    const given = code >>> 16;
    const phase = given === PHASE_DEFINED ? kind.phase : given;
    const cpu = events.cpu;
    this.counts.events += 1;
    if (time > this.lastTime) this.lastTime = time;
    let task = NIL;
    if (kind.taskScoped && this.taskOfCpu[cpu] >= 0) task = this.taskOfCpu[cpu];
    this.event.titleValue = kind.title === 1 ? a : b;
    if (phase === PHASE_BEGIN) {
      this.spansOf(cpu, task).push(kind.of, this.event.titleValue);
    } else if (phase === PHASE_END) {
      const spans = this.spansOf(cpu, task);
      if (spans.depth > 0 && spans.kind === kind.of) {
        // The usual case: the innermost span ends.
        this.event.titleValue = spans.title;
        spans.pop();
      } else if (!this.close(spans, kind.of, time, cpu, task)) return;
    } else if (phase >= PHASE_ASYNC_BEGIN && phase <= PHASE_ASYNC_INSTANT) {
      if (!this.trackAsync(phase, kind.of, a, time, cpu)) return;
    } else if (phase === PHASE_SWITCH) {
      this.taskOfCpu[cpu] = b;
    }
    // As `put`, but in place: numbers that are passed to a function may be boxed on the way.
    const event = this.event;
    event.time = time;
    event.cpu = cpu;
    event.task = task;
    event.phase = phase;
    event.kind = kind.of === number ? kind : this.kindOf(kind.of);
    event.emitted = kind;
    event.a = a;
    event.b = b;
    event.repaired = false;
    this.sink.event(event);
  }

  private spansOf(cpu: number, task: number): OpenSpans {
    if (task === NIL) return this.cpuSpans[cpu];
    let spans = this.taskSpans.get(task);
    if (spans === undefined) {
      spans = new OpenSpans();
      this.taskSpans.set(task, spans);
    }
    return spans;
  }

  /** Closes the spans inside the one that ends; false where there is none to end. */
  private close(spans: OpenSpans, kind: number, time: number, cpu: number, task: number): boolean {
    const depth = spans.depthOf(kind);
    if (depth === 0) {
      this.counts.orphanEnds += 1;
      return false;
    }
    for (let inner = depth; inner > 1; inner -= 1) {
      this.closeInnermost(spans, time, cpu, task);
    }
    this.event.titleValue = spans.title;
    spans.pop();
    return true;
  }

  private trackAsync(phase: number, kind: number, id: number, time: number, cpu: number): boolean {
    let open = this.asyncSpans.get(kind);
    if (open === undefined) {
      open = new Map();
      this.asyncSpans.set(kind, open);
    }
    if (phase === PHASE_ASYNC_BEGIN) {
      const title = this.event.titleValue;
      const before = open.get(id);
      if (before !== undefined) {
        // The same identity begins again: the end of the first is missing.
        this.counts.closedBegins += 1;
        this.event.titleValue = before;
        const begun = this.kindOf(kind);
        this.put(time, cpu, NIL, PHASE_ASYNC_END, begun, begun, id, 0, true);
        this.event.titleValue = title;
      }
      open.set(id, title);
      return true;
    }
    const title = open.get(id);
    if (title === undefined && phase === PHASE_ASYNC_END) {
      this.counts.orphanEnds += 1;
      return false;
    }
    if (title !== undefined) this.event.titleValue = title;
    if (phase === PHASE_ASYNC_END) open.delete(id);
    return true;
  }

  private put(
    time: number,
    cpu: number,
    task: number,
    phase: number,
    kind: EventKind,
    emitted: EventKind,
    a: number,
    b: number,
    repaired: boolean,
  ): void {
    const event = this.event;
    event.time = time;
    event.cpu = cpu;
    event.task = task;
    event.phase = phase;
    event.kind = kind;
    event.emitted = emitted;
    event.a = a;
    event.b = b;
    event.repaired = repaired;
    this.sink.event(event);
  }
}

/** The events in order of time; rings whose events came late (`tracePerformanceEntries`) are sorted. */
function inOrder(events: RingEvents): RingEvents {
  const { records, count } = events;
  let sorted = true;
  for (let event = 1; event < count && sorted; event += 1) {
    sorted = records[event * RECORD_DOUBLES] >= records[(event - 1) * RECORD_DOUBLES];
  }
  if (sorted) return events;
  const order = Array.from({ length: count }, (_, event) => event);
  order.sort((x, y) => records[x * RECORD_DOUBLES] - records[y * RECORD_DOUBLES] || x - y);
  const moved = new Float64Array(records.length);
  order.forEach((from, to) => {
    const at = from * RECORD_DOUBLES;
    moved.set(records.subarray(at, at + RECORD_DOUBLES), to * RECORD_DOUBLES);
  });
  return { ...events, records: moved };
}
