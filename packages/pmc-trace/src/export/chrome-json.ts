import { NIL } from '@hotpath/hw-x86';
import {
  PHASE_ASYNC_BEGIN,
  PHASE_BEGIN,
  PHASE_COUNTER,
  PHASE_END,
  PHASE_FLOW_END,
  PHASE_INSTANT,
  PHASE_SWITCH,
  switchTask,
} from '../tracer/phase.js';
import type { ArgumentDefinition, EventKind, EventRegistry } from '../tracer/registry.js';
import type { SnapshotConsumer, TraceSnapshot } from '../tracer/tracer.js';
import { argumentText, eventTitle } from './argument.js';
import { type ByteSink, ByteWriter, jsonText, utf8 } from './byte-writer.js';
import {
  Timeline,
  type TimelineCounts,
  type TimelineEvent,
  type TimelineSink,
} from './timeline.js';

/** Process that holds the CPUs' own tracks. */
export const PID_CPUS = 1;
/** Process that holds one track per task. */
export const PID_TASKS = 2;
/** Process whose tracks show which task runs on each CPU. */
export const PID_RUNNING = 3;

const PROCESS_NAMES = ['', 'CPUs', 'Tasks', 'Running'];
// `ph` of each phase; PHASE_SWITCH is written as an end and a begin.
const LETTERS = utf8('?BEiCstfben?');
const TIMESTAMP_ROOM = 200;
const PART = {
  args: utf8(',"args":{'),
  closed: utf8('"closed":true'),
  value: utf8('"value":'),
  between: utf8(',\n'),
};

/**
 * Writes the trace-event JSON that chrome://tracing, Perfetto and DevTools open. Nothing but the
 * tables of names and open spans is kept: a run of any length goes through in 64 KiB chunks.
 *
 * Times are microseconds with three decimals. Loss appears as instants called `events lost` and as
 * sums in `otherData`.
 */
export class ChromeJsonWriter implements SnapshotConsumer, TimelineSink {
  private readonly out: ByteWriter;
  private readonly timeline = new Timeline(this);
  private registry: EventRegistry | null = null;
  private nanosecondsPerTick = 1;
  private severalCpus = false;
  private started = false;
  private readonly heads = new Map<string, Uint8Array>();
  private readonly headOfKind: Uint8Array[] = [];
  private readonly keys = new Map<string, Uint8Array>();
  private readonly named = new Set<number>();
  private readonly runningOfCpu: number[] = [];

  constructor(sink: ByteSink) {
    this.out = new ByteWriter(sink);
  }

  /** What has been found up to now. */
  get counts(): TimelineCounts {
    return this.timeline.counts;
  }

  /** Bytes handed out so far. */
  get byteCount(): number {
    return this.out.byteCount;
  }

  /** Writes a snapshot's events; several snapshots in order make one file. About 250 ns an event. */
  write(snapshot: TraceSnapshot): void {
    this.registry = snapshot.registry;
    this.nanosecondsPerTick = 1e9 / snapshot.ticksPerSecond;
    this.severalCpus = snapshot.cpus.length > 1;
    if (!this.started) {
      this.out.ascii('{"displayTimeUnit":"ns","traceEvents":[\n');
      this.metadata('process_name', PID_CPUS, 0, PROCESS_NAMES[PID_CPUS], true);
      this.started = true;
    }
    this.timeline.write(snapshot);
  }

  /** Closes open spans and the file. Call once. */
  end(): void {
    this.timeline.end();
    this.out.reserve(400);
    if (!this.started) this.out.ascii('{"displayTimeUnit":"ns","traceEvents":[');
    const { events, lost, orphanEnds, closedBegins } = this.timeline.counts;
    const sums = {
      events,
      lost_events: lost,
      orphan_ends: orphanEnds,
      closed_begins: closedBegins,
    };
    this.out.ascii(`\n],"otherData":${JSON.stringify(sums)}}\n`);
    this.out.flush();
  }

