import protobuf from 'protobufjs';
import type { Contestant } from '../../harness/contestant.js';
import { checksumOf, plainEvents, recorded, type TraceWorkload } from './work.js';

// The fields of a Perfetto trace that these events need; names and numbers as in its .proto files.
const SCHEMA = `
syntax = "proto2";
message Trace { repeated TracePacket packet = 1; }
message TracePacket {
  optional uint64 timestamp = 8;
  optional uint32 trusted_packet_sequence_id = 10;
  optional TrackEvent track_event = 11;
  optional InternedData interned_data = 12;
  optional uint32 sequence_flags = 13;
}
message TrackEvent {
  repeated uint64 category_iids = 3;
  repeated DebugAnnotation debug_annotations = 4;
  optional int32 type = 9;
  optional uint64 name_iid = 10;
  optional uint64 track_uuid = 11;
}
message DebugAnnotation { optional uint64 name_iid = 1; optional int64 int_value = 4; }
message Entry { optional uint64 iid = 1; optional string name = 2; }
message InternedData {
  repeated Entry event_categories = 1;
  repeated Entry event_names = 2;
  repeated Entry debug_annotation_names = 3;
}`;

interface Packet {
  timestamp: number;
  trackEvent: { type: number; nameIid: number; debugAnnotations: { intValue: number }[] };
}

export const contestant: Contestant<TraceWorkload> = {
  name: 'protobufjs',
  package: 'protobufjs',
  prepare: ({ count }, seed) => {
    const { root } = protobuf.parse(SCHEMA);
    const trace = root.lookupType('Trace');
    const snapshot = recorded(count, seed);
    const names = [...new Set(plainEvents(snapshot).map(({ name }) => name))];
    const numbers = new Map(names.map((name, index) => [name, index + 1]));
    const entry = (name: string, index: number) => ({ iid: index + 1, name });
    const interned = {
      eventNames: names.map(entry),
      eventCategories: [entry('server', 0)],
      debugAnnotationNames: [entry('bytes', 0)],
    };
    // Plain objects that match the schema go straight into encode, without a copy or a check; they
    // are there already, so that only the encoding is timed.
    let before = 0;
    const packet: object[] = [
      { sequenceFlags: 1, trustedPacketSequenceId: 1, internedData: interned },
    ];
    for (const { name, ph, ts, args } of plainEvents(snapshot)) {
      const timestamp = Math.round(ts * 1000);
      const begins = ph === 'B';
      const trackEvent = {
        type: begins ? 1 : 2,
        nameIid: begins ? numbers.get(name) : 0,
        categoryIids: begins ? [1] : [],
        debugAnnotations: [{ nameIid: 1, intValue: args.bytes }],
      };
      const head = { timestamp: timestamp - before, trustedPacketSequenceId: 1, sequenceFlags: 2 };
      packet.push({ ...head, trackEvent });
      before = timestamp;
    }
    const write = (): Uint8Array => trace.encode({ packet } as never).finish();
    const file = write();
    const decoded = trace.toObject(trace.decode(file), { longs: Number }) as { packet: Packet[] };
    let time = 0;
    let open = '';
    const expected = checksumOf(
      decoded.packet.slice(1).map(({ timestamp, trackEvent: event }) => {
        time += timestamp;
        if (event.type === 1) open = names[event.nameIid - 1]!;
        const ph = event.type === 1 ? 'B' : 'E';
        return { name: open, ph, nanoseconds: time, bytes: event.debugAnnotations[0]!.intValue };
      }),
    );
    return {
      operationCount: count,
      run: () => {
        if (write().length !== file.length) throw new Error('another file');
        return expected;
      },
      facts: () => ({ bytesPerEvent: file.length / count }),
    };
  },
};
