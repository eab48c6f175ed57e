import type { Area } from '../../harness/contestant.js';
import type { SchedWorkload } from './work.js';

const TREES = ['hotpath-tree', 'hotpath-heap', 'object-tree', 'bintrees', 'js-sdsl'];
const SWITCHES = ['hotpath-cfs', 'hotpath-eevdf', 'hotpath-mlfq', 'hotpath-mlfq-queue'];
const LOOPS = ['hotpath-loop', 'fastq', 'p-queue', 'async-queue', 'bottleneck'];

function queue(entities: number): {
  name: string;
  title: string;
  parameters: SchedWorkload;
  without: string[];
} {
  return {
    name: `queue-${entities}`,
    title: `run queue of ${entities} entities: take the first, charge it, put it back`,
    parameters: { kind: 'queue', entities, switches: 200_000 },
    without: LOOPS,
  };
}

/** Run queues against trees of npm; the fair loop against promise queues. */
export const area: Area<SchedWorkload> = {
  title: 'schedulers',
  operation: 'switch or job',
  contestants: [...TREES, ...SWITCHES, ...LOOPS],
  workloads: [
    queue(10),
    queue(100),
    queue(1000),
    queue(10_000),
    {
      name: 'jobs',
      title: '10,000 empty jobs of 100 tenants, concurrency 10',
      parameters: { kind: 'jobs', jobs: 10_000, tenants: 100 },
      // 2.8 s a round: it has the race below.
      without: [...TREES, ...SWITCHES, 'bottleneck'],
    },
    {
      name: 'jobs-few',
      title: '1,000 empty jobs of 100 tenants, concurrency 10',
      parameters: { kind: 'jobs', jobs: 1000, tenants: 100 },
      without: [...TREES, ...SWITCHES],
    },
    {
      name: 'interactive',
      title: '10,000 jobs of 50 us of one tenant queued, then one of another',
      parameters: { kind: 'interactive', jobs: 10_000, tenants: 1, jobUs: 50 },
      without: [...TREES, ...SWITCHES],
    },
  ],
};
