/**
 * Draws three tasks under four policies: `npx tsx --conditions=@hotpath/source examples/gantt.ts DIR`
 * writes gantt-POLICY.svg into DIR (default: this folder).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  cfs,
  eevdf,
  ganttSvg,
  hog,
  mlfq,
  type PolicyFactory,
  periodic,
  roundRobin,
  type SimulationTask,
  simulate,
} from '@hotpath/sched';

const MS = 1_000_000;
const tasks: SimulationTask[] = [
  hog(80 * MS, { name: 'copy' }),
  hog(80 * MS, { name: 'compile', nice: 5 }),
  periodic(16 * MS, 3 * MS, 10, { name: 'video' }),
];
const policies: Record<string, PolicyFactory> = {
  rr: roundRobin(),
  mlfq: mlfq(),
  cfs: cfs(),
  eevdf: eevdf(),
};

/** The charts by policy name. */
export function charts(): Record<string, string> {
  const all: Record<string, string> = {};
  for (const [name, policy] of Object.entries(policies)) {
    const title = `${name}: a copy, a compile at nice 5, and 3 ms of video every 16 ms`;
    all[name] = ganttSvg(simulate({ tasks, policy }), { title });
  }
  return all;
}

if (
  process.argv[1] !== undefined &&
  import.meta.url.endsWith(process.argv[1].replace(/^.*examples/, 'examples'))
) {
  const folder = process.argv[2] ?? import.meta.dirname;
  for (const [name, svg] of Object.entries(charts())) {
    writeFileSync(join(folder, `gantt-${name}.svg`), svg);
  }
}
