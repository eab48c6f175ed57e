/**
 * Field numbers of the Perfetto trace format that are written and read here, from the .proto files
 * under protos/perfetto/trace of github.com/google/perfetto. Messages are named as there.
 */

/** Trace. */
export const TRACE = { packet: 1 } as const;

/** TracePacket. */
export const PACKET = {
  ftraceEvents: 1,
  clockSnapshot: 6,
  timestamp: 8,
  sequence: 10,
  trackEvent: 11,
  internedData: 12,
  sequenceFlags: 13,
  traceConfig: 33,
  traceStats: 35,
  incrementalStateCleared: 41,
  previousPacketDropped: 42,
  threadDescriptor: 44,
  compressedPackets: 50,
  clockId: 58,
  defaults: 59,
  trackDescriptor: 60,
  serviceEvent: 69,
  firstPacketOnSequence: 87,
} as const;

/** TracePacket.SequenceFlags. */
export const STATE_CLEARED = 1;
/** TracePacket.SequenceFlags. */
export const NEEDS_STATE = 2;

/** TracePacketDefaults. */
export const DEFAULTS = { trackEvent: 11, clockId: 58 } as const;

/** ClockSnapshot and ClockSnapshot.Clock. */
export const CLOCKS = { clock: 1, id: 1, timestamp: 2, incremental: 3, unit: 4 } as const;
/** CLOCK_REALTIME. */
export const CLOCK_REALTIME = 1;
/** CLOCK_BOOTTIME: the trace's own clock. */
export const CLOCK_BOOTTIME = 6;
/** First clock whose meaning belongs to one sequence. */
export const CLOCK_OF_SEQUENCE = 64;

/** TrackEvent. */
export const EVENT = {
  category: 3,
  annotation: 4,
  legacy: 6,
  type: 9,
  nameIid: 10,
  track: 11,
  categoryName: 22,
  name: 23,
  counter: 30,
  doubleCounter: 44,
  flow: 47,
  terminatingFlow: 48,
} as const;

/** TrackEvent.Type. */
export const TYPE_BEGIN = 1;
/** TrackEvent.Type. */
export const TYPE_END = 2;
/** TrackEvent.Type. */
export const TYPE_INSTANT = 3;
/** TrackEvent.Type. */
export const TYPE_COUNTER = 4;

/** TrackEvent.LegacyEvent. */
export const LEGACY = { phase: 2, durationUs: 3, unscopedId: 6, pid: 18, tid: 19 } as const;

/** DebugAnnotation. */
export const ANNOTATION = {
  nameIid: 1,
  bool: 2,
  unsigned: 3,
  integer: 4,
  double: 5,
  text: 6,
  pointer: 7,
  name: 10,
} as const;

/** InternedData; EventCategory, EventName and DebugAnnotationName share `iid` and `name`. */
export const INTERNED = { categories: 1, names: 2, annotations: 3, iid: 1, name: 2 } as const;

/** TrackDescriptor, ThreadDescriptor, ProcessDescriptor. */
export const TRACK = {
  uuid: 1,
  name: 2,
  process: 3,
  thread: 4,
  parent: 5,
  counter: 8,
  pid: 1,
  tid: 2,
  threadName: 5,
  processName: 6,
} as const;

/** FtraceEventBundle, FtraceEvent, SchedSwitchFtraceEvent. */
export const FTRACE = {
  cpu: 1,
  event: 2,
  lostEvents: 3,
  timestamp: 1,
  pid: 2,
  schedSwitch: 4,
  previousName: 1,
  previousPid: 2,
  previousState: 4,
  nextName: 5,
  nextPid: 6,
} as const;
