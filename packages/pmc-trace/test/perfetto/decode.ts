import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

/** A packet as protobufjs decodes it by the minimal schema beside this file. */
export interface Packet {
  timestamp?: number;
  trustedPacketSequenceId?: number;
  sequenceFlags?: number;
  previousPacketDropped?: number;
  firstPacketOnSequence?: boolean;
  tracePacketDefaults?: { timestampClockId: number; trackEventDefaults: { trackUuid: number } };
  clockSnapshot?: { clocks: { clockId: number; timestamp: string; isIncremental?: boolean }[] };
  trackEvent?: {
    type: string;
    nameIid?: number;
    name?: string;
    categoryIids?: number[];
    trackUuid?: number;
    counterValue?: number;
    doubleCounterValue?: number;
    flowIds?: number[];
    terminatingFlowIds?: number[];
    debugAnnotations?: Record<string, unknown>[];
  };
  internedData?: Record<string, { iid: number; name: string }[]>;
  trackDescriptor?: {
    uuid: number;
    name?: string;
    parentUuid?: number;
    thread?: Record<string, unknown>;
    counter?: object;
  };
  ftraceEvents?: {
    cpu: number;
    lostEvents?: boolean;
    event: { timestamp: number; pid: number; schedSwitch: Record<string, unknown> }[];
  };
}

/** The minimal schema, for protobufjs and protoc. */
export const SCHEMA_PATH = new URL('./minimal.proto', import.meta.url).pathname;
const { root } = protobuf.parse(readFileSync(SCHEMA_PATH, 'utf8'));
const trace = root.lookupType('perfetto.protos.Trace');

/** Decodes a whole trace; throws where it is not one. */
export function decodeTrace(bytes: Uint8Array): Packet[] {
  const message = trace.decode(bytes);
  const object = trace.toObject(message, { longs: Number, enums: String }) as { packet: Packet[] };
  return object.packet ?? [];
}

/** One event as a reader with interning and incremental clocks sees it. */
export interface Decoded {
  sequence: number;
  time: number;
  type: string;
  name: string | undefined;
  track: number;
  arguments: Record<string, unknown>;
}

/** Replays interning, defaults and clocks by the letter of the format; throws on missing state. */
export function replay(packets: readonly Packet[]): Decoded[] {
  const names = new Map<string, string>();
  const state = new Map<number, { time: number; track: number; valid: boolean }>();
  const events: Decoded[] = [];
  for (const packet of packets) {
    const sequence = packet.trustedPacketSequenceId ?? 0;
    if ((packet.previousPacketDropped ?? 0) !== 0) state.delete(sequence);
    if (((packet.sequenceFlags ?? 0) & 1) !== 0) {
      for (const key of names.keys()) if (key.startsWith(`${sequence}/`)) names.delete(key);
      state.set(sequence, { time: 0, track: 0, valid: true });
    }
    const now = state.get(sequence);
    for (const [table, entries] of Object.entries(packet.internedData ?? {})) {
      for (const { iid, name } of entries) names.set(`${sequence}/${table}/${iid}`, name);
    }
    if (packet.tracePacketDefaults !== undefined && now !== undefined) {
      now.track = packet.tracePacketDefaults.trackEventDefaults.trackUuid;
    }
    const clock = packet.clockSnapshot?.clocks.find(({ clockId }) => clockId === 64);
    if (clock !== undefined && now !== undefined) now.time = Number(clock.timestamp);
    const event = packet.trackEvent;
    if (event === undefined) continue;
    if (now === undefined) throw new Error('an event before its sequence has state');
    now.time += packet.timestamp ?? 0;
    const look = (table: string, iid: number): string => {
      const found = names.get(`${sequence}/${table}/${iid}`);
      if (found === undefined) throw new Error(`${table} ${iid} is not interned`);
      return found;
    };
    for (const category of event.categoryIids ?? []) look('eventCategories', category);
    const shown = (event.debugAnnotations ?? []).map(({ nameIid, name, ...values }) => [
      name ?? look('debugAnnotationNames', nameIid as number),
      Object.values(values)[0],
    ]);
    events.push({
      sequence,
      time: now.time,
      type: event.type.replace('TYPE_', '').replace('SLICE_', ''),
      name:
        event.name ?? (event.nameIid === undefined ? undefined : look('eventNames', event.nameIid)),
      track: event.trackUuid ?? now.track,
      arguments: Object.fromEntries(shown),
    });
  }
  return events;
}
