/**
 * What a {@link FairLoop} needs of its surroundings. The default takes it from `globalThis`, in Node,
 * browsers, Deno and Bun; tests give a clock of their own.
 */
export interface LoopHost {
  /** Milliseconds, not going backwards, with fractions. */
  now(): number;
  /** Calls back in a later turn of the event loop: timers and I/O get their turn before. */
  macrotask(callback: () => void): void;
  /** Calls back after all promise reactions that are due now. */
  microtask(callback: () => void): void;
  /** Calls back after `ms` milliseconds; the answer cancels it. */
  timeout(callback: () => void, ms: number): () => void;
}

interface Port {
  postMessage(message: number): void;
  onmessage: (() => void) | null;
}

/** The part of the globals that is used; every one exists wherever an event loop does. */
interface Globals {
  performance: { now(): number };
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  setImmediate?: (callback: () => void) => void;
  MessageChannel?: new () => { port1: Port; port2: Port };
}

/** The event loop this program runs on. */
export function eventLoopHost(): LoopHost {
  const globals = globalThis as unknown as Globals;
  // Node looks the global up through a getter each time.
  const clock = globals.performance;
  return {
    now: () => clock.now(),
    macrotask: macrotaskOf(globals),
    microtask: (callback) => void Promise.resolve().then(callback),
    timeout(callback, ms) {
      const timer = globals.setTimeout(callback, ms);
      return () => globals.clearTimeout(timer);
    },
  };
}

/** setImmediate where there is one; else a message port, because nested timeouts wait 4 ms. */
function macrotaskOf(globals: Globals): (callback: () => void) => void {
  const immediate = globals.setImmediate;
  if (immediate !== undefined) return (callback) => immediate(callback);
  const Channel = globals.MessageChannel;
  if (Channel === undefined) return (callback) => void globals.setTimeout(callback, 0);
  const channel = new Channel();
  const waiting: (() => void)[] = [];
  channel.port1.onmessage = () => waiting.shift()?.();
  return (callback) => {
    waiting.push(callback);
    channel.port2.postMessage(0);
  };
}
