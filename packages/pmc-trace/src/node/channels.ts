import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import type { TraceEmitter, Tracer } from '../index.js';
import { BoundedTexts } from './bounded-texts.js';

/** Takes an adapter away again. */
export type Detach = () => void;

/**
 * Records every call that a `tracingChannel` announces as a span with its own identity, from `start`
 * to the end of the call or of its promise. Spans may overlap. `b` is 1 where it failed.
 */
export function traceChannel(tracer: Tracer, emitter: TraceEmitter, name: string): Detach {
  const kind = tracer.registry.register({ name, category: 'channel', b: 'failed' });
  const open = new WeakMap<object, number>();
  let last = 0;
  const finish = (context: object): void => {
    const id = open.get(context);
    if (id === undefined) return;
    open.delete(context);
    emitter.asyncEnd(kind, id, 'error' in context ? 1 : 0);
  };
  const handlers = {
    start: (context: object): void => {
      last += 1;
      open.set(context, last);
      emitter.asyncBegin(kind, last);
    },
    // A synchronous call has its result now; a promise or callback comes later, with asyncEnd.
    end: (context: object): void => {
      if ('result' in context || 'error' in context) finish(context);
    },
    asyncStart: (): void => {},
    asyncEnd: finish,
    error: (): void => {},
  };
  const tracing = tracingChannel(name);
  tracing.subscribe(handlers);
  return () => {
    tracing.unsubscribe(handlers);
  };
}

/** Records every message of a plain channel as an instant. */
export function traceMessages(tracer: Tracer, emitter: TraceEmitter, name: string): Detach {
  const kind = tracer.registry.register({
    name,
    category: 'channel',
  });
  const handler = (): void => emitter.instant(kind);
  subscribe(name, handler);
  return () => {
    unsubscribe(name, handler);
  };
}

/** What Node's http module publishes about a request that a server got. */
interface ServerMessage {
  request: { method?: string; url?: string };
  response: { statusCode: number; once(event: 'close', listener: () => void): void };
}

/**
 * Records every request of every `node:http` server in this thread as a span called by method and
 * path, from its head to the end of the response; `b` of its end is the status, or 0 where the
 * connection closed before. At most 10,000 different paths are named.
 */
export function traceHttpServer(tracer: Tracer, emitter: TraceEmitter): Detach {
  const kind = tracer.registry.register({
    name: 'request',
    category: 'http',
    b: { name: 'path', type: 'string' },
    title: 'b',
  });
  const end = tracer.registry.register({
    name: 'response',
    category: 'http',
    phase: 'async-end',
    of: kind,
    b: 'status',
  });
  const texts = new BoundedTexts(tracer.registry);
  const open = new WeakMap<object, number>();
  let last = 0;
  const finish = (request: object, status: number): void => {
    const id = open.get(request);
    if (id === undefined) return;
    open.delete(request);
    emitter.emit(end, id, status);
  };
  const started = (message: unknown): void => {
    const { request, response } = message as ServerMessage;
    last += 1;
    open.set(request, last);
    const path = (request.url ?? '').split('?', 1)[0];
    emitter.asyncBegin(kind, last, texts.number(`${request.method ?? '?'} ${path}`));
    response.once('close', () => finish(request, 0));
  };
  const finished = (message: unknown): void => {
    const { request, response } = message as ServerMessage;
    finish(request, response.statusCode);
  };
  subscribe('http.server.request.start', started);
  subscribe('http.server.response.finish', finished);
  return () => {
    unsubscribe('http.server.request.start', started);
    unsubscribe('http.server.response.finish', finished);
  };
}
