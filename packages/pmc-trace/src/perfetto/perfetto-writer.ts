import { NIL } from '@hotpath/hw-x86';
import { argumentText, eventTitle, isPlainNumber } from '../export/argument.js';
import type { ByteSink } from '../export/byte-writer.js';
import {
  Timeline,
  type TimelineCounts,
  type TimelineEvent,
  type TimelineSink,
} from '../export/timeline.js';
import { ProtoWriter } from '../protobuf/proto-writer.js';
import { KindTable } from '../tracer/kind-table.js';
import {
  PHASE_ASYNC_BEGIN,
  PHASE_ASYNC_END,
  PHASE_BEGIN,
  PHASE_COUNTER,
  PHASE_END,
  PHASE_FLOW_BEGIN,
  PHASE_FLOW_END,
  PHASE_SWITCH,
  switchState,
  switchTask,
} from '../tracer/phase.js';
import type { ArgumentDefinition, EventKind, EventRegistry } from '../tracer/registry.js';
import type { SnapshotConsumer, TraceSnapshot } from '../tracer/tracer.js';
import {
  ANNOTATION,
  CLOCK_BOOTTIME,
  CLOCK_OF_SEQUENCE,
  CLOCK_REALTIME,
  CLOCKS,
  DEFAULTS,
  EVENT,
  FTRACE,
  INTERNED,
  NEEDS_STATE,
  PACKET,
  STATE_CLEARED,
  TRACE,
  TYPE_BEGIN,
  TYPE_COUNTER,
  TYPE_END,
  TYPE_INSTANT,
} from './fields.js';
import { InternTable } from './interning.js';
import { PerfettoTracks, threadOfTask } from './tracks.js';

const LOW_WORD = 2 ** 32;

/** Interned numbers of a kind, looked up once. */
interface KindNumbers {
  readonly name: number;
  readonly category: number;
  readonly a: number;
  readonly b: number;
  /** Arguments that are always shown as numbers. */
  readonly plainA: boolean;
  readonly plainB: boolean;
}

/**
 * Writes a Perfetto trace: per CPU one packet sequence with interned names and timestamps as
 * differences, so that an event takes about 20 bytes. Switches become `sched_switch` events of
 * ftrace. After loss a sequence says `previous_packet_dropped`, clears its state and repeats names.
 *
 * Kept in memory: names, tracks and open spans.
 */
export class PerfettoWriter implements SnapshotConsumer, TimelineSink {
  private readonly out: ProtoWriter;
  private readonly tracks: PerfettoTracks;
  private readonly timeline = new Timeline(this);
  private readonly names = new InternTable();
  private readonly categories = new InternTable();
  private readonly arguments = new InternTable();
  private readonly numbers = new KindTable<KindNumbers>();
  private readonly timeOfCpu: number[] = [];
  private readonly lossOfCpu: boolean[] = [];
  private readonly ftraceLossOfCpu: boolean[] = [];
  private registry: EventRegistry | null = null;
  private nanosecondsPerTick = 1;
  private epochNanoseconds = 0n;
  private severalCpus = false;
  private begun = false;
  // Names that the packet being written must explain.
  private newName = 0;
  private newTitle: string | null = null;
  private newCategory: string | null = null;
  private newArgumentA: string | null = null;
  private newArgumentB: string | null = null;

  constructor(sink: ByteSink) {
    this.out = new ProtoWriter(sink);
    this.tracks = new PerfettoTracks(this.out);
  }

  /** What has been found up to now. */
  get counts(): TimelineCounts {
    return this.timeline.counts;
  }

  /** Bytes handed out so far. */
  get byteCount(): number {
    return this.out.byteCount;
  }

  /** Writes a snapshot's events; several snapshots in order make one trace. About 100 ns an event. */
  write(snapshot: TraceSnapshot): void {
    this.registry = snapshot.registry;
    this.nanosecondsPerTick = 1e9 / snapshot.ticksPerSecond;
    this.epochNanoseconds = snapshot.epochNanoseconds;
    this.severalCpus = snapshot.cpus.length > 1;
    this.begin();
    this.timeline.write(snapshot);
  }

