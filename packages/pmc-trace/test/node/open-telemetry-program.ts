import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { ByteCollector, Tracer, writeChromeJson } from '../../src/index.js';
import { hostClock, TraceSpanProcessor } from '../../src/node/index.js';

// A program of its own: the test runner resolves this SDK to a build that Node cannot load.
const tracer = new Tracer();
const processor = new TraceSpanProcessor(tracer, tracer.emitter(hostClock()));
const provider = new BasicTracerProvider({ spanProcessors: [processor] });
const otel = provider.getTracer('test');
const one = otel.startSpan('GET /');
const two = otel.startSpan('SELECT');
one.setStatus({ code: 2 });
one.end();
two.end();
await provider.shutdown();
const sink = new ByteCollector();
writeChromeJson(tracer.snapshot(), sink);
console.log(sink.text());
