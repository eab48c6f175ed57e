import {
  cfs,
  eevdf,
  fifo,
  lottery,
  mlfq,
  type PolicyFactory,
  roundRobin,
  stride,
} from '@hotpath/sched';

/** Scheduling policies by the names that the command line takes, with their default options. */
export const SCHED_POLICIES: Readonly<Record<string, () => PolicyFactory>> = {
  cfs: () => cfs(),
  eevdf: () => eevdf(),
  mlfq: () => mlfq(),
  rr: () => roundRobin(),
  fifo: () => fifo(),
  lottery: () => lottery(),
  stride: () => stride(),
};
