/**
 * A Perfetto trace: TracePackets with TrackEvents (protos/perfetto/trace of github.com/google/perfetto).
 * Bytes are put together by protobufjs; names are written in full, since a converted file is read once.
 */
import type { FileSink } from '@hotpath/pmc-trace/node';
import protobuf from 'protobufjs/minimal.js';
import type { EventSink, Values } from './event-sink.js';

type Writer = protobuf.Writer;

const SEQUENCE = 1;
const BEGIN = 1;
const END = 2;
const INSTANT = 3;
const COUNTER = 4;
const FLUSH_BYTES = 1 << 18;

// Wire types: 0 varint, 1 fixed64 and double, 2 length-delimited.
const tag = (field: number, wire: number): number => field * 8 + wire;

/** Writes packets as they come; a counter gets a track of its own, as the format wants. */
export class PerfettoSink implements EventSink {
  private writer = protobuf.Writer.create();
  private isFirst = true;
  private nextTrack = 2 ** 20;
  private readonly counters = new Map<string, number>();
  private readonly flows = new Map<string, number>();
  private readonly file: FileSink;

  constructor(file: FileSink) {
    this.file = file;
  }

  track(number: number, name: string): void {
    this.packet(0, (packet) => {
      packet.uint32(tag(60, 2)).fork();
      packet.uint32(tag(1, 0)).uint64(number).uint32(tag(2, 2)).string(name);
      packet.ldelim();
    });
  }

  begin(track: number, time: number, name: string, values: Values): void {
    this.trackEvent(BEGIN, track, time, (event) => describe(event, name, values));
  }

  end(track: number, time: number): void {
    this.trackEvent(END, track, time, () => {});
  }

  instant(track: number, time: number, name: string, values: Values): void {
    this.trackEvent(INSTANT, track, time, (event) => describe(event, name, values));
  }

  counter(track: number, time: number, name: string, value: number): void {
    const number = this.counterTrack(track, name);
    this.trackEvent(COUNTER, number, time, (event) => event.uint32(tag(44, 1)).double(value));
  }

  flow(track: number, time: number, name: string, id: string, part: string): void {
    let number = this.flows.get(id);
    if (number === undefined) {
      number = this.flows.size + 1;
      this.flows.set(id, number);
    }
    const field = part === 'end' ? 48 : 47;
    const flow = number;
    this.trackEvent(INSTANT, track, time, (event) => {
      describe(event, name, {});
      event.uint32(tag(field, 1)).fixed64(flow);
    });
  }

  lost(track: number, time: number, count: number): void {
    this.instant(track, time, 'events lost', { count });
  }

  finish(): void {
    this.flush();
    this.file.close();
  }

  private counterTrack(track: number, name: string): number {
    const key = `${track} ${name}`;
    let number = this.counters.get(key);
    if (number === undefined) {
      number = this.nextTrack++;
      this.counters.set(key, number);
      const uuid = number;
      this.packet(0, (packet) => {
        packet.uint32(tag(60, 2)).fork();
        packet.uint32(tag(1, 0)).uint64(uuid).uint32(tag(2, 2)).string(name);
        // An empty CounterDescriptor makes it a counter.
        packet.uint32(tag(8, 2)).fork().ldelim();
        packet.ldelim();
      });
    }
    return number;
  }

  private trackEvent(
    type: number,
    track: number,
    time: number,
    body: (event: Writer) => void,
  ): void {
    this.packet(time, (packet) => {
      packet.uint32(tag(11, 2)).fork();
      packet.uint32(tag(9, 0)).uint32(type).uint32(tag(11, 0)).uint64(track);
      body(packet);
      packet.ldelim();
    });
  }

  private packet(time: number, body: (packet: Writer) => void): void {
    const { writer } = this;
    writer.uint32(tag(1, 2)).fork();
    writer.uint32(tag(8, 0)).uint64(Math.max(0, Math.round(time)));
    writer.uint32(tag(10, 0)).uint32(SEQUENCE);
    // The first packet of a sequence says that nothing before it matters.
    if (this.isFirst) writer.uint32(tag(13, 0)).uint32(1);
    this.isFirst = false;
    body(writer);
    writer.ldelim();
    if (writer.len >= FLUSH_BYTES) this.flush();
  }

  private flush(): void {
    this.file.write(this.writer.finish());
    this.writer = protobuf.Writer.create();
  }
}

function describe(event: Writer, name: string, values: Values): void {
  event.uint32(tag(23, 2)).string(name);
  for (const [key, value] of Object.entries(values)) {
    event.uint32(tag(4, 2)).fork().uint32(tag(10, 2)).string(key);
    if (typeof value === 'boolean') event.uint32(tag(2, 0)).bool(value);
    else if (typeof value !== 'number') event.uint32(tag(6, 2)).string(textOf(value));
    else if (Number.isSafeInteger(value)) event.uint32(tag(4, 0)).int64(value);
    else event.uint32(tag(5, 1)).double(value);
    event.ldelim();
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