  /** Closes open spans and hands out the rest. Call once. */
  end(): void {
    this.begin();
    this.timeline.end();
    this.out.flush();
  }

  /** Ties the trace's clock to the wall clock, once; so even an empty trace is a file. */
  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    const packet = this.out.open(TRACE.packet);
    const snapshot = this.out.open(PACKET.clockSnapshot);
    this.clock(CLOCK_BOOTTIME, 0n, false);
    if (this.epochNanoseconds !== 0n) this.clock(CLOCK_REALTIME, this.epochNanoseconds, false);
    this.out.close(snapshot);
    this.out.close(packet);
  }

  /** The next packet of this CPU says that packets are missing, and how many events; by the timeline. */
  lost(cpu: number, time: number, count: number): void {
    const nanoseconds = this.nanoseconds(time);
    this.lossOfCpu[cpu] = true;
    this.ftraceLossOfCpu[cpu] = true;
    this.start(cpu, nanoseconds);
    const out = this.out;
    const packet = this.packet(cpu, nanoseconds);
    const event = out.open(PACKET.trackEvent);
    out.unsigned(EVENT.type, TYPE_INSTANT);
    out.text(EVENT.name, 'events lost');
    const annotation = out.open(EVENT.annotation);
    out.text(ANNOTATION.name, 'count');
    out.unsigned(ANNOTATION.unsigned, count);
    out.close(annotation);
    out.close(event);
    out.close(packet);
  }

  /** Writes one event; called by the timeline. */
  event(event: TimelineEvent): void {
    const nanoseconds = this.nanoseconds(event.time);
    const { cpu, phase } = event;
    if (phase === PHASE_SWITCH) {
      this.schedSwitch(cpu, nanoseconds, event.a, event.b);
      return;
    }
    this.start(cpu, nanoseconds);
    const track = this.track(event);
    if (track === 0) return;
    const out = this.out;
    const packet = this.packet(cpu, nanoseconds);
    const body = out.open(PACKET.trackEvent);
    if (track !== this.tracks.cpu(this.registry!, cpu)) out.unsigned(EVENT.track, track);
    if (phase === PHASE_COUNTER) {
      out.unsigned(EVENT.type, TYPE_COUNTER);
      if (Number.isSafeInteger(event.a)) out.signed(EVENT.counter, event.a);
      else out.double(EVENT.doubleCounter, event.a);
    } else {
      this.slice(event);
    }
    out.close(body);
    this.explain();
    out.close(packet);
  }

  private nanoseconds(time: number): number {
    return Math.max(0, Math.floor(time * this.nanosecondsPerTick));
  }

  /** Makes sure that the CPU's sequence has a clock, defaults and, after loss, nothing else. */
  private start(cpu: number, nanoseconds: number): void {
    const fresh = this.timeOfCpu[cpu] === undefined;
    if (!fresh && !this.lossOfCpu[cpu]) return;
    const track = this.tracks.cpu(this.registry!, cpu);
    this.names.forget(cpu);
    this.categories.forget(cpu);
    this.arguments.forget(cpu);
    const out = this.out;
    const packet = out.open(TRACE.packet);
    out.unsigned(PACKET.sequence, cpu + 1);
    out.unsigned(PACKET.sequenceFlags, STATE_CLEARED);
    if (this.lossOfCpu[cpu]) out.unsigned(PACKET.previousPacketDropped, 1);
    else out.unsigned(PACKET.firstPacketOnSequence, 1);
    const defaults = out.open(PACKET.defaults);
    out.unsigned(DEFAULTS.clockId, CLOCK_OF_SEQUENCE);
    const event = out.open(DEFAULTS.trackEvent);
    out.unsigned(EVENT.track, track);
    out.close(event);
    out.close(defaults);
    const snapshot = out.open(PACKET.clockSnapshot);
    this.clock(CLOCK_BOOTTIME, BigInt(nanoseconds), false);
    this.clock(CLOCK_OF_SEQUENCE, BigInt(nanoseconds), true);
    out.close(snapshot);
    out.close(packet);
    this.timeOfCpu[cpu] = nanoseconds;
    this.lossOfCpu[cpu] = false;
  }

  private clock(id: number, nanoseconds: bigint, incremental: boolean): void {
    const clock = this.out.open(CLOCKS.clock);
    this.out.unsigned(CLOCKS.id, id);
    this.out.unsigned64(CLOCKS.timestamp, nanoseconds);
    if (incremental) this.out.unsigned(CLOCKS.incremental, 1);
    this.out.close(clock);
  }

  /** Opens a packet on the CPU's sequence, its time as a difference to the one before. */
  private packet(cpu: number, nanoseconds: number): number {
    const out = this.out;
    const packet = out.open(TRACE.packet);
    const before = this.timeOfCpu[cpu];
    const now = Math.max(before, nanoseconds);
    this.timeOfCpu[cpu] = now;
    out.unsigned(PACKET.timestamp, now - before);
    out.unsigned(PACKET.sequence, cpu + 1);
    out.unsigned(PACKET.sequenceFlags, NEEDS_STATE);
    return packet;
  }

  private track(event: TimelineEvent): number {
    const { phase, kind, a } = event;
    if (phase === PHASE_COUNTER) {
      return this.tracks.counter(kind.name, event.cpu, this.severalCpus);
    }
    if (phase === PHASE_ASYNC_BEGIN) return this.tracks.begin(kind.kind, a, kind.name);
    if (phase === PHASE_ASYNC_END) return this.tracks.end(kind.kind, a);
    if (phase > PHASE_ASYNC_END) {
      const open = this.tracks.find(kind.kind, a);
      if (open !== 0) return open;
    }
    if (event.task !== NIL) return this.tracks.task(this.registry!, event.task);
    return this.tracks.cpu(this.registry!, event.cpu);
  }

  /** Type, name, category, flow and arguments of everything but counters. */
  private slice(event: TimelineEvent): void {
    const out = this.out;
    const { phase, kind, cpu } = event;
    if (phase === PHASE_END || phase === PHASE_ASYNC_END) {
      out.unsigned(EVENT.type, TYPE_END);
      // The name is that of the begin.
    } else {
      const begins = phase === PHASE_BEGIN || phase === PHASE_ASYNC_BEGIN;
      out.unsigned(EVENT.type, begins ? TYPE_BEGIN : TYPE_INSTANT);
      const numbers = this.numbersOf(kind);
      const titled = kind.title !== 0;
      const name = titled ? this.titleNumber(kind, event.titleValue) : numbers.name;
      out.unsigned(EVENT.nameIid, name);
      if (this.names.isNew(cpu, name)) {
        this.newName = name;
        this.newTitle = eventTitle(this.registry!, kind, event.titleValue);
      }
      out.unsigned(EVENT.category, numbers.category);
      if (this.categories.isNew(cpu, numbers.category)) this.newCategory = kind.category;
    }
    if (phase >= PHASE_FLOW_BEGIN && phase <= PHASE_FLOW_END) this.flow(event);
    if (event.repaired) {
      const annotation = out.open(EVENT.annotation);
      out.text(ANNOTATION.name, 'closed');
      out.unsigned(ANNOTATION.bool, 1);
      out.close(annotation);
      return;
    }
    const { a, b } = event.emitted;
    if (a === null && b === null) return;
    const { a: nameA, b: nameB, plainA, plainB } = this.numbersOf(event.emitted);
    if (a !== null && phase <= PHASE_COUNTER) {
      this.argument(nameA, a, plainA, event.a);
      if (this.arguments.isNew(cpu, nameA)) this.newArgumentA = a.name;
    }
    if (b !== null) {
      this.argument(nameB, b, plainB, event.b);
      if (this.arguments.isNew(cpu, nameB)) this.newArgumentB = b.name;
    }
  }

  private flow(event: TimelineEvent): void {
    const field = event.phase === PHASE_FLOW_END ? EVENT.terminatingFlow : EVENT.flow;
    const high = Math.floor(event.a / LOW_WORD);
    // Flows of different kinds may use the same identity: the kind goes into the upper word.
    this.out.fixed64(field, event.a >>> 0, (high ^ (event.kind.kind << 16)) >>> 0);
  }

  private argument(
    name: number,
    definition: Required<ArgumentDefinition>,
    plain: boolean,
    value: number,
  ): void {
    const out = this.out;
    const annotation = out.open(EVENT.annotation);
    out.unsigned(ANNOTATION.nameIid, name);
    const text = plain ? undefined : argumentText(this.registry!, definition, value);
    if (text !== undefined) out.text(ANNOTATION.text, text);
    else if (!Number.isSafeInteger(value)) out.double(ANNOTATION.double, value);
    else if (definition.type === 'address' && value >= 0) out.unsigned(ANNOTATION.pointer, value);
    else out.signed(ANNOTATION.integer, value);
    out.close(annotation);
  }

  private titleNumber(kind: EventKind, titleValue: number): number {
    return this.names.number(eventTitle(this.registry!, kind, titleValue));
  }

  private numbersOf(kind: EventKind): KindNumbers {
    const known = this.numbers.get(kind.kind);
    if (known !== undefined) return known;
    const { a, b } = kind;
    const made: KindNumbers = {
      name: this.names.number(kind.name),
      category: this.categories.number(kind.category),
      a: a === null ? 0 : this.arguments.number(a.name),
      b: b === null ? 0 : this.arguments.number(b.name),
      plainA: a !== null && isPlainNumber(a),
      plainB: b !== null && isPlainNumber(b),
    };
    if (this.registry!.isDefined(kind.kind)) this.numbers.set(kind.kind, made);
    return made;
  }

  /** Adds the interned names that this packet is the first to use. */
  private explain(): void {
    const some = this.newTitle !== null || this.newCategory !== null;
    if (!some && this.newArgumentA === null && this.newArgumentB === null) return;
    const data = this.out.open(PACKET.internedData);
    if (this.newTitle !== null) this.entry(INTERNED.names, this.newName, this.newTitle);
    if (this.newCategory !== null) {
      const number = this.categories.number(this.newCategory);
      this.entry(INTERNED.categories, number, this.newCategory);
    }
    for (const name of [this.newArgumentA, this.newArgumentB]) {
      if (name !== null) this.entry(INTERNED.annotations, this.arguments.number(name), name);
    }
    this.out.close(data);
    this.newName = 0;
    this.newTitle = null;
    this.newCategory = null;
    this.newArgumentA = null;
    this.newArgumentB = null;
  }

  private entry(field: number, iid: number, name: string): void {
    const entry = this.out.open(field);
    this.out.unsigned(INTERNED.iid, iid);
    this.out.text(INTERNED.name, name);
    this.out.close(entry);
  }

  private schedSwitch(cpu: number, nanoseconds: number, a: number, next: number): void {
    const registry = this.registry!;
    const previous = switchTask(a);
    const out = this.out;
    const packet = out.open(TRACE.packet);
    const bundle = out.open(PACKET.ftraceEvents);
    out.unsigned(FTRACE.cpu, cpu);
    if (this.ftraceLossOfCpu[cpu]) out.unsigned(FTRACE.lostEvents, 1);
    this.ftraceLossOfCpu[cpu] = false;
    const event = out.open(FTRACE.event);
    out.unsigned(FTRACE.timestamp, nanoseconds);
    out.unsigned(FTRACE.pid, threadOfTask(previous));
    const record = out.open(FTRACE.schedSwitch);
    out.text(FTRACE.previousName, previous === NIL ? 'idle' : registry.taskName(previous));
    out.unsigned(FTRACE.previousPid, threadOfTask(previous));
    out.unsigned(FTRACE.previousState, switchState(a));
    out.text(FTRACE.nextName, next === NIL ? 'idle' : registry.taskName(next));
    out.unsigned(FTRACE.nextPid, threadOfTask(next));
    out.close(record);
    out.close(event);
    out.close(bundle);
    out.close(packet);
  }
}

/** Writes one snapshot as a whole Perfetto trace into a sink. */
export function writePerfetto(snapshot: TraceSnapshot, sink: ByteSink): TimelineCounts {
  const writer = new PerfettoWriter(sink);
  writer.write(snapshot);
  writer.end();
  return writer.counts;
}
