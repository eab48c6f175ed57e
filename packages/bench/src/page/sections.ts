/** The page's sections, each from its part of the data. */
import type { DatedPeers, PageData } from '../report/page-data.js';
import type { HostTimes } from '../suite/index.js';
import type { SuiteResults } from '../suite/results.js';
import { chart } from './chart.js';
import { bytes, count, duration, element, table } from './element.js';
import { schedulerLanes } from './lanes.js';

/** A section with its heading; `id` is where the navigation leads. */
export function section(id: string, title: string, ...children: (Node | string)[]): HTMLElement {
  return element('section', { id }, element('h2', {}, title), ...children);
}

/** What textbooks promise. */
export function claims({ headlines }: SuiteResults): HTMLElement {
  const cards = headlines.map(({ baseline, claim, held, measured }) =>
    element(
      'div',
      { class: held ? 'claim held' : 'claim' },
      element('b', {}, held ? 'Held' : 'Not held'),
      claim,
      element('div', {}, measured),
      element('small', {}, baseline),
    ),
  );
  return section(
    'claims',
    'What textbooks promise, and what came out',
    element('div', { class: 'claims' }, ...cards),
  );
}

/** The promised benchmarks in cycles, with the host time that each part took. */
export function benchmarks(suite: SuiteResults, host: HostTimes | null): HTMLElement {
  const { blockCache, contextSwitch, lazyPages, pageSize, slab } = suite;
  const spent = (part: string): string => {
    const ms = host?.partMs[part];
    return ms === undefined ? '-' : `${Math.round(ms)} ms`;
  };
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const rows: [
    string,
    number,
    { p50: number; p99: number; max: number } | null,
    number | null,
    string,
  ][] = [
    [
      '100,000 cached blocks',
      blockCache.warm.cycles,
      blockCache.warmCycles,
      blockCache.warm.dtlbMisses,
      'blockCache',
    ],
    [
      '1,000 blocks from the disk',
      blockCache.cold.cycles,
      blockCache.coldCycles,
      blockCache.cold.dtlbMisses,
      'blockCache',
    ],
    [
      '50,000 objects of a slab cache',
      slab.slab.cycles,
      slab.slabCycles,
      slab.slab.dtlbMisses,
      'slab',
    ],
    [
      'the same from a generic malloc',
      slab.malloc.cycles,
      slab.mallocCycles,
      slab.malloc.dtlbMisses,
      'slab',
    ],
    ['context switch', Math.round(contextSwitch.average), contextSwitch, null, 'contextSwitch'],
    [
      '64 MiB in 4 KiB pages',
      pageSize.small.total.cycles,
      null,
      pageSize.small.total.dtlbMisses,
      'pageSize',
    ],
    [
      '64 MiB in 2 MiB pages',
      pageSize.large.total.cycles,
      null,
      pageSize.large.total.dtlbMisses,
      'pageSize',
    ],
    [
      '64 MiB by page faults',
      lazyPages.firstTouch.cycles,
      lazyPages.firstTouchCycles,
      lazyPages.firstTouch.dtlbMisses,
      'lazyPages',
    ],
  ];
  const cells = rows.map(([title, cycles, spread, misses, part]) => [
    title,
    count(cycles),
    spread === null ? '' : `${count(spread.p50)} / ${count(spread.p99)} / ${count(spread.max)}`,
    misses === null ? '' : count(misses),
    spent(part),
  ]);
  const shares = (
    [
      ['cached blocks', blockCache.warm.shares],
      ['slab', slab.slab.shares],
      ['malloc', slab.malloc.shares],
      ['4 KiB pages', pageSize.small.total.shares],
      ['2 MiB pages', pageSize.large.total.shares],
      ['page faults', lazyPages.firstTouch.shares],
    ] as const
  ).map(([title, of]) => [
    title,
    ...[of.retiring, of.memoryAndEntries, of.walks, of.branchMisses, of.halted].map(percent),
  ]);
  return section(
    'benchmarks',
    'Benchmarks',
    element(
      'p',
      {},
      `Simulated cycles of a ${suite.profile}, ${suite.mode} mode, seed ${suite.seed}: exact. Host time is ` +
        'what this machine took to simulate the part, and noise.',
    ),
    table(['', 'cycles', 'each: p50 / p99 / max', 'TLB misses', 'host time'], cells),
    element('h4', {}, 'Where the cycles went'),
    table(
      ['', 'instructions', 'memory and entries', 'page walks', 'branch misses', 'waiting'],
      shares,
    ),
  );
}

