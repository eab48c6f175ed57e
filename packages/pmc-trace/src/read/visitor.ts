/** Phases that files have and rings do not. A span with its duration (`X` of Chrome JSON). */
export const PHASE_COMPLETE = 12;
/** Anything that is neither a span, an instant, a counter, a flow nor a switch. */
export const PHASE_OTHER = 13;

/** One event of a trace file, whatever the format. */
export interface ReadEvent {
  /** A PHASE_* constant of rings, PHASE_COMPLETE or PHASE_OTHER. */
  readonly phase: number;
  /** Nanoseconds of the trace's own clock; NaN where the file has no readable time. */
  readonly time: number;
  /** Nanoseconds, for PHASE_COMPLETE; 0 otherwise. */
  readonly duration: number;
  /** Identity of the track, unique in the file; the CPU's number for a switch. */
  readonly track: string;
  /** Empty where the file has none (ends, mostly). */
  readonly name: string;
  readonly category: string;
  /** Identity of a flow or an asynchronous span; empty otherwise. */
  readonly id: string;
  /** Value of a counter; NaN otherwise. */
  readonly value: number;
  /** Threads that a switch leaves and enters; -1 otherwise. */
  readonly previous: number;
  readonly next: number;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Takes what a reader finds, in the order of the file. */
export interface TraceVisitor {
  event(event: ReadEvent): void;
  /** Events are missing here. `count` is 0 where the file does not say how many. */
  loss(track: string, count: number): void;
  /** Something the format forbids, such as a name that is nowhere interned. */
  problem(code: string, message: string): void;
  /** The file comes from a service that was switched on while the program ran: spans may be cut. */
  live(): void;
  /** A name for a track, a thread or a process. */
  name(track: string, name: string): void;
}

/** What every event has; spread and overwrite. */
export const BLANK_EVENT: ReadEvent = {
  phase: PHASE_OTHER,
  time: Number.NaN,
  duration: 0,
  track: '',
  name: '',
  category: '',
  id: '',
  value: Number.NaN,
  previous: -1,
  next: -1,
  arguments: {},
};

/** A reader: takes a file in pieces and tells a visitor what is in it. */
export interface TraceReader {
  write(chunk: Uint8Array): void;
  /** After the last piece. */
  end(): void;
}
