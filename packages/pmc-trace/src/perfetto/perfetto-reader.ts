import { ProtoReader } from '../protobuf/proto-reader.js';
import { phaseOfLetter } from '../read/chrome-json-reader.js';
import {
  BLANK_EVENT,
  PHASE_COMPLETE,
  PHASE_OTHER,
  type TraceReader,
  type TraceVisitor,
} from '../read/visitor.js';
import {
  PHASE_BEGIN,
  PHASE_COUNTER,
  PHASE_END,
  PHASE_FLOW_END,
  PHASE_FLOW_STEP,
  PHASE_INSTANT,
  PHASE_SWITCH,
} from '../tracer/phase.js';
import { PerfettoClocks } from './clocks.js';
import {
  ANNOTATION,
  CLOCK_BOOTTIME,
  DEFAULTS,
  EVENT,
  FTRACE,
  INTERNED,
  NEEDS_STATE,
  PACKET,
  STATE_CLEARED,
  TRACE,
  TRACK,
} from './fields.js';
import { readLegacy, threadOf } from './legacy-event.js';

const TYPES = [PHASE_OTHER, PHASE_BEGIN, PHASE_END, PHASE_INSTANT, PHASE_COUNTER];
// Fields of TraceStats and BufferStats that count what is missing.
const STATS_BUFFER = 1;
const STATS_LOSS = new Set([3, 18, 19]);

/** What a packet sequence has said since its state was last cleared. */
interface SequenceState {
  valid: boolean;
  clock: number;
  track: string;
  thread: string;
  readonly names: Map<number, string>;
  readonly categories: Map<number, string>;
  readonly annotations: Map<number, string>;
}

/** The fields of a packet that other fields depend on, whatever their order. */
interface Packet {
  timestamp: number;
  clock: number;
  sequence: number;
  flags: number;
  dropped: boolean;
}

/** Options of a reader. */
export interface PerfettoReaderOptions {
  /** Inflates zlib data: needed for traces with compressed packets. Node: `zlib.inflateSync`. */
  readonly inflate?: (bytes: Uint8Array) => Uint8Array;
}

/**
 * Reads a Perfetto trace in pieces of any size: track events, old and new, ftrace switches, clocks,
 * interning and loss. Other packets are skipped.
 */
export class PerfettoReader implements TraceReader {
  private readonly visitor: TraceVisitor;
  private readonly inflate: ((bytes: Uint8Array) => Uint8Array) | undefined;
  private readonly clocks = new PerfettoClocks();
  private readonly sequences = new Map<number, SequenceState>();
  private rest = new Uint8Array(0);
  private byteCount = 0;
  private packetCount = 0;

  constructor(visitor: TraceVisitor, options: PerfettoReaderOptions = {}) {
    this.visitor = visitor;
    this.inflate = options.inflate;
  }

