/** Who runs when: one small Gantt chart for each scheduler. */
import type { SchedulersPlot } from '../suite/plots/schedulers.js';
import { element, svg } from './element.js';

const ROW = 16;
const LABEL = 62;
const WIDTH = 520;
const AXIS = 18;
const STEP_MS = 50;

/** Lanes of all policies, one below the other. */
export function schedulerLanes(plot: SchedulersPlot): HTMLElement {
  const figure = element(
    'figure',
    { class: 'wide' },
    element(
      'figcaption',
      {},
      element('h3', {}, 'Scheduler lanes'),
      element(
        'p',
        {},
        `The first ${plot.laneMs} ms of a video (4 ms every 33 ms), someone typing and three copies ` +
          'that only compute, on one CPU.',
      ),
    ),
  );
  const lanes = element('div', { class: 'plots' });
  figure.append(lanes);
  for (const { policy, slices } of plot.lanes) {
    lanes.append(element('div', {}, element('h4', {}, policy), drawing(plot, policy, slices)));
  }
  return figure;
}

function drawing(plot: SchedulersPlot, policy: string, slices: readonly number[]): SVGElement {
  const height = plot.tasks.length * ROW + AXIS;
  const scale = (WIDTH - LABEL) / plot.laneMs;
  const picture = svg('svg', {
    viewBox: `0 0 ${WIDTH} ${height}`,
    class: 'lanes',
    role: 'img',
    'aria-label': `lanes of ${policy}`,
  });
  for (let at = 0; at <= plot.laneMs; at += STEP_MS) {
    const x = LABEL + at * scale;
    picture.append(
      svg('line', { x1: x, x2: x, y1: 0, y2: height - AXIS, class: 'rule' }),
      svg(
        'text',
        { x, y: height - 4, 'text-anchor': at === plot.laneMs ? 'end' : 'middle' },
        `${at} ms`,
      ),
    );
  }
  for (const [row, task] of plot.tasks.entries()) {
    picture.append(svg('text', { x: 0, y: row * ROW + 12 }, task));
  }
  for (let at = 0; at < slices.length; at += 3) {
    const [task, start, end] = slices.slice(at, at + 3) as [number, number, number];
    const shape = {
      x: LABEL + start * scale,
      y: task * ROW + 2,
      width: Math.max(0.6, (end - start) * scale),
      height: ROW - 4,
      class: `task-${task % 6}`,
    };
    const title = `${plot.tasks[task]}: ${start.toFixed(2)} to ${end.toFixed(2)} ms`;
    picture.append(svg('rect', shape, svg('title', {}, title)));
  }
  return picture;
}
