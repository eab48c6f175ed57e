import { PerfettoReader, type PerfettoReaderOptions } from '../perfetto/perfetto-reader.js';
import {
  PHASE_ASYNC_BEGIN,
  PHASE_ASYNC_END,
  PHASE_BEGIN,
  PHASE_END,
  PHASE_FLOW_BEGIN,
  PHASE_FLOW_END,
  PHASE_FLOW_STEP,
  PHASE_SWITCH,
} from '../tracer/phase.js';
import { ChromeJsonReader } from './chrome-json-reader.js';
import { TrackRecord } from './track-record.js';
import {
  PHASE_COMPLETE,
  PHASE_OTHER,
  type ReadEvent,
  type TraceReader,
  type TraceVisitor,
} from './visitor.js';

/** `error`: the file is wrong, viewers show something else than happened. `note`: worth knowing. */
export type Severity = 'error' | 'note';

/** One kind of finding. */
export interface Finding {
  /** Stable, for example `misplaced-end`. */
  readonly code: string;
  readonly severity: Severity;
  /** How often. */
  readonly count: number;
  /** The first one, in words. */
  readonly first: string;
}

/** What a check found. */
export interface TraceReport {
  /** `unknown` where the first bytes are neither JSON nor a Perfetto packet. */
  readonly format: 'chrome-json' | 'perfetto' | 'unknown';
  readonly eventCount: number;
  readonly trackCount: number;
  /** Nanoseconds from the first to the last event. */
  readonly duration: number;
  /** Events that the file says are missing, where it says how many. */
  readonly lost: number;
  readonly findings: readonly Finding[];
  /** True when no finding is an error. */
  readonly valid: boolean;
}

// An end may lie this far beyond its parent's: Chrome writes microseconds with three decimals, and
// the sum of two rounded numbers is off by one unit and the rounding of a double.
const TOLERANCE = 2;

const NOTES = new Set(['unclosed-begin', 'begun-before', 'lost-events', 'orphan-flow']);

/**
 * Judges a trace file, its own or other people's: ends without a begin, spans that overlap instead of
 * nesting, negative durations, switches that leave a task which was not running, names and clocks
 * that are nowhere explained, loss. Feed it the file in pieces.
 */
export class TraceChecker implements TraceVisitor {
  private readonly options: PerfettoReaderOptions;
  private reader: TraceReader | null = null;
  private format: TraceReport['format'] = 'unknown';
  private eventCount = 0;
  private lost = 0;
  private isLive = false;
  private low = Number.POSITIVE_INFINITY;
  private high = Number.NEGATIVE_INFINITY;
  private readonly tracks = new Map<string, TrackRecord>();
  private readonly asyncTracks = new Map<string, TrackRecord>();
  private readonly switches = new Map<string, { time: number; previous: number; next: number }[]>();
  private readonly flows = new Set<string>();
  private readonly names = new Map<string, number>();
  private readonly nameTexts: string[] = [];
  private readonly trackNames = new Map<string, string>();
  private readonly found = new Map<string, { count: number; first: string }>();
  private readonly lossyCpus = new Set<string>();

  constructor(options: PerfettoReaderOptions = {}) {
    this.options = options;
  }

  /** Takes the next piece of the file. */
  write(chunk: Uint8Array): void {
    if (this.reader === null) {
      this.format = formatOf(chunk);
      if (this.format === 'unknown') {
        this.problem('not-a-trace', 'the file is neither trace-event JSON nor a Perfetto trace');
        this.reader = { write: () => {}, end: () => {} };
      } else {
        this.reader =
          this.format === 'chrome-json'
            ? new ChromeJsonReader(this)
            : new PerfettoReader(this, this.options);
      }
    }
    this.reader.write(chunk);
  }

