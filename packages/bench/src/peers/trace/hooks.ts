import type { TraceHook } from '@hotpath/hw-x86';
import { Tracer } from '@hotpath/pmc-trace';

// A call site that has seen more than four classes looks the method up each time and inlines nothing.
// What a switched-off tracer adds there is what its `emit` costs beyond an empty one.
class EmptyA implements TraceHook {
  emit(): void {}
}
class EmptyB implements TraceHook {
  readonly b = 1;
  emit(): void {}
}
class EmptyC implements TraceHook {
  readonly c = 1;
  emit(): void {}
}
class EmptyD implements TraceHook {
  readonly d = 1;
  emit(): void {}
}
class EmptyE implements TraceHook {
  readonly e = 1;
  emit(): void {}
}
class EmptyF implements TraceHook {
  readonly f = 1;
  emit(): void {}
}

/** Eight hooks of six classes that do nothing. */
export function emptyHooks(): TraceHook[] {
  const two = [new EmptyE(), new EmptyF()];
  return [new EmptyA(), new EmptyB(), new EmptyC(), new EmptyD(), ...two, ...two];
}

/** Eight hooks of six classes, of which the four most called are a switched-off tracer's. */
export function disabledHooks(): TraceHook[] {
  const tracer = new Tracer();
  tracer.disable();
  const hook = tracer.hook([new Float64Array(32)]);
  const emitter = tracer.emitter({ now: () => 0 });
  const others = [new EmptyA(), new EmptyB(), new EmptyC(), new EmptyD()];
  return [...others, hook, emitter, hook, emitter];
}
