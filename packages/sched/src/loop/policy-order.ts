import type { Nanoseconds } from '@hotpath/hw-x86';
import type { PolicyFactory } from '../policy.js';
import { Scheduler } from '../scheduler.js';
import type { TenantOrder } from './tenant-order.js';

const NS = 1_000_000;

/** Tenants as the tasks of a {@link Scheduler}: any policy of a kernel orders them. */
export class PolicyOrder implements TenantOrder {
  private readonly scheduler: Scheduler;

  constructor(tenants: number, policy: PolicyFactory) {
    this.scheduler = new Scheduler({ policy, tasks: tenants });
  }

  add(): number {
    return this.scheduler.create();
  }
  drop(slot: number): void {
    this.scheduler.exit(slot);
  }
  weightOf(slot: number): number {
    return this.scheduler.tasks.weight[slot];
  }
  setWeight(slot: number, weight: number): void {
    this.scheduler.setWeight(slot, weight);
  }
  wake(slot: number, _ticket: number, nowMs: number): void {
    this.scheduler.wake(slot, Math.round(nowMs * NS));
  }
  pick(nowMs: number): number {
    return this.scheduler.pickNext(0, Math.round(nowMs * NS));
  }
  charge(_slot: number, ranNs: Nanoseconds): void {
    this.scheduler.account(0, ranNs);
  }
  /** The next pick puts it back. */
  again(): void {}
  block(slot: number): void {
    this.scheduler.blocked(slot);
  }
}
