import { NIL } from '@hotpath/hw-x86';
import { KindTable } from '../tracer/kind-table.js';
import {
  KIND_LIMIT,
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
import { argumentText, eventTitle, isPlainNumber } from './argument.js';
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
const LETTERS = '?BEiCstfben?';
const ROOM = 256;
/** Prepared texts; beyond that many different names they are made again. */
const HEADS_MAX = 65_536;
const PART = {
  closed: utf8(',"args":{"closed":true}'),
  value: utf8(',"args":{"value":'),
  between: utf8(',\n'),
};

/** The text of an event up to its time, for one track. */
interface Prefix {
  readonly pid: number;
  readonly tid: number;
  readonly bytes: Uint8Array;
}

/** How a kind's arguments are written; made once per kind. */
interface ArgumentPlan {
  /** `,"args":{"name":` of the first argument that is shown; null where there is none. */
  readonly first: Uint8Array | null;
  /** `,"name":` of `b` where it is the second. */
  readonly second: Uint8Array | null;
  readonly plainA: boolean;
  readonly plainB: boolean;
  readonly a: EventKind['a'];
  readonly b: EventKind['b'];
}

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
  private readonly prefixes = new KindTable<Prefix>();
  private readonly plans = new KindTable<ArgumentPlan>();
  private readonly identifiedPlans = new KindTable<ArgumentPlan>();
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
    const out = this.out;
    out.raw(this.prefix(event, pid, tid));
    out.reserve(ROOM);
    out.microseconds(event.time > 0 ? Math.floor(event.time * this.nanosecondsPerTick) : 0);
    this.details(event);
    out.reserve(ROOM);
    out.byte(0x7d);
  }

  /** Writes a marker where events are missing; called by the timeline. */
  lost(cpu: number, time: number, count: number): void {
    this.record('events lost', 'hotpath', LETTERS[PHASE_INSTANT], PID_CPUS, cpu, time);
    this.out.ascii(',"s":"t","args":{"count":');
    this.out.integer(count);
    this.out.ascii('}}');
  }

  /** The text before the time. Spans without a title of their own have it ready. */
  private prefix(event: TimelineEvent, pid: number, tid: number): Uint8Array {
    const { kind, phase } = event;
    const isSpan = phase === PHASE_BEGIN || phase === PHASE_END;
    if (isSpan && kind.title === 0) {
      // Two entries per kind, at numbers that the next kind does not use.
      const at = kind.kind * 2 + phase - PHASE_BEGIN;
      const known = at < KIND_LIMIT ? this.prefixes.get(at) : undefined;
      if (known !== undefined && known.tid === tid && known.pid === pid) return known.bytes;
      const bytes = this.headOf(kind.name, kind.category, LETTERS[phase], pid, tid);
      if (at < KIND_LIMIT && this.registry!.isDefined(kind.kind)) {
        this.prefixes.set(at, { pid, tid, bytes });
      }
      return bytes;
    }
    const title = eventTitle(this.registry!, kind, event.titleValue);
    return this.headOf(title, kind.category, LETTERS[phase], pid, tid);
  }

  private record(
    name: string,
    category: string,
    letter: string,
    pid: number,
    tid: number,
    time: number,
  ): void {
    this.out.raw(this.headOf(name, category, letter, pid, tid));
    this.out.reserve(ROOM);
    this.time(time);
  }

  /** Microseconds with three decimals, which stand for nanoseconds. */
  private time(time: number): void {
    const out = this.out;
    out.microseconds(time > 0 ? Math.floor(time * this.nanosecondsPerTick) : 0);
  }

  /** Everything after the time: scope, identity, arguments. Room for one record is reserved. */
  private details(event: TimelineEvent): void {
    const out = this.out;
    const { phase } = event;
    if (phase <= PHASE_END) {
      if (event.repaired) out.raw(PART.closed);
      else this.arguments(event, this.plan(event.emitted, false));
      return;
    }
    if (phase === PHASE_COUNTER) {
      if (this.severalCpus) {
        out.ascii(',"id":');
        out.integer(event.cpu);
      }
      out.raw(PART.value);
      out.reserve(ROOM);
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
    if (event.repaired) out.raw(PART.closed);
    else this.arguments(event, this.plan(event.emitted, identified));
  }

  private arguments(event: TimelineEvent, plan: ArgumentPlan): void {
    const { first, second, a, b } = plan;
    if (first === null) return;
    const out = this.out;
    out.raw(first);
    out.reserve(ROOM);
    if (a !== null) {
      if (plan.plainA) this.number(event.a);
      else this.value(a, event.a);
    }
    if (second !== null) out.raw(second);
    out.reserve(ROOM);
    if (b !== null) {
      if (plan.plainB) this.number(event.b);
      else this.value(b, event.b);
    }
    out.byte(0x7d);
  }

  /** How this kind's arguments are written; `a` is no argument where it is an identity. */
  private plan(kind: EventKind, identified: boolean): ArgumentPlan {
    const plans = identified ? this.identifiedPlans : this.plans;
    const known = plans.get(kind.kind);
    if (known !== undefined) return known;
    const a = identified ? null : kind.a;
    const { b } = kind;
    const quoted = (name: string): string => new TextDecoder().decode(jsonText(name));
    const shown = a ?? b;
    const made: ArgumentPlan = {
      first: shown === null ? null : utf8(`,"args":{${quoted(shown.name)}:`),
      second: a === null || b === null ? null : utf8(`,${quoted(b.name)}:`),
      plainA: a !== null && isPlainNumber(a),
      plainB: b !== null && isPlainNumber(b),
      a,
      b,
    };
    if (this.registry!.isDefined(kind.kind)) plans.set(kind.kind, made);
    return made;
  }

  /** An argument that may be a text or an address. Leaves room for one record. */
  private value(definition: Required<ArgumentDefinition>, value: number): void {
    const out = this.out;
    const text = argumentText(this.registry!, definition, value);
    if (text !== undefined) out.raw(jsonText(text));
    else if (definition.type === 'address' && value >= 0 && Number.isSafeInteger(value)) {
      out.byte(0x22);
      out.hexadecimal(value);
      out.byte(0x22);
    } else this.number(value);
    out.reserve(ROOM);
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
    const previous = switchTask(event.a);
    if (this.runningOfCpu[cpu] === previous && previous !== NIL) {
      const name = this.registry!.taskName(previous);
      this.record(name, 'sched', LETTERS[PHASE_END], PID_RUNNING, cpu, time);
      this.out.byte(0x7d);
    }
    this.runningOfCpu[cpu] = next;
    if (next === NIL) return;
    const name = this.registry!.taskName(next);
    this.record(name, 'sched', LETTERS[PHASE_BEGIN], PID_RUNNING, cpu, time);
    this.out.ascii(',"args":{"task":');
    this.out.integer(next);
    this.out.ascii('}}');
  }

  /** `,{"name":"...","cat":"...","ph":"B","pid":1,"tid":2,"ts":`, made once, with its track. */
  private headOf(
    name: string,
    category: string,
    letter: string,
    pid: number,
    tid: number,
  ): Uint8Array {
    const key = `${letter}${pid}${tid}\0${category}\0${name}`;
    const known = this.heads.get(key);
    if (known !== undefined) return known;
    this.nameTrack(pid, tid);
    const quoted = (text: string): string => new TextDecoder().decode(jsonText(text));
    const what = `"name":${quoted(name)},"cat":${quoted(category)},"ph":"${letter}"`;
    const head = utf8(`,\n{${what},"pid":${pid},"tid":${tid},"ts":`);
    if (this.heads.size >= HEADS_MAX) this.heads.clear();
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
    out.reserve(ROOM);
    out.ascii(`{"name":"${what}","ph":"M","pid":${pid},"tid":${tid},"args":{"name":`);
    out.raw(jsonText(name));
    out.reserve(ROOM);
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
