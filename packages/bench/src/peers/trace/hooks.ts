import type { TraceHook } from '@hotpath/hw-x86';
import { Tracer } from '@hotpath/pmc-trace';

/** Five hooks of other make at the same call site: what a program with several tracers has. */
class FlagHook implements TraceHook {
  on = false;
  seen = 0;
  emit(kind: number, a: number, b: number): void {
    if (this.on) this.seen += kind + a + b;
  }
}
class MaskHook implements TraceHook {
  seen = 0;
  mask = 0;
  emit(kind: number, a: number, b: number): void {
    if ((this.mask & kind) !== 0) this.seen += a + b;
  }
}
class NullHook implements TraceHook {
  next: TraceHook | null = null;
  emit(kind: number, a: number, b: number): void {
    if (this.next !== null) this.next.emit(kind, a, b);
  }
}
class CountHook implements TraceHook {
  readonly limit = 0;
  count = 0;
  emit(): void {
    if (this.count < this.limit) this.count += 1;
  }
}
class SetHook implements TraceHook {
  readonly name = 'set';
  kinds = new Uint8Array(64);
  seen = 0;
  emit(kind: number, a: number, b: number): void {
    if (this.kinds[kind & 63] === 1) this.seen += a + b;
  }
}

/** Eight hooks of seven classes, all switched off; two of the classes are ours. */
export function disabledHooks(): TraceHook[] {
  const tracer = new Tracer();
  tracer.disable();
  const ours = tracer.hook([new Float64Array(32)]);
  const emitter = tracer.emitter({ now: () => 0 });
  const others = [new FlagHook(), new MaskHook(), new NullHook(), new CountHook(), new SetHook()];
  return [ours, ...others, emitter, ours];
}
