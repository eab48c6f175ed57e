import { cfs, mlfq, type PolicyFactory, roundRobin } from '@hotpath/sched';

/** Scheduling policies by the names that the command line takes, with their default options. */
export const SCHED_POLICIES: Readonly<Record<string, () => PolicyFactory>> = {
  cfs: () => cfs(),
  mlfq: () => mlfq(),
  rr: () => roundRobin(),
};
