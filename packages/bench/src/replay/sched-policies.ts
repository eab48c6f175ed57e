import {
  cfs,
  edf,
  eevdf,
  fifo,
  lottery,
  mlfq,
  type PolicyFactory,
  roundRobin,
  sjf,
  stack,
  stcf,
  stride,
} from '@hotpath/sched';

/**
 * Scheduling policies by the names that the command line takes, with their default options. `edf` is
 * EDF over EEVDF: tasks with a reservation go first, all others share what is left.
 */
export const SCHED_POLICIES: Readonly<Record<string, () => PolicyFactory>> = {
  cfs: () => cfs(),
  eevdf: () => eevdf(),
  mlfq: () => mlfq(),
  rr: () => roundRobin(),
  edf: () => stack(edf(), eevdf()),
  fifo: () => fifo(),
  sjf: () => sjf(),
  stcf: () => stcf(),
  lottery: () => lottery(),
  stride: () => stride(),
};
