/**
 * What a subsystem tells a tracer. Held as `TraceHook | null` and tested for null at each use, so
 * that nobody pays who does not look. The implementer adds time and CPU: a core has no clock.
 */
export interface TraceHook {
  /**
   * @param kind - an event number; each package exports its own as constants
   * @param a - first argument, a safe integer
   * @param b - second argument, a safe integer
   */
  emit(kind: number, a: number, b: number): void;
}

/**
 * First event number of each package, so that one ring can hold the events of all. A package uses
 * `base + 0 .. base + 63`.
 */
export const TRACE_BASE = {
  hardware: 0,
  blockcache: 64,
  pagecache: 128,
  sched: 192,
  slab: 256,
  kernel: 320,
  user: 1024,
} as const;
