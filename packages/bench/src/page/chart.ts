/** Line plots (uPlot), drawn again when the colours or the width change. */
import uPlot from 'uplot';
import { element } from './element.js';
import { color, onTheme } from './theme.js';

/** A plot of curves over common x values. */
export interface ChartData {
  readonly title: string;
  /** What is plotted and how it was measured. */
  readonly note: string;
  readonly x: readonly number[];
  readonly xLog?: 2 | 10;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly formatX: (value: number) => string;
  readonly formatY: (value: number) => string;
  readonly curves: readonly { readonly name: string; readonly y: readonly (number | null)[] }[];
  /** Largest y of the axis; default: from the data. */
  readonly yMax?: number;
  /** Ticks at powers of two: bytes. */
  readonly yBinary?: true;
}

const HEIGHT = 260;
const POWERS_OF_TWO = Array.from({ length: 40 }, (_, power) => 2 ** power);

/** The plot as a figure. */
export function chart(data: ChartData): HTMLElement {
  const place = element('div', { class: 'plot' });
  const figure = element(
    'figure',
    {},
    element('figcaption', {}, element('h3', {}, data.title), element('p', {}, data.note)),
    place,
  );
  let plot: uPlot | null = null;
  const draw = (): void => {
    plot?.destroy();
    const width = Math.max(240, place.clientWidth);
    plot = new uPlot(
      optionsOf(data, width),
      [data.x, ...data.curves.map(({ y }) => y)] as uPlot.AlignedData,
      place,
    );
  };
  new ResizeObserver(() => {
    if (plot === null) draw();
    else if (Math.abs(plot.width - place.clientWidth) > 1 && place.clientWidth > 0) {
      plot.setSize({ width: place.clientWidth, height: HEIGHT });
    }
  }).observe(place);
  onTheme(() => {
    if (plot !== null) draw();
  });
  return figure;
}

function optionsOf(data: ChartData, width: number): uPlot.Options {
  const axis = {
    stroke: color('muted'),
    grid: { stroke: color('line'), width: 1 },
    ticks: { stroke: color('line') },
  };
  const narrow = width < 420;
  const every = (values: readonly number[], step: number): string[] =>
    values.map((value, index) => (index % step === 0 ? data.formatX(value) : ''));
  // On a logarithmic axis only powers carry a label.
  const xValues =
    data.xLog === undefined
      ? (_: uPlot, values: number[]): string[] => every(values, 1)
      : (_: uPlot, values: number[]): string[] => {
          const powers = values.map((value) => isPower(value, data.xLog === 2 ? 16 : 10));
          return values.map((value, index) => (powers[index] ? data.formatX(value) : ''));
        };
  return {
    width,
    height: HEIGHT,
    legend: { live: !narrow },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: data.xLog === undefined ? { time: false } : { time: false, distr: 3, log: data.xLog },
      y: { range: (_, low, high) => [Math.min(0, low), data.yMax ?? high * 1.05 + 1e-12] },
    },
    axes: [
      {
        ...axis,
        values: xValues,
        label: data.xLabel,
        labelSize: 20,
        size: 34,
        space: narrow ? 40 : 50,
      },
      {
        ...axis,
        values: (_, values) => values.map((value) => data.formatY(value)),
        label: data.yLabel,
        labelSize: 20,
        size: 58,
        ...(data.yBinary === true ? { incrs: POWERS_OF_TWO } : {}),
      },
    ],
    series: [
      { label: data.xLabel, value: (_, value) => (value === null ? '-' : data.formatX(value)) },
      ...data.curves.map(({ name }, index) => ({
        label: name,
        stroke: color(`curve-${index % 6}`),
        width: 2,
        points: { show: data.x.length <= 24, size: 5 },
        value: (_: uPlot, value: number | null) => (value === null ? '-' : data.formatY(value)),
      })),
    ],
  };
}

function isPower(value: number, base: number): boolean {
  const power = Math.log(value) / Math.log(base);
  return Math.abs(power - Math.round(power)) < 1e-9;
}
