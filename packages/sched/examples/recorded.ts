/**
 * Replays the recordings of test/data on two virtual CPUs with Linux's 4 ms tick, and compares the
 * time that tasks waited with what Linux 6.18 did:
 * `npx tsx --conditions=@hotpath/source examples/recorded.ts`
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  cfs,
  eevdf,
  mlfq,
  type PolicyFactory,
  parseRecording,
  roundRobin,
  simulate,
} from '@hotpath/sched';

const policies: Record<string, PolicyFactory> = {
  eevdf: eevdf(),
  cfs: cfs(),
  mlfq: mlfq(),
  rr: roundRobin(),
};

const read = (name: string) =>
  readFileSync(new URL(`../test/data/sched-${name}-open.tsv.gz`, import.meta.url));

for (const kind of ['make', 'mix', 'pg']) {
  const tasks = parseRecording(gunzipSync(read(kind)).toString());
  const sidecar = new URL(`../test/data/sched-${kind}-open.linux.json`, import.meta.url);
  const linux = JSON.parse(readFileSync(sidecar, 'utf8')) as { total_wait_us: number };
  const cells = Object.entries(policies).map(([name, policy]) => {
    const result = simulate({ tasks, policy, cpus: 2, tickNs: 4_000_000, record: false });
    return `${name} ${(result.totalWaitNs / 1000 / linux.total_wait_us).toFixed(2)}`;
  });
  console.log(`${kind}: Linux ${(linux.total_wait_us / 1000).toFixed(0)} ms; ${cells.join(', ')}`);
}
