import type { Nanoseconds } from '@hotpath/hw-x86';

/** Which tenant of a {@link FairLoop} is next. A tenant is a slot, ready or not. */
export interface TenantOrder {
  /** A slot for a new tenant, not ready; NIL when there is none. */
  add(): number;
  /** A tenant that is not ready is gone. */
  drop(slot: number): void;
  weightOf(slot: number): number;
  setWeight(slot: number, weight: number): void;
  /** The tenant becomes ready; its next job was the loop's `ticket`th. */
  wake(slot: number, ticket: number, nowMs: number): void;
  /** The ready tenant whose turn it is, or NIL. {@link charge} and one of the two others follow. */
  pick(nowMs: number): number;
  /** The picked tenant used CPU time. */
  charge(slot: number, ranNs: Nanoseconds): void;
  /** The picked tenant stays ready. */
  again(slot: number, ticket: number): void;
  /** The picked tenant is no longer ready. */
  block(slot: number): void;
}
