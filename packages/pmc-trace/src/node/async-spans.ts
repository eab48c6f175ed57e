import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventRegistry, TraceEmitter } from '../index.js';

/** Number of the span outside all others. */
export const NO_SPAN = 0;

/**
 * Spans that follow `await`: a span runs from the call to the end of the function's promise, and the
 * spans opened inside it, however late, know it as their parent. Uses Node's AsyncLocalStorage.
 */
export class AsyncSpans {
  private readonly emitter: TraceEmitter;
  private readonly registry: EventRegistry;
  private readonly storage = new AsyncLocalStorage<number>();
  private last = NO_SPAN;

  constructor(registry: EventRegistry, emitter: TraceEmitter) {
    this.registry = registry;
    this.emitter = emitter;
  }

  /** Registers a kind for {@link run}; its argument is the parent's number. */
  register(name: string, category = 'async'): number {
    return this.registry.register({ name, category, b: 'parent' });
  }

  /** Number of the span that this code runs in, or NO_SPAN. */
  current(): number {
    return this.storage.getStore() ?? NO_SPAN;
  }

  /** Runs a function in a span; its result, or its promise's, comes back unchanged. */
  run<Result>(kind: number, body: () => Result): Result {
    const { emitter } = this;
    this.last += 1;
    const id = this.last;
    const parent = this.current();
    emitter.asyncBegin(kind, id, parent);
    let result: Result;
    try {
      result = this.storage.run(id, body);
    } catch (error) {
      emitter.asyncEnd(kind, id, parent);
      throw error;
    }
    if (result instanceof Promise) {
      const ended = (): void => emitter.asyncEnd(kind, id, parent);
      result.then(ended, ended);
    } else emitter.asyncEnd(kind, id, parent);
    return result;
  }
}
