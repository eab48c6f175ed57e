import type { Cpu, TraceHook } from '@hotpath/hw-x86';
import { KIND_LIMIT } from '@hotpath/pmc-trace';

/** Told of kernel events as they happen, by whoever observes. It charges nothing by being told. */
export interface EventListener {
  event(kind: number, a: number, b: number, cpu: Cpu): void;
}

/** A trace hook that must know which CPU runs: that of a Tracer. */
export interface CpuHook extends TraceHook {
  run(cpu: number): void;
}

/**
 * The one trace hook that an observable kernel gives to all its parts: hands each event to the tracers
 * that record now and to the listeners that asked for its kind. Who begins to observe is added while
 * the kernel runs, so that nobody pays who does not look: with nobody there, an event is two loads.
 */
export class EventTap implements TraceHook {
  readonly #cpus: readonly Cpu[];
  readonly #tracers: CpuHook[] = [];
  readonly #listeners: (EventListener[] | null)[] = new Array<null>(KIND_LIMIT).fill(null);
  #cpu: Cpu;

  constructor(cpus: readonly Cpu[]) {
    this.#cpus = cpus;
    this.#cpu = cpus[0];
  }

  /** From now on events belong to this CPU. */
  run(cpu: number): void {
    this.#cpu = this.#cpus[cpu];
    for (const tracer of this.#tracers) tracer.run(cpu);
  }

  emit(kind: number, a: number, b: number): void {
    const tracers = this.#tracers;
    for (let i = 0; i < tracers.length; i++) tracers[i].emit(kind, a, b);
    const listeners = this.#listeners[kind];
    if (listeners === null) return;
    for (let i = 0; i < listeners.length; i++) listeners[i].event(kind, a, b, this.#cpu);
  }

  /** Events go to this tracer, too. */
  addTracer(hook: CpuHook): void {
    hook.run(this.#cpu.id);
    this.#tracers.push(hook);
  }

  /** They do no more. */
  removeTracer(hook: CpuHook): void {
    const at = this.#tracers.indexOf(hook);
    if (at >= 0) this.#tracers.splice(at, 1);
  }

  /** Events of these kinds go to this listener, too. */
  listen(listener: EventListener, kinds: readonly number[]): void {
    for (const kind of kinds) this.#listeners[kind] = [...(this.#listeners[kind] ?? []), listener];
  }

  /** No event goes to it any more. */
  ignore(listener: EventListener): void {
    for (let kind = 0; kind < KIND_LIMIT; kind++) {
      const rest = this.#listeners[kind]?.filter((each) => each !== listener) ?? [];
      this.#listeners[kind] = rest.length === 0 ? null : rest;
    }
  }
}