  /** After the last piece: the verdict. */
  finish(): TraceReport {
    if (this.reader === null) this.problem('not-a-trace', 'the file is empty');
    this.reader?.end();
    for (const [track, record] of this.tracks) this.checkSpans(track, record);
    for (const [track, record] of this.asyncTracks) this.checkSpans(track, record);
    for (const [cpu, list] of this.switches) this.checkSwitches(cpu, list);
    const findings = [...this.found].map(([code, { count, first }]): Finding => {
      return { code, severity: NOTES.has(code) ? 'note' : 'error', count, first };
    });
    return {
      format: this.format,
      eventCount: this.eventCount,
      trackCount: this.tracks.size,
      duration: this.eventCount === 0 ? 0 : Math.max(0, this.high - this.low),
      lost: this.lost,
      findings,
      valid: findings.every(({ severity }) => severity === 'note'),
    };
  }

  event(event: ReadEvent): void {
    this.eventCount += 1;
    const { phase, time, track } = event;
    if (phase === PHASE_OTHER) return;
    if (!Number.isFinite(time)) {
      this.problem('bad-time', `event "${event.name}" has no readable time`);
      return;
    }
    if (time < this.low) this.low = time;
    if (time > this.high) this.high = time;
    if (phase === PHASE_SWITCH) {
      const { previous, next } = event;
      const list = this.switches.get(track);
      if (list === undefined) this.switches.set(track, [{ time, previous, next }]);
      else list.push({ time, previous, next });
    } else if (phase === PHASE_BEGIN || phase === PHASE_END || phase === PHASE_COMPLETE) {
      if (event.duration < 0) {
        this.problem('negative-duration', `"${event.name}" lasts ${event.duration} ns`);
        return;
      }
      this.add(this.tracks, track, event);
    } else if (phase === PHASE_ASYNC_BEGIN || phase === PHASE_ASYNC_END) {
      this.add(this.asyncTracks, `${event.category}\0${event.id}`, event);
    } else if (phase >= PHASE_FLOW_BEGIN && phase <= PHASE_FLOW_END) this.flow(event);
  }

  loss(track: string, count: number): void {
    this.lost += count;
    this.lossyCpus.add(track);
    const many = count === 0 ? 'an unknown number of' : `${count}`;
    this.problem('lost-events', `${many} events are missing on ${this.nameOf(track)}`);
  }

  problem(code: string, message: string): void {
    const known = this.found.get(code);
    if (known === undefined) this.found.set(code, { count: 1, first: message });
    else known.count += 1;
  }

  live(): void {
    this.isLive = true;
  }

  name(track: string, name: string): void {
    this.trackNames.set(track, name);
  }

  private nameOf(track: string): string {
    const name = this.trackNames.get(track);
    return name === undefined || name === '' ? `track ${track}` : `"${name}"`;
  }

  private add(tracks: Map<string, TrackRecord>, track: string, event: ReadEvent): void {
    let record = tracks.get(track);
    if (record === undefined) {
      record = new TrackRecord();
      tracks.set(track, record);
    }
    let { phase } = event;
    if (phase === PHASE_ASYNC_BEGIN) phase = PHASE_BEGIN;
    if (phase === PHASE_ASYNC_END) phase = PHASE_END;
    record.add(event.time, phase, event.duration, this.numberOf(event.name));
  }

  private numberOf(name: string): number {
    if (name === '') return -1;
    let number = this.names.get(name);
    if (number === undefined) {
      number = this.nameTexts.length;
      this.names.set(name, number);
      this.nameTexts.push(name);
    }
    return number;
  }

  private flow(event: ReadEvent): void {
    // Perfetto's flows have no explicit start: the earliest event with the identity is it.
    if (this.format === 'perfetto') return;
    const key = `${event.category}\0${event.id}`;
    if (event.phase === PHASE_FLOW_BEGIN) this.flows.add(key);
    else if (event.phase === PHASE_FLOW_STEP || event.phase === PHASE_FLOW_END) {
      if (!this.flows.has(key)) this.problem('orphan-flow', `flow "${event.name}" has no start`);
    }
  }

