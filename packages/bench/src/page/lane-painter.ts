/**
 * Draws rows of spans in time that depends on the width in pixels and not on the number of spans:
 * what is narrower than a pixel is skipped up to the next pixel by a search, and drawn as one mark.
 */
import { type CounterRow, firstAtLeast, firstEndingAfter, type SpanRow } from './spans.js';

/** What is visible, and where. */
export interface View {
  /** Nanoseconds at the left edge. */
  from: number;
  /** Nanoseconds at the right edge. */
  to: number;
  /** First pixel of the time axis. */
  left: number;
  /** Pixels of the time axis. */
  width: number;
}

/** How names look. */
export interface Look {
  /** Fill of each name. */
  readonly fills: readonly string[];
  readonly ink: string;
  /** Of instants. */
  readonly quiet: string;
  readonly accent: string;
  /** Names that a search has found, or null when nothing is searched. */
  readonly found: ReadonlySet<number> | null;
  label(name: number): string;
}

const DIM = 0.18;

/** A row of spans `height` pixels high at `y`. */
export function paintSpans(
  context: CanvasRenderingContext2D,
  view: View,
  row: SpanRow,
  y: number,
  height: number,
  look: Look,
): void {
  const scale = view.width / (view.to - view.from);
  const right = view.left + view.width;
  let index = firstEndingAfter(row, view.from);
  while (index < row.count && row.start[index]! < view.to) {
    const start = row.start[index]!;
    const name = row.name[index]!;
    const x = Math.max(view.left, view.left + (start - view.from) * scale);
    const end = Math.min(right, view.left + (start + row.duration[index]! - view.from) * scale);
    const width = Math.max(1, end - x);
    context.globalAlpha = look.found === null || look.found.has(name) ? 1 : DIM;
    context.fillStyle = look.fills[name]!;
    context.fillRect(x, y, width > 3 ? width - 0.5 : width, height);
    if (width > 30) paintLabel(context, look.label(name), x, width, y, height, look.ink);
    if (end - x >= 1) {
      index += 1;
      continue;
    }
    // All of it lies in this pixel, as may thousands more: a found one among them must show.
    const pixelEnd = view.from + (Math.floor(x - view.left) + 1) / scale;
    const next = firstAtLeast(row.start, pixelEnd, index + 1);
    if (look.found !== null && !look.found.has(name) && hasFound(row, index, next, look.found)) {
      context.globalAlpha = 1;
      context.fillStyle = look.accent;
      context.fillRect(x, y, 1, height);
    }
    index = next;
  }
  context.globalAlpha = 1;
}

/** Looks at no more than so many spans of one pixel: enough to find what is frequent. */
const LOOK_MAX = 512;

function hasFound(row: SpanRow, from: number, to: number, found: ReadonlySet<number>): boolean {
  const step = Math.max(1, Math.ceil((to - from) / LOOK_MAX));
  for (let index = from; index < to; index += step) if (found.has(row.name[index]!)) return true;
  return false;
}

function paintLabel(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  width: number,
  y: number,
  height: number,
  ink: string,
): void {
  context.fillStyle = ink;
  const fits = Math.floor((width - 6) / 6.2);
  const shown = text.length <= fits ? text : fits > 3 ? `${text.slice(0, fits - 1)}\u2026` : '';
  if (shown !== '') context.fillText(shown, x + 3, y + height / 2 + 4);
}

/** Instants as ticks, one a pixel at most. */
export function paintInstants(
  context: CanvasRenderingContext2D,
  view: View,
  row: SpanRow,
  y: number,
  height: number,
  look: Look,
): void {
  const scale = view.width / (view.to - view.from);
  let index = firstAtLeast(row.start, view.from);
  while (index < row.count && row.start[index]! <= view.to) {
    const pixel = Math.floor((row.start[index]! - view.from) * scale);
    const next = firstAtLeast(row.start, view.from + (pixel + 1) / scale, index + 1);
    const found = look.found === null ? false : hasFound(row, index, next, look.found);
    context.globalAlpha = look.found === null || found ? 1 : DIM;
    context.fillStyle = found ? look.accent : look.quiet;
    context.fillRect(view.left + pixel, y, found ? 2 : 1, height);
    index = next;
  }
  context.globalAlpha = 1;
}

/** A counter as steps; within a pixel its least and greatest values. */
export function paintCounter(
  context: CanvasRenderingContext2D,
  view: View,
  row: CounterRow,
  y: number,
  height: number,
  stroke: string,
): void {
  const scale = view.width / (view.to - view.from);
  const span = row.high - row.low || 1;
  const at = (value: number): number => y + height - 1 - ((value - row.low) / span) * (height - 2);
  context.strokeStyle = stroke;
  context.beginPath();
  let index = Math.max(0, firstAtLeast(row.start, view.from) - 1);
  let open = false;
  while (index < row.count && row.start[index]! <= view.to) {
    const pixel = Math.max(0, Math.floor((row.start[index]! - view.from) * scale));
    const next = firstAtLeast(row.start, view.from + (pixel + 1) / scale, index + 1);
    const x = view.left + pixel;
    const step = Math.max(1, Math.ceil((next - index) / LOOK_MAX));
    let low = row.value[index]!;
    let high = low;
    for (let one = index; one < next; one += step) {
      low = Math.min(low, row.value[one]!);
      high = Math.max(high, row.value[one]!);
    }
    if (open) context.lineTo(x, at(row.value[index]!));
    else context.moveTo(x, at(row.value[index]!));
    if (high > low) {
      context.lineTo(x, at(low));
      context.lineTo(x, at(high));
    }
    context.lineTo(x, at(row.value[next - 1]!));
    const until = next < row.count ? Math.min(view.to, row.start[next]!) : view.to;
    context.lineTo(view.left + (until - view.from) * scale, at(row.value[next - 1]!));
    open = true;
    index = next;
  }
  context.stroke();
}

/** A region whose events are lost. */
export function paintHole(
  context: CanvasRenderingContext2D,
  view: View,
  from: number,
  to: number,
  y: number,
  height: number,
  ink: string,
): void {
  const scale = view.width / (view.to - view.from);
  const x = Math.max(view.left, view.left + (from - view.from) * scale);
  const end = Math.min(view.left + view.width, view.left + (to - view.from) * scale);
  const width = Math.max(6, end - x);
  if (x > view.left + view.width || end < view.left) return;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = ink;
  context.globalAlpha = 0.75;
  context.beginPath();
  for (let offset = -height; offset < width; offset += 6) {
    context.moveTo(x + offset, y + height);
    context.lineTo(x + offset + height, y);
  }
  context.stroke();
  context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  context.restore();
}
