/**
 * Tracing a Node program: the host's clock, trace files, and adapters for what Node and its libraries
 * already announce.
 *
 * @module
 */
export { AsyncSpans, NO_SPAN } from './async-spans.js';
export { type Detach, traceChannel, traceHttpServer, traceMessages } from './channels.js';
export { hostClock, hostEpochNanoseconds } from './clock.js';
export {
  checkTraceFile,
  FileSink,
  openTraceFile,
  type TraceFile,
  writeTraceFile,
} from './file.js';
export { type OpenTelemetrySpan, TraceSpanProcessor } from './open-telemetry.js';
export { ENTRY_TYPES, tracePerformanceEntries } from './performance-entries.js';
