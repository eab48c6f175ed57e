/** Who runs when, and how long the woken wait, by scheduler. */
import {
  cfs,
  eevdf,
  hog,
  mlfq,
  type PolicyFactory,
  periodic,
  roundRobin,
  type SimulationTask,
  simulate,
} from '@hotpath/sched';
import { toWorkload } from '../../replay/sched.js';
import { loadBursts } from '../../traces/recordings.js';

const MS = 1e6;
const LANE_MS = 200;
const TRACE = 'sched-make-open';
const CPUS = 2;
const POLICIES: Readonly<Record<string, () => PolicyFactory>> = {
  'round robin': () => roundRobin(),
  MLFQ: () => mlfq(),
  CFS: () => cfs(),
  EEVDF: () => eevdf(),
};
/** Parts of the wake-ups at which the latency is given. */
const FRACTIONS = [
  ...Array.from({ length: 50 }, (_, part) => part / 50),
  ...[0.985, 0.99, 0.993, 0.996, 0.998, 0.999, 1],
];

/** Lanes of one small mix, and latencies of a recording. Times in milliseconds. */
export interface SchedulersPlot {
  readonly tasks: readonly string[];
  readonly laneMs: number;
  readonly lanes: readonly {
    readonly policy: string;
    /** task, start, end; task, start, end; ... */
    readonly slices: readonly number[];
  }[];
  readonly trace: string;
  readonly cpus: number;
  readonly fractions: readonly number[];
  readonly latencies: readonly { readonly policy: string; readonly ms: readonly number[] }[];
}

/** Exact virtual time. */
export function plotSchedulers(): SchedulersPlot {
  const mix: SimulationTask[] = [
    periodic(33 * MS, 4 * MS, 10, { name: 'video' }),
    periodic(70 * MS, MS, 5, { name: 'typing' }),
    hog(4000 * MS, { name: 'copy 1' }),
    hog(4000 * MS, { name: 'copy 2' }),
    hog(4000 * MS, { name: 'copy 3' }),
  ];
  const bursts = toWorkload(loadBursts(TRACE).filter(({ bursts }) => bursts.length > 0));
  const entries = Object.entries(POLICIES);
  return {
    tasks: mix.map(({ name }) => name!),
    laneMs: LANE_MS,
    lanes: entries.map(([policy, make]) => ({ policy, slices: lanesOf(mix, make()) })),
    trace: TRACE,
    cpus: CPUS,
    fractions: FRACTIONS,
    latencies: entries.map(([policy, make]) => ({ policy, ms: latenciesOf(bursts, make()) })),
  };
}

function lanesOf(tasks: SimulationTask[], policy: PolicyFactory): number[] {
  const { slices } = simulate({ tasks, policy, untilNs: LANE_MS * MS });
  const merged: number[] = [];
  for (const { task, startNs, endNs } of slices) {
    const start = startNs / MS;
    const last = merged.length - 3;
    // Ticks cut a slice without a switch: one piece to look at.
    if (merged[last] === task && merged[last + 2] === start) merged[last + 2] = endNs / MS;
    else merged.push(task, start, endNs / MS);
  }
  return merged;
}

function latenciesOf(tasks: SimulationTask[], policy: PolicyFactory): number[] {
  const { slices } = simulate({ tasks, policy, cpus: CPUS });
  const woken = new Uint8Array(tasks.length).fill(1);
  const latencies: number[] = [];
  for (const { task, delayNs, blocked } of slices) {
    if (woken[task] === 1) latencies.push(delayNs / MS);
    woken[task] = blocked ? 1 : 0;
  }
  latencies.sort((a, b) => a - b);
  const last = latencies.length - 1;
  return FRACTIONS.map((fraction) => latencies[Math.round(fraction * last)]!);
}
