/** The timeline of a run: lanes by CPU and task, zoom, search, selection of a range. */
import type { PackedTimeline } from '../report/page-data.js';
import { count, duration, element, table } from './element.js';
import type { Look, View } from './lane-painter.js';
import { type NameTotal, totalsOf } from './span-stats.js';
import { firstAtLeast, type TrackRows } from './spans.js';
import { color, colorOf, onTheme } from './theme.js';
import { installGestures } from './timeline-gestures.js';
import { type Hit, spanAt } from './timeline-hit.js';
import { layoutRows, type PlacedTrack } from './timeline-layout.js';
import { paintTimeline } from './timeline-paint.js';

/** A range of time, nanoseconds from the first event. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** A found event and where its track stands. */
interface Match extends TimeRange {
  readonly y: number;
  readonly hit: Hit;
}

const ZOOM = 1.6;
/** Nothing closer than this: a few nanoseconds across the window. */
const SPAN_MIN = 5;
const TOTALS_SHOWN = 12;

/** State and drawing of one timeline. */
export class Timeline {
  readonly element: HTMLElement;
  private readonly packed: PackedTimeline;
  private readonly tracks: readonly TrackRows[];
  private readonly placed: readonly PlacedTrack[];
  private readonly height: number;
  private readonly box = element('div', {
    class: 'timeline',
    tabindex: 0,
    role: 'application',
    'aria-label': 'timeline',
  });
  private readonly canvas = element('canvas');
  private readonly spacer = element('div');
  private readonly status = element('output', { class: 'range' }, '');
  private readonly matches = element('output', { class: 'matches' }, '');
  private readonly details = element('div', { class: 'details', 'aria-live': 'polite' });
  private readonly zoomButton = element('button', { type: 'button' }, 'Zoom to range');
  private readonly view: View;
  private selection: TimeRange | null = null;
  private found: ReadonlySet<number> | null = null;
  private matchAt = Number.NEGATIVE_INFINITY;
  private scheduled = false;
  private readonly onRange: (range: TimeRange) => void;

  constructor(
    packed: PackedTimeline,
    tracks: readonly TrackRows[],
    onRange: (range: TimeRange) => void,
  ) {
    this.packed = packed;
    this.tracks = tracks;
    this.onRange = onRange;
    const { placed, height } = layoutRows(tracks);
    this.placed = placed;
    this.height = height;
    this.view = { from: 0, to: packed.durationNs, left: 0, width: 1 };
    this.spacer.style.height = `${height}px`;
    this.box.append(this.canvas, this.spacer);
    this.element = element('div', {}, this.tools(), this.box, this.details);
    this.box.addEventListener('scroll', () => this.draw());
    installGestures(this.canvas, this.box, this);
    new ResizeObserver(() => this.draw()).observe(this.box);
    onTheme(() => this.draw());
    this.select(null);
  }

  /** Pixels of labels at the left: fewer on a phone. */
  get labelWidth(): number {
    return this.box.clientWidth < 500 ? 84 : 150;
  }

  /** Time under a horizontal position in the canvas. */
  timeAt(x: number): number {
    const { from, left, to, width } = this.view;
    return from + ((x - left) / width) * (to - from);
  }

  /** Changes the window by a factor around a time. */
  zoom(factor: number, center = (this.view.from + this.view.to) / 2): void {
    const { from, to } = this.view;
    const span = Math.max(SPAN_MIN, (to - from) * factor);
    const part = (center - from) / (to - from);
    this.window(center - span * part, center - span * part + span);
  }

  /** Moves the window by pixels. */
  pan(pixels: number): void {
    const { from, to, width } = this.view;
    const shift = (pixels / width) * (to - from);
    this.window(from + shift, to + shift);
  }

  /** Marks a range, says what is in it, and tells whoever shows it otherwise; null: everything. */
  select(range: TimeRange | null): void {
    this.selection = range;
    this.zoomButton.disabled = range === null;
    const shown = range ?? { from: 0, to: this.packed.durationNs };
    const what = range === null ? 'whole run' : `${duration(range.from)} to ${duration(range.to)}`;
    this.status.textContent = `${what}: ${duration(shown.to - shown.from)}`;
    this.details.replaceChildren(this.totals(totalsOf(this.tracks, shown.from, shown.to)));
    this.onRange(shown);
    this.draw();
  }

  /** A click: what is there. */
  inspect(x: number, y: number): void {
    const hit = spanAt(this.placed, this.view, x, y + this.box.scrollTop);
    if (hit === null) return;
    this.showEvent(hit);
  }

  /** Finds names that contain a text, whatever the case; empty: no search. */
  search(text: string): void {
    const wanted = text.trim().toLowerCase();
    this.matchAt = Number.NEGATIVE_INFINITY;
    if (wanted === '') {
      this.found = null;
      this.matches.textContent = '';
    } else {
      const { names } = this.packed;
      this.found = new Set(
        Array.from(names.keys()).filter((name) => names[name]!.toLowerCase().includes(wanted)),
      );
      const sum = totalsOf(this.tracks, 0, Number.POSITIVE_INFINITY)
        .filter(({ name }) => this.found!.has(name))
        .reduce((all, total) => all + total.count, 0);
      this.matches.textContent = `${count(sum)} found`;
    }
    this.draw();
  }