  /** Goes through a track in order of time with a stack of open spans. */
  private checkSpans(track: string, record: TrackRecord): void {
    const { times, phases, durations, names } = record;
    const open: number[] = [];
    const endOf = (index: number): number =>
      phases[index] === PHASE_COMPLETE ? times[index] + durations[index] : Number.POSITIVE_INFINITY;
    for (const index of record.order()) {
      const time = times[index];
      while (open.length > 0 && endOf(open[open.length - 1]) <= time + TOLERANCE / 2) open.pop();
      const top = open.length === 0 ? -1 : open[open.length - 1];
      if (phases[index] === PHASE_BEGIN) open.push(index);
      else if (phases[index] === PHASE_COMPLETE) {
        if (top >= 0 && endOf(top) + TOLERANCE < endOf(index)) {
          this.problem(
            'overlap',
            `"${this.nameTexts[names[index]]}" ends after "${this.nameTexts[names[top]]}", inside which it began, on ${this.nameOf(track)}`,
          );
        }
        open.push(index);
      } else if (top < 0 && this.isLive) {
        this.problem('begun-before', `a span ends on ${this.nameOf(track)} that no event began`);
      } else if (top < 0 || phases[top] !== PHASE_BEGIN) {
        const name = names[index] < 0 ? 'an end' : `the end of "${this.nameTexts[names[index]]}"`;
        const where = top < 0 ? 'without a begin' : 'inside a span that is longer';
        this.problem('misplaced-end', `${name} ${where} on ${this.nameOf(track)}`);
      } else {
        if (names[index] >= 0 && names[index] !== names[top]) {
          const inner = this.nameTexts[names[top]] ?? '';
          const ended = this.nameTexts[names[index]];
          this.problem('misplaced-end', `the end of "${ended}" while "${inner}" is the innermost`);
        }
        open.pop();
      }
    }
    for (const index of open) {
      if (phases[index] !== PHASE_BEGIN) continue;
      const name = this.nameTexts[names[index]] ?? '';
      this.problem('unclosed-begin', `"${name}" has no end on ${this.nameOf(track)}`);
    }
  }

  private checkSwitches(
    cpu: string,
    list: { time: number; previous: number; next: number }[],
  ): void {
    list.sort((x, y) => x.time - y.time);
    for (let index = 1; index < list.length; index += 1) {
      const { next } = list[index - 1];
      const { previous } = list[index];
      if (previous === next || this.lossyCpus.has(cpu)) continue;
      this.problem(
        'mismatched-switch',
        `${cpu} leaves thread ${previous} while thread ${next} runs there`,
      );
    }
  }
}

/** A byte-order mark and white space may precede JSON; field 1 of a Perfetto trace is a line feed. */
function formatOf(chunk: Uint8Array): TraceReport['format'] {
  const shown = [...chunk.subarray(0, 4096)].filter(
    (byte) => byte > 0x20 && byte !== 0xef && byte !== 0xbb && byte !== 0xbf,
  );
  const json = shown[0] === 0x7b || shown[0] === 0x5b;
  if (chunk[0] !== 0x0a) return json ? 'chrome-json' : 'unknown';
  // A first packet of 91 or 123 bytes looks like a bracket: then what follows must be JSON, too.
  return json && [0x22, 0x7b, 0x7d, 0x5d].includes(shown[1]) ? 'chrome-json' : 'perfetto';
}

/** Judges a whole file in memory. */
export function checkTrace(bytes: Uint8Array, options: PerfettoReaderOptions = {}): TraceReport {
  const checker = new TraceChecker(options);
  if (bytes.length > 0) checker.write(bytes);
  return checker.finish();
}

/** A report in lines of text, for a terminal. */
export function formatReport(report: TraceReport): string[] {
  const { format, eventCount, trackCount, duration, lost } = report;
  const lines = [
    `${format}: ${eventCount} events, ${trackCount} tracks with spans, ${duration / 1e6} ms, ${lost} lost`,
  ];
  for (const { severity, code, count, first } of report.findings) {
    lines.push(`${severity}: ${code} x${count}: ${first}`);
  }
  lines.push(report.valid ? 'valid' : 'not valid');
  return lines;
}
