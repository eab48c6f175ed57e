import type { TraceEmitter, Tracer } from '../index.js';
import { BoundedTexts } from './bounded-texts.js';

/** What is needed of a span of @opentelemetry/sdk-trace-base. */
export interface OpenTelemetrySpan {
  readonly name: string;
  readonly status?: { readonly code: number };
  spanContext(): { readonly spanId: string };
}

/**
 * A span processor for OpenTelemetry's SDK (`new BasicTracerProvider({ spanProcessors: [...] })`):
 * what an instrumented program already reports goes into the ring, at about 100 ns a span instead of
 * an export. Spans may overlap. Recorded: name, begin, end, status code. Attributes are not; they
 * stay with other processors. At most 10,000 different names.
 */
export class TraceSpanProcessor {
  private readonly emitter: TraceEmitter;
  private readonly kind: number;
  private readonly end: number;
  private readonly texts: BoundedTexts;
  private readonly open = new Map<string, number>();
  private last = 0;

  constructor(tracer: Tracer, emitter: TraceEmitter) {
    this.emitter = emitter;
    const category = 'opentelemetry';
    const { registry } = tracer;
    const b = { name: 'name', type: 'string' } as const;
    this.kind = registry.register({ name: 'span', category, b, title: 'b' });
    this.end = registry.register({
      name: 'span end',
      category,
      phase: 'async-end',
      of: this.kind,
      b: 'status',
    });
    this.texts = new BoundedTexts(registry);
  }

  /** Called by the SDK. */
  onStart(span: OpenTelemetrySpan): void {
    this.last += 1;
    this.open.set(span.spanContext().spanId, this.last);
    this.emitter.asyncBegin(this.kind, this.last, this.texts.number(span.name));
  }

  /** Called by the SDK. */
  onEnd(span: OpenTelemetrySpan): void {
    const key = span.spanContext().spanId;
    const id = this.open.get(key);
    if (id === undefined) return;
    this.open.delete(key);
    this.emitter.emit(this.end, id, span.status?.code ?? 0);
  }

  /** Nothing waits: events are in the ring already. */
  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  /** Forgets spans that never ended; the exporters close them. */
  shutdown(): Promise<void> {
    this.open.clear();
    return Promise.resolve();
  }
}