  /** Writes one event; called by the timeline. */
  event(event: TimelineEvent): void {
    if (event.phase === PHASE_SWITCH) {
      this.switchTo(event);
      return;
    }
    const onTask = event.task !== NIL;
    const pid = onTask ? PID_TASKS : PID_CPUS;
    const tid = onTask ? event.task : event.cpu;
    this.nameTrack(pid, tid);
    this.record(this.head(event), LETTERS[event.phase], pid, tid, event.time);
    this.details(event);
    this.out.reserve(TIMESTAMP_ROOM);
    this.out.byte(0x7d);
  }

  /** Writes a marker where events are missing; called by the timeline. */
  lost(cpu: number, time: number, count: number): void {
    this.nameTrack(PID_CPUS, cpu);
    this.record(this.headOf('events lost', 'hotpath'), LETTERS[PHASE_INSTANT], PID_CPUS, cpu, time);
    this.out.ascii(',"s":"t","args":{"count":');
    this.out.integer(count);
    this.out.ascii('}}');
  }

  private record(head: Uint8Array, letter: number, pid: number, tid: number, time: number): void {
    const out = this.out;
    out.raw(PART.between);
    out.raw(head);
    out.reserve(TIMESTAMP_ROOM);
    out.byte(letter);
    out.ascii('","pid":');
    out.byte(0x30 + pid);
    out.ascii(',"tid":');
    out.integer(tid);
    out.ascii(',"ts":');
    const nanoseconds = Math.max(0, Math.floor(time * this.nanosecondsPerTick));
    const microseconds = Math.floor(nanoseconds / 1000);
    out.integer(microseconds);
    const rest = nanoseconds - microseconds * 1000;
    if (rest === 0) return;
    out.byte(0x2e);
    out.padded(rest, 3);
  }

  /** Everything after the time: scope, identity, arguments. Room for one record is reserved. */
  private details(event: TimelineEvent): void {
    const out = this.out;
    const { phase } = event;
    if (phase === PHASE_COUNTER) {
      if (this.severalCpus) {
        out.ascii(',"id":');
        out.integer(event.cpu);
      }
      out.raw(PART.args);
      out.raw(PART.value);
      out.reserve(TIMESTAMP_ROOM);
      this.number(event.a);
      out.byte(0x7d);
      return;
    }
    if (phase === PHASE_INSTANT) out.ascii(',"s":"t"');
    const identified = phase > PHASE_COUNTER;
    if (identified) {
      // Viewers nest all spans of one category and identity: the kind keeps ours apart.
      out.ascii(',"id":"');
      out.integer(event.kind.kind);
      out.byte(0x3a);
      this.number(event.a);
      out.byte(0x22);
      if (phase === PHASE_FLOW_END) out.ascii(',"bp":"e"');
      if (phase < PHASE_ASYNC_BEGIN) return;
    }
    if (event.repaired) {
      out.raw(PART.args);
      out.raw(PART.closed);
      out.byte(0x7d);
      return;
    }
    const { a, b } = event.emitted;
    const shownA = a !== null && !identified;
    if (!shownA && b === null) return;
    out.raw(PART.args);
    if (shownA) this.argument(a, event.a);
    if (shownA && b !== null) out.byte(0x2c);
    if (b !== null) this.argument(b, event.b);
    out.reserve(TIMESTAMP_ROOM);
    out.byte(0x7d);
  }

  private argument(definition: Required<ArgumentDefinition>, value: number): void {
    const out = this.out;
    let key = this.keys.get(definition.name);
    if (key === undefined) {
      const quoted = jsonText(definition.name);
      key = new Uint8Array(quoted.length + 1);
      key.set(quoted);
      key[quoted.length] = 0x3a;
      this.keys.set(definition.name, key);
    }
    out.raw(key);
    out.reserve(TIMESTAMP_ROOM);
    const text = argumentText(this.registry!, definition, value);
    if (text !== undefined) out.raw(jsonText(text));
    else if (definition.type === 'address' && value >= 0 && Number.isSafeInteger(value)) {
      out.byte(0x22);
      out.hexadecimal(value);
      out.byte(0x22);
    } else this.number(value);
    out.reserve(TIMESTAMP_ROOM);
  }