  write(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.rest.length > 0) {
      bytes = new Uint8Array(this.rest.length + chunk.length);
      bytes.set(this.rest);
      bytes.set(chunk, this.rest.length);
    }
    const used = this.packets(bytes);
    this.byteCount += used;
    this.rest = bytes.slice(used);
  }

  end(): void {
    if (this.rest.length > 0) {
      this.visitor.problem(
        'truncated',
        `the packet at byte ${this.byteCount} is cut off or damaged`,
      );
    } else if (this.packetCount === 0) this.visitor.problem('not-a-trace', 'no packet');
  }

  /** Reads whole packets; how many bytes they took. */
  private packets(bytes: Uint8Array): number {
    const reader = new ProtoReader(bytes);
    let used = 0;
    while (reader.next()) {
      used = reader.position;
      if (reader.field !== TRACE.packet) continue;
      this.packetCount += 1;
      this.packet(reader.contents());
    }
    return used;
  }

  private packet(bytes: Uint8Array): void {
    const head: Packet = { timestamp: 0, clock: 0, sequence: 0, flags: 0, dropped: false };
    const reader = new ProtoReader(bytes);
    while (reader.next()) {
      switch (reader.field) {
        case PACKET.timestamp:
          head.timestamp = reader.unsigned();
          break;
        case PACKET.clockId:
          head.clock = reader.unsigned();
          break;
        case PACKET.sequence:
          head.sequence = reader.unsigned();
          break;
        case PACKET.sequenceFlags:
          head.flags |= reader.unsigned();
          break;
        case PACKET.incrementalStateCleared:
          head.flags |= STATE_CLEARED;
          break;
        case PACKET.previousPacketDropped:
          head.dropped = reader.unsigned() !== 0;
          break;
      }
    }
    if (reader.bad) this.visitor.problem('bad-packet', `packet ${this.packetCount} is malformed`);
    const state = this.advance(head);
    this.prepare(bytes, head, state);
    this.contents(bytes, head, state);
  }

  /** State of the packet's sequence, after loss and clearing. */
  private advance(head: Packet): SequenceState {
    let state = this.sequences.get(head.sequence);
    if (head.dropped && state !== undefined) {
      state.valid = false;
      this.visitor.loss(`sequence ${head.sequence}`, 0);
    }
    if (state === undefined || (head.flags & STATE_CLEARED) !== 0) {
      const valid = (head.flags & STATE_CLEARED) !== 0;
      const tables = { names: new Map(), categories: new Map(), annotations: new Map() };
      state = { valid, clock: CLOCK_BOOTTIME, track: '', thread: '', ...tables };
      this.sequences.set(head.sequence, state);
    }
    return state;
  }

  /** What the packet's own event may already refer to: clocks, defaults and interned names. */
  private prepare(bytes: Uint8Array, head: Packet, state: SequenceState): void {
    const reader = new ProtoReader(bytes);
    while (reader.next()) {
      if (reader.field === PACKET.clockSnapshot) {
        this.clocks.snapshot(head.sequence, reader.message());
      } else if (reader.field === PACKET.internedData) {
        this.intern(reader.message(), state);
      } else if (reader.field === PACKET.defaults) {
        const defaults = reader.message();
        while (defaults.next()) {
          if (defaults.field === DEFAULTS.clockId) state.clock = defaults.unsigned();
          if (defaults.field !== DEFAULTS.trackEvent) continue;
          const event = defaults.message();
          while (event.next()) if (event.field === EVENT.track) state.track = event.identity();
        }
      }
    }
  }

  private contents(bytes: Uint8Array, head: Packet, state: SequenceState): void {
    const reader = new ProtoReader(bytes);
    while (reader.next()) {
      switch (reader.field) {
        case PACKET.trackEvent:
          if ((head.flags & NEEDS_STATE) !== 0 && !state.valid) {
            this.visitor.problem(
              'missing-state',
              `sequence ${head.sequence} has an event before its state was cleared`,
            );
          } else this.trackEvent(reader.message(), head, state);
          break;
        case PACKET.trackDescriptor:
          this.descriptor(reader.message());
          break;
        case PACKET.threadDescriptor:
          state.thread = threadOf(reader.message());
          break;
        case PACKET.ftraceEvents:
          this.ftrace(reader.message());
          break;
        case PACKET.traceConfig:
        case PACKET.serviceEvent:
          // Only Perfetto's tracing service writes these.
          this.visitor.live();
          break;
        case PACKET.traceStats:
          this.stats(reader.message());
          break;
        case PACKET.compressedPackets:
          if (this.inflate !== undefined) this.packets(this.inflate(reader.contents()));
          else this.visitor.problem('compressed', 'compressed packets need an inflate function');
          break;
      }
    }
  }

  private intern(data: ProtoReader, state: SequenceState): void {
    while (data.next()) {
      const table =
        data.field === INTERNED.names
          ? state.names
          : data.field === INTERNED.categories
            ? state.categories
            : data.field === INTERNED.annotations
              ? state.annotations
              : null;
      if (table === null) continue;
      const entry = data.message();
      let iid = 0;
      let name = '';
      while (entry.next()) {
        if (entry.field === INTERNED.iid) iid = entry.unsigned();
        else if (entry.field === INTERNED.name) name = entry.text();
      }
      table.set(iid, name);
    }
  }

  private look(table: Map<number, string>, iid: number, what: string): string {
    const name = table.get(iid);
    if (name === undefined) this.visitor.problem('missing-interned', `${what} ${iid} has no name`);
    return name ?? '';
  }

  private trackEvent(event: ProtoReader, head: Packet, state: SequenceState): void {
    const clock = head.clock === 0 ? state.clock : head.clock;
    const time = this.clocks.convert(head.sequence, clock, head.timestamp);
    if (Number.isNaN(time))
      this.visitor.problem('unknown-clock', `no snapshot explains clock ${clock}`);
    let phase = PHASE_OTHER;
    let track = state.track === '' ? state.thread : state.track;
    let [name, category, id] = ['', '', ''];
    let [value, duration] = [Number.NaN, 0];
    let flow = PHASE_OTHER;
    const values: Record<string, unknown> = {};
    while (event.next()) {
      switch (event.field) {
        case EVENT.type:
          phase = TYPES[event.unsigned()] ?? PHASE_OTHER;
          break;
        case EVENT.track:
          track = event.identity();
          break;
        case EVENT.nameIid:
          name = this.look(state.names, event.unsigned(), 'event name');
          break;
        case EVENT.name:
          name = event.text();
          break;
        case EVENT.category:
          category = this.look(state.categories, event.unsigned(), 'category');
          break;
        case EVENT.categoryName:
          category = event.text();
          break;
        case EVENT.counter:
          value = event.signed();
          break;
        case EVENT.doubleCounter:
          value = event.double();
          break;
        case EVENT.annotation:
          this.annotation(event.message(), state, values);
          break;
        case EVENT.flow:
        case EVENT.terminatingFlow:
          id = event.identity();
          flow = event.field === EVENT.flow ? PHASE_FLOW_STEP : PHASE_FLOW_END;
          break;
        case EVENT.legacy: {
          const legacy = readLegacy(event.message());
          if (phase === PHASE_OTHER) phase = phaseOfLetter(legacy.letter);
          if (legacy.tid !== '') track = `thread ${legacy.tid}`;
          if (phase === PHASE_COMPLETE) duration = legacy.duration;
          if (legacy.id !== '') id = legacy.id;
          break;
        }
      }
    }
    const place = { ...BLANK_EVENT, time, track, name, category, arguments: values };
    if (name === 'events lost') this.visitor.loss(track, Number(values['count'] ?? 0));
    if (flow !== PHASE_OTHER) this.visitor.event({ ...place, phase: flow, id });
    this.visitor.event({ ...place, phase, id: flow === PHASE_OTHER ? id : '', value, duration });
  }

  private annotation(
    annotation: ProtoReader,
    state: SequenceState,
    values: Record<string, unknown>,
  ): void {
    let name = '';
    let value: unknown;
    while (annotation.next()) {
      const { field } = annotation;
      if (field === ANNOTATION.nameIid) {
        name = this.look(state.annotations, annotation.unsigned(), 'argument name');
      } else if (field === ANNOTATION.name) name = annotation.text();
      else if (field === ANNOTATION.bool) value = annotation.unsigned() !== 0;
      else if (field === ANNOTATION.integer) value = annotation.signed();
      else if (field === ANNOTATION.unsigned || field === ANNOTATION.pointer) {
        value = annotation.unsigned();
      } else if (field === ANNOTATION.double) value = annotation.double();
      else if (field === ANNOTATION.text) value = annotation.text();
    }
    values[name] = value;
  }

  private descriptor(descriptor: ProtoReader): void {
    let uuid = '0';
    let name = '';
    while (descriptor.next()) {
      if (descriptor.field === TRACK.uuid) uuid = descriptor.identity();
      else if (descriptor.field === TRACK.name) name = descriptor.text();
      else if (descriptor.field === TRACK.thread) {
        const thread = descriptor.message();
        while (thread.next()) if (thread.field === TRACK.threadName) name = thread.text();
      } else if (descriptor.field === TRACK.process) {
        const process = descriptor.message();
        while (process.next()) if (process.field === TRACK.processName) name = process.text();
      }
    }
    this.visitor.name(uuid, name);
  }

  private ftrace(bundle: ProtoReader): void {
    let cpu = 0;
    const events: ProtoReader[] = [];
    while (bundle.next()) {
      if (bundle.field === FTRACE.cpu) cpu = bundle.unsigned();
      else if (bundle.field === FTRACE.event) events.push(bundle.message());
      else if (bundle.field === FTRACE.lostEvents && bundle.unsigned() !== 0) {
        this.visitor.loss(`CPU ${cpu}`, 0);
      }
    }
    for (const event of events) {
      let time = 0;
      let record: ProtoReader | null = null;
      while (event.next()) {
        if (event.field === FTRACE.timestamp) time = event.unsigned();
        else if (event.field === FTRACE.schedSwitch) record = event.message();
      }
      if (record === null) continue;
      let [previous, next] = [0, 0];
      while (record.next()) {
        if (record.field === FTRACE.previousPid) previous = record.signed();
        else if (record.field === FTRACE.nextPid) next = record.signed();
      }
      const place = { ...BLANK_EVENT, time, track: `CPU ${cpu}`, name: 'sched_switch' };
      this.visitor.event({ ...place, phase: PHASE_SWITCH, previous, next });
    }
  }

  private stats(stats: ProtoReader): void {
    while (stats.next()) {
      if (stats.field !== STATS_BUFFER) continue;
      const buffer = stats.message();
      while (buffer.next()) {
        if (STATS_LOSS.has(buffer.field) && buffer.unsigned() > 0) this.visitor.loss('buffer', 0);
      }
    }
  }
}