  /** Goes to the next found event (1) or the one before (-1), around the ends. */
  step(direction: 1 | -1): void {
    const next =
      this.nextMatch(direction, this.matchAt) ??
      this.nextMatch(direction, direction > 0 ? -1 : Number.POSITIVE_INFINITY);
    if (next === null) return;
    this.matchAt = next.from;
    const { from, to } = this.view;
    const span = Math.min(
      to - from,
      Math.max((next.to - next.from) * 20, this.packed.durationNs / 200),
    );
    const middle = (next.from + next.to) / 2;
    this.window(middle - span / 2, middle + span / 2);
    this.box.scrollTop = Math.max(0, next.y - this.box.clientHeight / 2);
    this.select({ from: next.from, to: Math.max(next.to, next.from + 1) });
    this.showEvent(next.hit);
  }

  /** Shows a stretch of time; never more than there is. */
  window(from: number, to: number): void {
    const whole = this.packed.durationNs;
    const span = Math.min(whole, Math.max(SPAN_MIN, to - from));
    this.view.from = Math.min(Math.max(0, from), whole - span);
    this.view.to = this.view.from + span;
    this.draw();
  }

  /** Draws with the next frame, once however often it is asked. */
  draw(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.paint();
    });
  }

  private paint(): void {
    const width = this.box.clientWidth;
    const height = Math.min(this.box.clientHeight, Math.max(this.height, 60));
    const ratio = devicePixelRatio || 1;
    if (
      this.canvas.width !== Math.round(width * ratio) ||
      this.canvas.height !== Math.round(height * ratio)
    ) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
      // The canvas itself takes part in the height of what scrolls.
      this.spacer.style.height = `${Math.max(0, this.height - height)}px`;
    }
    this.view.left = this.labelWidth;
    this.view.width = Math.max(1, width - this.labelWidth - 4);
    const context = this.canvas.getContext('2d')!;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    paintTimeline(context, {
      view: this.view,
      placed: this.placed,
      look: this.look(),
      selection: this.selection,
      scrollTop: this.box.scrollTop,
      width,
      height,
    });
  }

  private look(): Look {
    const { names } = this.packed;
    return {
      fills: names.map((name) => colorOf(name)),
      ink: color('ink'),
      quiet: color('muted'),
      accent: color('bad'),
      found: this.found,
      label: (name) => names[name]!,
    };
  }

  private showEvent({ track, row, index }: Hit): void {
    const { group, name } = track.packed;
    const length = row.duration[index]!;
    const cells = [
      this.packed.names[row.name[index]!]!,
      duration(row.start[index]!),
      length === 0 ? 'instant' : duration(length),
      group === '' ? name : `${group}: ${name}`,
    ];
    this.details.replaceChildren(table(['name', 'at', 'duration', 'track'], [cells]));
  }

  private nextMatch(direction: 1 | -1, after: number): Match | null {
    const { found } = this;
    if (found === null) return null;
    let best: Match | null = null;
    for (const { track, y } of this.placed) {
      for (const row of track.instants === null
        ? track.depths
        : [...track.depths, track.instants]) {
        let index =
          firstAtLeast(row.start, direction > 0 ? after + 1e-6 : after) - (direction > 0 ? 0 : 1);
        while (index >= 0 && index < row.count && !found.has(row.name[index]!)) index += direction;
        if (index < 0 || index >= row.count) continue;
        const from = row.start[index]!;
        const isNearer = best === null || (direction > 0 ? from < best.from : from > best.from);
        if (isNearer)
          best = { from, to: from + row.duration[index]!, y, hit: { track, row, index } };
      }
    }
    return best;
  }

  private totals(all: readonly NameTotal[]): HTMLElement {
    const rows = all
      .slice(0, TOTALS_SHOWN)
      .map(({ name, count: times, totalNs }) => [
        this.packed.names[name]!,
        count(times),
        totalNs === 0 ? '' : duration(totalNs),
      ]);
    return table(['in the range', 'times', 'together'], rows);
  }

  private tools(): HTMLElement {
    const button = (text: string, act: () => void): HTMLElement =>
      element('button', { type: 'button', click: act }, text);
    const input = element('input', {
      type: 'search',
      placeholder: 'Search names',
      'aria-label': 'Search names',
    });
    input.addEventListener('input', () => this.search(input.value));
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.step(event.shiftKey ? -1 : 1);
    });
    this.zoomButton.addEventListener('click', () => {
      if (this.selection !== null) this.window(this.selection.from, this.selection.to);
    });
    return element(
      'div',
      { class: 'tools' },
      button('+', () => this.zoom(1 / ZOOM)),
      button('\u2212', () => this.zoom(ZOOM)),
      button('All', () => {
        this.select(null);
        this.window(0, this.packed.durationNs);
      }),
      this.zoomButton,
      input,
      button('\u2039', () => this.step(-1)),
      button('\u203a', () => this.step(1)),
      this.matches,
      this.status,
    );
  }
}