  private number(value: number): void {
    if (Number.isSafeInteger(value)) this.out.integer(value);
    else if (Number.isFinite(value)) this.out.ascii(String(value));
    // JSON has no NaN or Infinity.
    else this.out.ascii(`"${value}"`);
  }

  /** A switch ends the slice of the task that ran and begins the next one's, on a track of its own. */
  private switchTo(event: TimelineEvent): void {
    const { cpu, time, b: next } = event;
    this.nameTrack(PID_RUNNING, cpu);
    const previous = switchTask(event.a);
    if (this.runningOfCpu[cpu] === previous && previous !== NIL) {
      const head = this.headOf(this.registry!.taskName(previous), 'sched');
      this.record(head, LETTERS[PHASE_END], PID_RUNNING, cpu, time);
      this.out.byte(0x7d);
    }
    this.runningOfCpu[cpu] = next;
    if (next === NIL) return;
    const head = this.headOf(this.registry!.taskName(next), 'sched');
    this.record(head, LETTERS[PHASE_BEGIN], PID_RUNNING, cpu, time);
    this.out.ascii(',"args":{"task":');
    this.out.integer(next);
    this.out.ascii('}}');
  }

  private head(event: TimelineEvent): Uint8Array {
    const { kind } = event;
    if (kind.title !== 0) {
      return this.headOf(eventTitle(this.registry!, kind, event.titleValue), kind.category);
    }
    return this.headOfKind[kind.kind] ?? this.plainHead(kind);
  }

  private plainHead(kind: EventKind): Uint8Array {
    const head = this.headOf(kind.name, kind.category);
    if (this.registry!.isDefined(kind.kind)) this.headOfKind[kind.kind] = head;
    return head;
  }

  /** `{"name":"...","cat":"...","ph":"`, encoded once. */
  private headOf(name: string, category: string): Uint8Array {
    const key = `${category}\0${name}`;
    const known = this.heads.get(key);
    if (known !== undefined) return known;
    const quoted = new TextDecoder().decode(jsonText(name));
    const group = new TextDecoder().decode(jsonText(category));
    const head = utf8(`{"name":${quoted},"cat":${group},"ph":"`);
    this.heads.set(key, head);
    return head;
  }

  private nameTrack(pid: number, tid: number): void {
    const key = tid * 4 + pid;
    if (this.named.has(key)) return;
    this.named.add(key);
    const registry = this.registry!;
    if (pid !== PID_CPUS && !this.named.has(-pid)) {
      this.named.add(-pid);
      this.metadata('process_name', pid, 0, PROCESS_NAMES[pid], false);
    }
    const name = pid === PID_TASKS ? registry.taskName(tid) : registry.cpuName(tid);
    this.metadata('thread_name', pid, tid, name, false);
  }

  private metadata(what: string, pid: number, tid: number, name: string, first: boolean): void {
    const out = this.out;
    if (!first) out.raw(PART.between);
    out.reserve(TIMESTAMP_ROOM);
    out.ascii(`{"name":"${what}","ph":"M","pid":${pid},"tid":${tid},"args":{"name":`);
    out.raw(jsonText(name));
    out.reserve(TIMESTAMP_ROOM);
    out.ascii('}}');
  }
}

/** Writes one snapshot as a whole JSON file into a sink. */
export function writeChromeJson(snapshot: TraceSnapshot, sink: ByteSink): TimelineCounts {
  const writer = new ChromeJsonWriter(sink);
  writer.write(snapshot);
  writer.end();
  return writer.counts;
}