/** Curves. */
export function plots({ plots: drawn }: SuiteResults): HTMLElement {
  const { footprint, missRatio, schedulers, tlbReach } = drawn;
  const percent = (share: number): string => `${+(share * 100).toFixed(1)} %`;
  return section(
    'plots',
    'Curves',
    element(
      'div',
      { class: 'plots' },
      chart({
        title: 'Miss ratio by cache size',
        note: `${missRatio.trace}, ${count(missRatio.uniquePages)} pages: every point an exact replay`,
        x: missRatio.capacities,
        xLog: 10,
        xLabel: 'cache, pages',
        yLabel: 'miss ratio',
        formatX: count,
        formatY: percent,
        curves: missRatio.curves.map(({ policy, missRatio: y }) => ({ name: policy, y })),
      }),
      chart({
        title: 'TLB misses by working set',
        note: `random loads on the model of a ${tlbReach.profile}: page walks a load`,
        x: tlbReach.workingSetBytes,
        xLog: 2,
        xLabel: 'working set',
        yLabel: 'walks a load',
        formatX: bytes,
        formatY: (value) => value.toFixed(2),
        yMax: 1.05,
        curves: tlbReach.curves.map(({ pages, walksPerLoad: y }) => ({ name: pages, y })),
      }),
      chart({
        title: 'From wake-up to first instruction',
        note: `${schedulers.trace} on ${schedulers.cpus} CPUs: share of the wake-ups that waited no longer`,
        ...latencyCurves(schedulers),
        xLabel: 'milliseconds',
        yLabel: 'share',
        formatX: (value) => `${+value.toFixed(2)}`,
        formatY: percent,
        yMax: 1.02,
      }),
      chart({
        title: 'Memory held while a program runs',
        note: `${footprint.trace}: what the program has, and what two allocators take for it`,
        x: footprint.events,
        xLabel: 'calls of malloc and free',
        yLabel: 'bytes',
        yBinary: true,
        formatX: (value) => (value >= 1000 ? `${+(value / 1000).toFixed(0)}k` : `${value}`),
        formatY: bytes,
        curves: [
          ...footprint.curves.map(({ allocator, bytes: y }) => ({ name: allocator, y })),
          { name: 'live', y: footprint.liveBytes },
        ],
      }),
    ),
    schedulerLanes(schedulers),
  );
}

/** Share by latency, over common latencies, from latencies by share. */
function latencyCurves({ fractions, latencies }: SuiteResults['plots']['schedulers']) {
  const most = Math.max(...latencies.flatMap(({ ms }) => ms));
  const x = Array.from({ length: 120 }, (_, step) => (most * (step + 1)) / 120);
  const shareAt = (ms: readonly number[], limit: number): number => {
    let share = 0;
    for (const [index, value] of ms.entries()) if (value <= limit) share = fractions[index]!;
    return share;
  };
  return {
    x,
    curves: latencies.map(({ policy, ms }) => ({
      name: policy,
      y: x.map((limit) => shareAt(ms, limit)),
    })),
  };
}

