import { ArgumentError, NIL } from '@hotpath/hw-x86';
import type { JobHost } from './job.js';
import { Tenant, type TenantStats } from './tenant.js';
import type { TenantOrder } from './tenant-order.js';

/**
 * The tenants that have state, by name and by slot of the order. When all slots are taken, idle
 * tenants make room.
 *
 * For every tenant t: bySlot[t.slot] === t and byName.get(t.name) === t.
 */
export class TenantTable {
  private readonly byName = new Map<string, Tenant>();
  private readonly bySlot: (Tenant | null)[];
  private readonly order: TenantOrder;
  private readonly host: JobHost;

  constructor(slots: number, order: TenantOrder, host: JobHost) {
    this.bySlot = new Array<Tenant | null>(slots).fill(null);
    this.order = order;
    this.host = host;
  }

  /** The tenant of a slot that is in use. */
  at(slot: number): Tenant {
    return this.bySlot[slot]!;
  }

  /** The tenant of that name, made if there is none. @throws ArgumentError ERR_TENANT, ERR_TENANTS */
  named(name: string): Tenant {
    const known = this.byName.get(name);
    return known === undefined ? this.create(name) : known;
  }

  private create(name: string): Tenant {
    if (typeof name !== 'string' || name === '') {
      throw new ArgumentError('ERR_TENANT', `tenant is "${name}"; allowed: a string of 1 or more`);
    }
    let slot = this.order.add();
    if (slot === NIL) {
      this.dropIdle();
      slot = this.order.add();
    }
    const tenant = new Tenant(name, this.host, slot);
    this.byName.set(name, tenant);
    this.bySlot[slot] = tenant;
    return tenant;
  }

  /** Gives the slots of tenants without jobs back, oldest first, but for a quarter. */
  private dropIdle(): void {
    const most = Math.ceil(this.byName.size / 4);
    let dropped = 0;
    for (const [name, tenant] of this.byName) {
      if (tenant.ready > 0 || tenant.inFlight > 0 || tenant.awake) continue;
      this.order.drop(tenant.slot);
      this.bySlot[tenant.slot] = null;
      this.byName.delete(name);
      if (++dropped === most) return;
    }
    if (dropped > 0) return;
    throw new ArgumentError(
      'ERR_TENANTS',
      `${this.bySlot.length} tenants have jobs; allowed: maxTenants at once`,
    );
  }

  /** Figures of all that have state, by name. */
  stats(): Record<string, TenantStats> {
    const all: Record<string, TenantStats> = {};
    for (const [name, tenant] of this.byName) all[name] = tenant.stats();
    return all;
  }
}
