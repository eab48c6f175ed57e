/** One picture of the timeline. */
import { duration } from './element.js';
import {
  type Look,
  paintCounter,
  paintHole,
  paintInstants,
  paintSpans,
  type View,
} from './lane-painter.js';
import { color } from './theme.js';
import type { TimeRange } from './timeline.js';
import {
  COUNTER_HEIGHT,
  INSTANT_HEIGHT,
  type PlacedTrack,
  ROW_HEIGHT,
  RULER_HEIGHT,
} from './timeline-layout.js';

/** Everything that decides the picture. */
export interface Picture {
  readonly view: View;
  readonly placed: readonly PlacedTrack[];
  readonly look: Look;
  readonly selection: TimeRange | null;
  readonly scrollTop: number;
  readonly width: number;
  readonly height: number;
}

const FONT = '11px system-ui, sans-serif';

/** Draws all of it; only tracks inside the window cost anything. */
export function paintTimeline(context: CanvasRenderingContext2D, picture: Picture): void {
  const { height, placed, scrollTop, view, width } = picture;
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  const ticks = ticksOf(view);
  context.strokeStyle = color('line');
  context.beginPath();
  for (const { x } of ticks) {
    context.moveTo(Math.round(x) + 0.5, RULER_HEIGHT);
    context.lineTo(Math.round(x) + 0.5, height);
  }
  context.stroke();
  for (const place of placed) {
    const y = place.y - scrollTop;
    if (y + place.height < 0 || y - 20 > height) continue;
    paintTrack(context, picture, place, y);
  }
  paintSelection(context, picture);
  paintRuler(context, picture, ticks);
}

function paintTrack(
  context: CanvasRenderingContext2D,
  picture: Picture,
  place: PlacedTrack,
  y: number,
): void {
  const { look, view } = picture;
  const { heading, height, track } = place;
  if (heading !== null) {
    context.fillStyle = color('muted');
    context.font = `600 ${FONT}`;
    context.fillText(heading, 6, y - 6);
    context.font = FONT;
  }
  let at = y;
  for (const row of track.depths) {
    paintSpans(context, view, row, at, ROW_HEIGHT - 2, look);
    at += ROW_HEIGHT;
  }
  if (track.instants !== null) {
    paintInstants(context, view, track.instants, at, INSTANT_HEIGHT - 3, look);
    at += INSTANT_HEIGHT;
  }
  if (track.counter !== null) {
    paintCounter(context, view, track.counter, at, COUNTER_HEIGHT, color('curve-0'));
  }
  for (const { from, to } of track.packed.holes) {
    paintHole(context, view, from, to, y, height, color('bad'));
  }
  paintName(
    context,
    picture,
    track.packed.name,
    y,
    track.counter === null ? null : track.counter.high,
  );
}

/** Over the spans that begin left of the window. */
function paintName(
  context: CanvasRenderingContext2D,
  { view }: Picture,
  name: string,
  y: number,
  high: number | null,
): void {
  context.fillStyle = color('panel');
  context.fillRect(0, y - 2, view.left - 2, 20);
  context.fillStyle = color('ink');
  const fits = Math.floor((view.left - 10) / 6);
  context.fillText(name.length > fits ? `${name.slice(0, fits - 1)}\u2026` : name, 6, y + 12);
  if (high === null) return;
  context.fillStyle = color('muted');
  context.fillText(`max ${high.toLocaleString('en-US')}`, 6, y + 26);
}

function paintSelection(
  context: CanvasRenderingContext2D,
  { height, selection, view }: Picture,
): void {
  if (selection === null) return;
  const scale = view.width / (view.to - view.from);
  const right = view.left + view.width;
  const from = Math.max(view.left, view.left + (selection.from - view.from) * scale);
  const to = Math.min(right, view.left + (selection.to - view.from) * scale);
  if (to < view.left || from > right) return;
  context.fillStyle = color('select');
  // A range that fills the window needs no tint.
  if (to - from < view.width - 2) context.fillRect(from, 0, Math.max(1, to - from), height);
  context.fillStyle = color('accent');
  context.fillRect(from, 0, 1, height);
  context.fillRect(Math.max(from, to - 1), 0, 1, height);
}

function paintRuler(
  context: CanvasRenderingContext2D,
  picture: Picture,
  ticks: readonly { x: number; time: number }[],
): void {
  const { selection, width } = picture;
  context.fillStyle = color('panel');
  context.fillRect(0, 0, width, RULER_HEIGHT);
  context.fillStyle = color('muted');
  for (const [index, { time, x }] of ticks.entries()) {
    const text = time === 0 ? '0' : trimmed(time);
    const space = context.measureText(text).width;
    if (x + space / 2 > width || (index > 0 && x - space / 2 < picture.view.left)) continue;
    context.fillText(text, Math.max(picture.view.left, x - space / 2), 14);
  }
  context.strokeStyle = color('line');
  context.beginPath();
  context.moveTo(0, RULER_HEIGHT - 0.5);
  context.lineTo(width, RULER_HEIGHT - 0.5);
  context.stroke();
  if (selection === null) return;
  const { view } = picture;
  const scale = view.width / (view.to - view.from);
  const from = Math.max(view.left, view.left + (selection.from - view.from) * scale);
  const to = Math.min(view.left + view.width, view.left + (selection.to - view.from) * scale);
  if (to < from) return;
  context.fillStyle = color('accent');
  context.fillRect(from, RULER_HEIGHT - 3, Math.max(2, to - from), 3);
}

/** `2.500 ms` is said as `2.5 ms`. */
const trimmed = (time: number): string => duration(time).replace(/\.?0+ /, ' ');

/** Times at round numbers, about a hundred pixels apart. */
function ticksOf(view: View): { x: number; time: number }[] {
  const scale = view.width / (view.to - view.from);
  const rough = 100 / scale;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((times) => times * power >= rough) ?? 10);
  const ticks: { x: number; time: number }[] = [];
  for (let number = Math.ceil(view.from / step); number * step <= view.to; number++) {
    const time = number * step;
    ticks.push({ x: view.left + (time - view.from) * scale, time });
  }
  return ticks;
}