/** Experiments of how to think about performance. */
export function mindset({ mindset: all }: SuiteResults): HTMLElement {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  const ratio = (value: number): string => `${value.toFixed(2)}x`;
  const desktop = all.desktop.map((desk) => [
    desk.scheduler,
    `${desk.framesMissed} of ${desk.frames}`,
    ms(desk.frameLateMaxMs),
    ms(desk.keyMedianMs),
    ms(desk.keyMaxMs),
    `${desk.copiedMegabytesPerSecond.toFixed(1)} MB/s`,
  ]);
  const pairs: [string, string, string, string][] = [
    [
      'One field of 65,536 records',
      `array of structs, ${count(all.layout.arrayOfStructs.cycles)} cycles`,
      `struct of arrays, ${count(all.layout.structOfArrays.cycles)}`,
      ratio(all.layout.ratio),
    ],
    [
      'A record of a cached block',
      `through a copy, ${count(all.zeroCopy.copy.cycles / all.zeroCopy.reads)} cycles`,
      `in place, ${count(all.zeroCopy.zeroCopy.cycles / all.zeroCopy.reads)}`,
      ratio(all.zeroCopy.ratio),
    ],
    ...all.requests.map((one): [string, string, string, string] => [
      `${one.sectors} sectors of ${one.disk}`,
      `one at a time, ${duration(one.oneEachUs * 1000)}`,
      `in one request, ${duration(one.oneRequestUs * 1000)}`,
      ratio(one.ratio),
    ]),
    ...all.readAhead.map((one): [string, string, string, string] => [
      `A file of 1 MiB on ${one.disk}`,
      `no read-ahead, ${ms(one.withoutMs)}`,
      `read-ahead, ${ms(one.withMs)}`,
      ratio(one.ratio),
    ]),
    ...all.writePolicy.map((one): [string, string, string, string] => [
      `${count(one.writes)} writes to ${one.disk}`,
      `write-through, ${ms(one.writeThroughMs)}`,
      `write-back, ${ms(one.writeBackMs)}`,
      ratio(one.ratio),
    ]),
    [
      'A hit in the block cache',
      `LRU, ${all.eviction[0]!.cyclesPerHit.toFixed(1)} cycles`,
      `CLOCK, ${all.eviction[1]!.cyclesPerHit.toFixed(1)}`,
      ratio(all.eviction[0]!.cyclesPerHit / all.eviction[1]!.cyclesPerHit),
    ],
  ];
  const processors = all.amdahl.map(({ cpus, limit, speedup }, index) => {
    const lock = all.locks[index]!;
    return [
      `${cpus}`,
      ratio(speedup),
      ratio(limit),
      lock.lockedCyclesPerPair.toFixed(1),
      `${(lock.contended * 100).toFixed(1)} %`,
      lock.perCpuCyclesPerPair.toFixed(1),
    ];
  });
  return section(
    'mindset',
    'How to think about it',
    table(['', 'before', 'after', ''], pairs),
    element('h4', {}, 'A video and someone who types, beside three file copies on one CPU'),
    table(['scheduler', 'late frames', 'worst', 'key, median', 'key, worst', 'copied'], desktop),
    element(
      'h4',
      {},
      'More processors: Amdahl with a tenth serial; an allocation and free with one lock and without',
    ),
    table(['CPUs', 'speed-up', 'limit', 'one lock, cycles', 'waited', 'per-CPU lists'], processors),
  );
}

/** Races with rivals. */
export function peers(all: readonly DatedPeers[]): HTMLElement {
  if (all.length === 0) {
    return section(
      'peers',
      'Beside what people use today',
      element(
        'p',
        {},
        'There is no race to show yet: hotpath peers runs them all and keeps the results.',
      ),
    );
  }
  const areas = all.map(({ area, date, host, results }) => {
    const races = results.map((race) => {
      const most = Math.max(...race.standings.map(({ ratio }) => ratio.p25));
      const bars = race.standings.flatMap(({ name, ratio, version }, index) => {
        const share = Math.max(0.4, (ratio.p25 / most) * 68);
        const spread = index === 0 ? '' : ` (${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)})`;
        return [
          element(
            'span',
            { class: 'name', title: name },
            version === null ? name : `${name} ${version}`,
          ),
          element(
            'span',
            { class: 'track' },
            element('span', {
              class: index === 0 ? 'fill ours' : 'fill',
              style: `width: ${share}%`,
            }),
            element(
              'span',
              { class: 'value', style: `left: ${share}%` },
              `${ratio.p25.toFixed(2)}x${spread}`,
            ),
          ),
        ];
      });
      return element(
        'div',
        {},
        element('h4', {}, `${race.workload}: ${race.title}`),
        element('div', { class: 'bar' }, ...bars),
      );
    });
    const when = `run on ${date}, Node ${host.node}, ${host.cpu} (${host.cpuCount} CPUs)`;
    return element(
      'details',
      {},
      element('summary', {}, `${area}: ${results.length} races, ${when}`),
      ...races,
    );
  });
  areas[0]!.setAttribute('open', '');
  return section(
    'peers',
    'Beside what people use today',
    element(
      'p',
      {},
      'Time as a multiple of ours (first, green), with the quartiles of single rounds: shorter is faster.',
    ),
    ...areas,
  );
}

/** What the page is about. */
export function subtitle({ suite, host, version }: PageData): string {
  const parts = [`version ${version}`];
  if (suite !== null) parts.push(`${suite.profile}, seed ${suite.seed}`);
  if (host !== null)
    parts.push(`simulated in ${(host.wallMs / 1000).toFixed(1)} s on ${host.host.cpu}`);
  return parts.join(' \u00b7 ');
}
