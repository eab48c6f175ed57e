/** What a converted trace is written to; both formats can say all of it. */
export interface EventSink {
  /** Names a track before its first event. */
  track(number: number, name: string): void;
  begin(track: number, time: number, name: string, values: Values): void;
  end(track: number, time: number): void;
  instant(track: number, time: number, name: string, values: Values): void;
  counter(track: number, time: number, name: string, value: number): void;
  /** Pieces of a flow: an arrow from the first to the last of one identity. */
  flow(track: number, time: number, name: string, id: string, part: 'begin' | 'step' | 'end'): void;
  /** `count` events are missing here; 0: nobody knows how many. */
  lost(track: number, time: number, count: number): void;
  /** After the last. */
  finish(): void;
}

/** Arguments of an event. */
export type Values = Readonly<Record<string, unknown>>;
