/** The report page: reads its data from its own script elements and builds itself. */
import plotStyle from 'uplot/dist/uPlot.min.css';
import type { PageData } from '../report/page-data.js';
import { count, element } from './element.js';
import { flame } from './flame.js';
import { benchmarks, claims, mindset, peers, plots, section, subtitle } from './sections.js';
import { flameOf } from './span-stats.js';
import { unpackTimeline } from './spans.js';
import style from './style.css';
import { installSwitch } from './theme.js';
import { Timeline, type TimeRange } from './timeline.js';

function textOf(id: string): string {
  return document.getElementById(id)?.textContent ?? '';
}

async function build(): Promise<void> {
  document.head.append(element('style', {}, plotStyle + style));
  const data = JSON.parse(textOf('data')) as PageData;
  const main = element('main');
  document.body.append(main);
  const theme = element('button', { type: 'button', id: 'theme' }, 'Dark');
  const nav = element('nav');
  main.append(
    element('header', {}, element('h1', {}, 'Hotpath'), nav, theme),
    element('p', {}, subtitle(data)),
  );
  installSwitch(theme);
  const sections: HTMLElement[] = [];
  if (data.suite !== null) {
    sections.push(
      claims(data.suite),
      benchmarks(data.suite, data.host),
      plots(data.suite),
      mindset(data.suite),
    );
  }
  const timeline = await timelineSections(data);
  sections.push(...timeline, peers(data.peers));
  for (const one of sections) {
    main.append(one);
    nav.append(element('a', { href: `#${one.id}` }, TITLES[one.id] ?? one.id));
  }
  document.documentElement.dataset['ready'] = 'true';
}

const TITLES: Readonly<Record<string, string>> = {
  ...{ claims: 'Claims', benchmarks: 'Benchmarks', plots: 'Curves', mindset: 'Mindset' },
  ...{ timeline: 'Timeline', flame: 'Flame graph', peers: 'Peers' },
};

async function timelineSections({ timeline: packed }: PageData): Promise<HTMLElement[]> {
  if (packed === null) return [];
  const tracks = await unpackTimeline(packed, textOf('columns'));
  const graph = flame();
  let shown: TimeRange | null = null;
  let pending = 0;
  const show = (range: TimeRange): void => {
    if (shown !== null && shown.from === range.from && shown.to === range.to) return;
    shown = range;
    window.clearTimeout(pending);
    // A drag tells of many ranges: the tree is built for the last.
    pending = window.setTimeout(
      () => graph.show(flameOf(tracks, packed.names, range.from, range.to)),
      60,
    );
  };
  const view = new Timeline(packed, tracks, show);
  const lost = packed.lost > 0 ? `, ${count(packed.lost)} lost (hatched)` : '';
  return [
    section(
      'timeline',
      'Timeline',
      element(
        'p',
        {},
        `${packed.title}: ${count(packed.eventCount)} events${lost}. Drag selects a range, ctrl and wheel or two ` +
          'fingers zoom, a click says what is there; keys w, s, a, d.',
      ),
      view.element,
    ),
    section(
      'flame',
      'Flame graph of the range',
      element('p', {}, 'Time in spans, by what they nest in. Click to go in.'),
      graph.element,
    ),
  ];
}

build().catch((error: unknown) => {
  document.documentElement.dataset['ready'] = 'failed';
  document.body.prepend(element('p', {}, `The report cannot be shown: ${String(error)}`));
});
