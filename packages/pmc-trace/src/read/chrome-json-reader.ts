import {
  PHASE_ASYNC_BEGIN,
  PHASE_ASYNC_END,
  PHASE_ASYNC_INSTANT,
  PHASE_BEGIN,
  PHASE_COUNTER,
  PHASE_END,
  PHASE_FLOW_BEGIN,
  PHASE_FLOW_END,
  PHASE_FLOW_STEP,
  PHASE_INSTANT,
} from '../tracer/phase.js';
import {
  BLANK_EVENT,
  PHASE_COMPLETE,
  PHASE_OTHER,
  type TraceReader,
  type TraceVisitor,
} from './visitor.js';

/** Phase of each letter of `ph`, the older spellings included. */
const PHASES: ReadonlyMap<string, number> = new Map([
  ['B', PHASE_BEGIN],
  ['E', PHASE_END],
  ['X', PHASE_COMPLETE],
  ['i', PHASE_INSTANT],
  ['I', PHASE_INSTANT],
  ['R', PHASE_INSTANT],
  ['C', PHASE_COUNTER],
  ['s', PHASE_FLOW_BEGIN],
  ['t', PHASE_FLOW_STEP],
  ['f', PHASE_FLOW_END],
  ['b', PHASE_ASYNC_BEGIN],
  ['S', PHASE_ASYNC_BEGIN],
  ['e', PHASE_ASYNC_END],
  ['F', PHASE_ASYNC_END],
  ['n', PHASE_ASYNC_INSTANT],
]);

/** Phase of a letter of `ph`; PHASE_OTHER for what is no event in time. */
export function phaseOfLetter(letter: string): number {
  return PHASES.get(letter) ?? PHASE_OTHER;
}

type Json = Record<string, unknown>;

// States of the scanner.
const BEFORE = 0;
const ELEMENTS = 1;
const AFTER = 2;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const REST_LIMIT = 1 << 20;

/**
 * Reads trace-event JSON, both as an array and as an object with `traceEvents`, in pieces of any
 * size: only one element is held at a time, so the length of the file does not matter. A missing end
 * of the array is allowed, as the format's description says.
 */
export class ChromeJsonReader implements TraceReader {
  private readonly visitor: TraceVisitor;
  private readonly decoder = new TextDecoder();
  private state = BEFORE;
  private text = '';
  private at = 0;
  private depth = 0;
  private inText = false;
  private escaped = false;
  private elementStart = -1;
  private after = '';
  private broken = false;

  constructor(visitor: TraceVisitor) {
    this.visitor = visitor;
  }

  write(chunk: Uint8Array): void {
    this.text += this.decoder.decode(chunk, { stream: true });
    this.scan();
  }

  end(): void {
    this.text += this.decoder.decode();
    this.scan();
    const { visitor } = this;
    if (this.state === BEFORE) visitor.problem('not-a-trace', 'no traceEvents array');
    else if (this.elementStart >= 0) visitor.problem('truncated', 'the last event is cut off');
  }

  private scan(): void {
    if (this.state === BEFORE) this.findArray();
    if (this.state === ELEMENTS) this.elements();
    if (this.state === AFTER && this.after.length < REST_LIMIT) {
      this.after += this.text.slice(this.at);
      this.text = '';
      this.at = 0;
    }
  }

  /** Skips to the first element: after the bracket of `[` or of `"traceEvents":[`. */
  private findArray(): void {
    const first = this.text.search(/\S/);
    if (first < 0) return;
    let start = this.text[first] === '[' ? first + 1 : -1;
    const found = /"traceEvents"\s*:\s*\[/.exec(this.text);
    if (start < 0 && found !== null) start = found.index + found[0].length;
    if (start < 0) return;
    this.at = start;
    this.state = ELEMENTS;
  }

  private elements(): void {
    const { text } = this;
    let { at, depth, inText, escaped } = this;
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (inText) {
        if (escaped) escaped = false;
        else if (code === BACKSLASH) escaped = true;
        else if (code === QUOTE) inText = false;
        continue;
      }
      if (code === QUOTE) inText = true;
      else if (code === 0x7b || code === 0x5b) {
        if (depth === 0) this.elementStart = at;
        depth += 1;
      } else if (code === 0x7d || code === 0x5d) {
        if (depth === 0) {
          this.state = AFTER;
          at += 1;
          break;
        }
        depth -= 1;
        if (depth === 0) {
          this.element(text.slice(this.elementStart, at + 1));
          this.elementStart = -1;
        }
      }
    }
    // Keep only what belongs to an element that is not complete yet.
    const keep = this.elementStart >= 0 ? this.elementStart : at;
    this.text = text.slice(keep);
    this.at = at - keep;
    if (this.elementStart >= 0) this.elementStart = 0;
    this.depth = depth;
    this.inText = inText;
    this.escaped = escaped;
  }

  private element(json: string): void {
    let event: Json;
    try {
      event = JSON.parse(json) as Json;
    } catch {
      if (!this.broken) this.visitor.problem('bad-json', `not JSON: ${json.slice(0, 80)}`);
      this.broken = true;
      return;
    }
    if (Array.isArray(event)) return;
    const letter = typeof event['ph'] === 'string' ? event['ph'] : '';
    const track = `${textOf(event['pid'])}/${textOf(event['tid'])}`;
    const name = textOf(event['name']);
    const values = (event['args'] ?? {}) as Json;
    if (letter === 'M') {
      if (name === 'thread_name') this.visitor.name(track, textOf(values['name']));
      if (name === 'process_name') this.visitor.name(textOf(event['pid']), textOf(values['name']));
      return;
    }
    if (letter === '') this.visitor.problem('no-phase', `event "${name}" has no ph`);
    const category = textOf(event['cat']);
    if (name === 'events lost' && category === 'hotpath') {
      this.visitor.loss(track, Number(values['count']));
    }
    this.visitor.event({
      ...BLANK_EVENT,
      phase: phaseOfLetter(letter),
      time: typeof event['ts'] === 'number' ? event['ts'] * 1000 : Number.NaN,
      duration: letter === 'X' ? durationOf(event) : 0,
      track,
      name,
      category,
      id: identity(event),
      value: letter === 'C' ? Number(Object.values(values)[0]) : Number.NaN,
      arguments: values,
    });
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function durationOf(event: Json): number {
  return typeof event['dur'] === 'number' ? event['dur'] * 1000 : 0;
}

/** `id`, or the process-local `id2`. */
function identity(event: Json): string {
  const scoped = event['id2'];
  if (typeof scoped === 'object' && scoped !== null) {
    const { local, global } = scoped as { local?: unknown; global?: unknown };
    if (global !== undefined) return textOf(global);
    return `${textOf(event['pid'])}:${textOf(local)}`;
  }
  return event['id'] === undefined ? textOf(event['bind_id']) : textOf(event['id']);
}
