import { ArgumentError, assert, NIL } from '@hotpath/hw-x86';
import { Heap } from '../heap.js';

/** The shape of Piscina's `taskQueue` option (5.x): what a worker pool asks its queue. */
export interface PoolTaskQueue<Task extends object> {
  readonly size: number;
  shift(): Task | null;
  remove(task: Task): void;
  push(task: Task): void;
  unshift(task: Task): void;
}

/** What a task says about itself, under Piscina's `queueOptionsSymbol`. */
export interface PoolTaskOptions {
  /** Whose task it is; default: one tenant for all that do not say. */
  tenant?: string;
  /** The tenant's share from now on, 1..262144, default 1. */
  weight?: number;
  /** What the task costs compared with others, above 0; default the tenant's average so far, or 1. */
  cost?: number;
}

/** Options of {@link FairTaskQueue}. */
export interface FairTaskQueueOptions {
  /** `Piscina.queueOptionsSymbol`: under it a task carries its {@link PoolTaskOptions}. */
  optionsKey: symbol;
  /** Tenants with waiting tasks at once, default 65,536. */
  maxTenants?: number;
}

interface PoolTenant<Task> {
  readonly slot: number;
  readonly tasks: Set<Task>;
  weight: number;
  /** Cost over weight that it was given. */
  virtualTime: number;
  averageCost: number;
}

/**
 * A queue for a worker pool in which tenants take turns by what they used: start-time fair queueing
 * (Goyal, Vin and Cheng 1996). However many tasks a tenant queues, another one's next task waits for
 * no more than one of each. Push, shift and remove O(log tenants).
 *
 * A pool does not tell its queue when a task ends, so that a task is charged when it is handed out:
 * its `cost`, or the average that {@link charge} was told.
 *
 * A tenant is in the heap, by virtual time, exactly while it has waiting tasks.
 */
export class FairTaskQueue<Task extends object = object> implements PoolTaskQueue<Task> {
  private readonly key: symbol;
  private readonly heap: Heap;
  private readonly tenants = new Map<string, PoolTenant<Task>>();
  private readonly bySlot: (string | null)[];
  private readonly freeSlots: number[] = [];
  private readonly tenantOf = new Map<Task, PoolTenant<Task>>();
  /** Handed back: paid for, and first in turn. */
  private readonly returned: Task[] = [];
  /** Virtual time of the tenant served last. */
  private served = 0;

  /** @throws ArgumentError ERR_OPTIONS_KEY */
  constructor(options: FairTaskQueueOptions) {
    if (typeof options?.optionsKey !== 'symbol') {
      throw new ArgumentError(
        'ERR_OPTIONS_KEY',
        `optionsKey is ${typeof options?.optionsKey}; allowed: Piscina.queueOptionsSymbol`,
      );
    }
    const most = options.maxTenants ?? 65_536;
    this.key = options.optionsKey;
    this.heap = new Heap(most);
    this.bySlot = new Array(most).fill(null);
    for (let slot = most - 1; slot >= 0; slot--) this.freeSlots.push(slot);
  }

  get size(): number {
    return this.tenantOf.size + this.returned.length;
  }

  /** @throws ArgumentError ERR_WEIGHT, ERR_COST, ERR_TENANTS */
  push(task: Task): void {
    const given = this.optionsOf(task);
    const { weight, cost } = given;
    if (weight !== undefined && !(weight >= 1 && weight <= 262_144)) {
      throw new ArgumentError('ERR_WEIGHT', `weight is ${weight}; allowed: 1..262144`);
    }
    if (cost !== undefined && !(cost > 0 && cost < Infinity)) {
      throw new ArgumentError('ERR_COST', `cost is ${cost}; allowed: above 0`);
    }
    const tenant = this.find(given.tenant ?? '');
    if (weight !== undefined) tenant.weight = weight;
    if (tenant.tasks.size === 0) {
      // Who was away keeps what it is ahead, and has no credit for what it is behind.
      tenant.virtualTime = Math.max(tenant.virtualTime, this.served);
      this.heap.insert(tenant.slot, tenant.virtualTime);
    }
    tenant.tasks.add(task);
    this.tenantOf.set(task, tenant);
  }

  shift(): Task | null {
    const back = this.returned.shift();
    if (back !== undefined) return back;
    const slot = this.heap.first();
    if (slot === NIL) return null;
    const tenant = this.tenants.get(this.bySlot[slot]!)!;
    const task = tenant.tasks.values().next().value;
    assert(task !== undefined, 'a tenant in the heap has tasks');
    this.served = tenant.virtualTime;
    tenant.virtualTime += (this.optionsOf(task).cost ?? tenant.averageCost) / tenant.weight;
    tenant.tasks.delete(task);
    this.tenantOf.delete(task);
    this.heap.remove(slot);
    if (tenant.tasks.size > 0) this.heap.insert(slot, tenant.virtualTime);
    return task;
  }

  remove(task: Task): void {
    const at = this.returned.indexOf(task);
    if (at >= 0) {
      this.returned.splice(at, 1);
      return;
    }
    const tenant = this.tenantOf.get(task);
    assert(tenant !== undefined, 'a removed task is queued');
    tenant.tasks.delete(task);
    this.tenantOf.delete(task);
    if (tenant.tasks.size === 0) this.heap.remove(tenant.slot);
  }

  /**
   * Tells what a task of the tenant really cost, in any unit that is the same for all tenants (ms):
   * the next ones without a `cost` are charged the moving average.
   */
  charge(tenantName: string, cost: number): void {
    if (!(cost >= 0 && cost < Infinity)) {
      throw new ArgumentError('ERR_COST', `cost is ${cost}; allowed: 0 or above`);
    }
    const tenant = this.tenants.get(tenantName);
    if (tenant !== undefined) tenant.averageCost += (cost - tenant.averageCost) / 8;
  }

  /** A task that was handed out and comes back, because its worker was not free after all. */
  unshift(task: Task): void {
    this.returned.unshift(task);
  }

  private optionsOf(task: Task): PoolTaskOptions {
    return (task as Record<symbol, PoolTaskOptions | null | undefined>)[this.key] ?? {};
  }

  private find(name: string): PoolTenant<Task> {
    const known = this.tenants.get(name);
    if (known !== undefined) return known;
    if (this.freeSlots.length === 0) this.dropIdle();
    const slot = this.freeSlots.pop();
    if (slot === undefined) {
      throw new ArgumentError(
        'ERR_TENANTS',
        `${this.bySlot.length} tenants wait; allowed: maxTenants`,
      );
    }
    const tenant = { slot, tasks: new Set<Task>(), weight: 1, virtualTime: 0, averageCost: 1 };
    this.tenants.set(name, tenant);
    this.bySlot[slot] = name;
    return tenant;
  }

  private dropIdle(): void {
    for (const [name, tenant] of this.tenants) {
      if (tenant.tasks.size > 0) continue;
      this.tenants.delete(name);
      this.bySlot[tenant.slot] = null;
      this.freeSlots.push(tenant.slot);
    }
  }
}
