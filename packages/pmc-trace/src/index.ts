/**
 * Counters, profile spans and a trace ring that costs nanoseconds, counts what it loses and opens in
 * Perfetto. Runs on any machine of `@hotpath/hw-x86`, and in any JavaScript program.
 *
 * @module
 */

export { CounterSet, type CounterSetOptions } from './counters/counter-set.js';
export {
  COUNTER_EVENTS,
  type CounterEncoding,
  type CounterEventName,
  CPU_MODELS,
  type CpuModel,
  counterEncoding,
} from './counters/event-table.js';
export {
  branchMissesPerThousand,
  type CounterName,
  dtlbMissesPerThousand,
  FIVE_COUNTERS,
  instructionsPerCycle,
  llcMissesPerThousand,
} from './counters/metric.js';
export {
  MultiplexedCounters,
  type MultiplexOptions,
  type ScaledCount,
} from './counters/multiplexed-counters.js';
export { ByteCollector, type ByteSink } from './export/byte-writer.js';
export { ChromeJsonWriter, writeChromeJson } from './export/chrome-json.js';
export { writeCollapsed } from './export/collapsed.js';
export { writeCpuProfile } from './export/cpuprofile.js';
export { OPEN_METRICS_CONTENT_TYPE, openMetricsText } from './export/open-metrics.js';
export { writePprof } from './export/pprof.js';
export type { TimelineCounts } from './export/timeline.js';
export { PerfettoReader, type PerfettoReaderOptions } from './perfetto/perfetto-reader.js';
export { PerfettoWriter, writePerfetto } from './perfetto/perfetto-writer.js';
export { CallStack } from './profile/call-stack.js';
export { CallTree, type ProfiledFunction } from './profile/call-tree.js';
export { LogLinearHistogram } from './profile/histogram.js';
export type { Profile } from './profile/profile.js';
export { SamplingProfiler, type SamplingProfilerOptions } from './profile/sampling-profiler.js';
export { SpanProfile } from './profile/span-profile.js';
export { ProfileSpans, type SpanReport } from './profile/spans.js';
export { ChromeJsonReader } from './read/chrome-json-reader.js';
export {
  checkTrace,
  type Finding,
  formatReport,
  type Severity,
  TraceChecker,
  type TraceReport,
} from './read/trace-checker.js';
export {
  PHASE_COMPLETE,
  PHASE_OTHER,
  type ReadEvent,
  type TraceReader,
  type TraceVisitor,
} from './read/visitor.js';
export { CpuTraceHook } from './tracer/cpu-hook.js';
export { type EventWriter, TraceEmitter } from './tracer/emitter.js';
export {
  type FlightDump,
  FlightRecorder,
  type FlightRecorderOptions,
} from './tracer/flight-recorder.js';
export {
  KIND_LIMIT,
  PHASE_ASYNC_BEGIN,
  PHASE_ASYNC_END,
  PHASE_ASYNC_INSTANT,
  PHASE_BEGIN,
  PHASE_COUNTER,
  PHASE_DEFINED,
  PHASE_END,
  PHASE_FLOW_BEGIN,
  PHASE_FLOW_END,
  PHASE_FLOW_STEP,
  PHASE_INSTANT,
  PHASE_SWITCH,
  PHASE_UNIT,
  type Phase,
  SWITCH_STATE,
  switchState,
  switchTask,
} from './tracer/phase.js';
export {
  type ArgumentDefinition,
  type ArgumentType,
  type EventDefinition,
  type EventKind,
  EventRegistry,
} from './tracer/registry.js';
export {
  eventCode,
  RECORD_DOUBLES,
  type RingDrain,
  type RingEvents,
  type RingMode,
  TraceRing,
} from './tracer/ring.js';
export {
  type SharedRingMode,
  SharedRingReader,
  SharedRingWriter,
  sharedRingBytes,
} from './tracer/shared-ring.js';
export {
  attachRing,
  type SharedRingHandle,
  SharedTracer,
  type SharedTracerOptions,
} from './tracer/shared-tracer.js';
export {
  DEFAULT_RING_CAPACITY,
  type SnapshotConsumer,
  Tracer,
  type TracerOptions,
  type TraceSnapshot,
} from './tracer/tracer.js';
