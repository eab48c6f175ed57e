import { ArgumentError, type ByteCount, checkInteger, NIL, PAGE_BYTES } from '@hotpath/hw-x86';
import { checkSpan } from './byte-span.js';
import { GuardPages } from './guard-pages.js';
import type { ObjectMemory, SlabAllocator } from './slab-allocator.js';
import type { SlabCache } from './slab-cache.js';
import {
  type ObjectChecks,
  POISON_END,
  POISON_FREE,
  POISON_IN_USE,
  RED_ACTIVE,
  RED_INACTIVE,
  type SlabDamage,
  type SlabDebugOptions,
  type SlabReport,
} from './slab-debug.js';
import type { SlabObserver } from './slab-observer.js';

const EVERY_MAX = 2 ** 31;

/**
 * Checks the options of a cache's debugging against what the allocator has.
 * @throws ArgumentError ERR_DEBUG, ERR_MEMORY
 */
export function checkDebugOptions(
  options: SlabDebugOptions,
  memory: ObjectMemory | null,
  hasConstructor: boolean,
): void {
  checkInteger('ERR_DEBUG', 'failEvery', options.failEvery ?? 0, 0, EVERY_MAX);
  checkInteger('ERR_DEBUG', 'guardEvery', options.guardEvery ?? 0, 0, EVERY_MAX);
  checkInteger('ERR_DEBUG', 'quarantine', options.quarantine ?? 0, 0, 65536);
  if (hasConstructor && options.poison === true) {
    throw new ArgumentError('ERR_DEBUG', 'poison would undo the constructor: choose one');
  }
  const touches = options.redZones === true || options.poison === true;
  if (memory === null && (touches || (options.guardEvery ?? 0) > 0)) {
    throw new ArgumentError(
      'ERR_MEMORY',
      'red zones, poison and guards touch memory: give SlabAllocator its memory',
    );
  }
}

/**
 * The debugging layer of one cache: red zones, poison, allocation sites, failing allocations,
 * quarantine, sampled guards.
 *
 * A slot with red zones: left zone (leftBytes), object (objectBytes), right zone (rest of the stride)
 */
export class ObjectDebug implements ObjectChecks, SlabObserver {
  private readonly cache: SlabCache;
  private readonly base: number;
  private readonly memory: ObjectMemory | null;
  private readonly redZones: boolean;
  private readonly poison: boolean;
  private readonly failEvery: number;
  private readonly guardEvery: number;
  private readonly site: (() => string) | null;
  private readonly sites = new Map<number, string>();
  private readonly waiting: Int32Array;
  private waitingFirst = 0;
  private waitingFill = 0;
  private readonly guards: GuardPages | null;
  private allocations = 0;
  private reports: SlabReport[] = [];

  /** Options have passed {@link checkDebugOptions}. */
  constructor(cache: SlabCache, slabs: SlabAllocator, options: SlabDebugOptions) {
    this.cache = cache;
    this.base = slabs.base;
    this.memory = slabs.memory;
    this.redZones = options.redZones ?? false;
    this.poison = options.poison ?? false;
    this.failEvery = options.failEvery ?? 0;
    this.guardEvery = options.guardEvery ?? 0;
    this.waiting = new Int32Array(options.quarantine ?? 0);
    const sites = options.sites ?? false;
    this.site = sites === true ? callerLine : sites === false ? null : sites;
    const fits = this.guardEvery > 0 && cache.objectBytes <= PAGE_BYTES;
    this.guards = fits
      ? new GuardPages(cache.name, cache.objectBytes, cache.align, slabs.pages, this.touched())
      : null;
  }

  get delayedCount(): number {
    return this.waitingFill;
  }

  get substituteCount(): number {
    return this.guards === null ? 0 : this.guards.count;
  }

  mayAllocate(): boolean {
    this.allocations += 1;
    return this.failEvery === 0 || this.allocations % this.failEvery !== 0;
  }

  substitute(): number {
    if (this.guards === null || this.allocations % this.guardEvery !== 0) return NIL;
    const address = this.guards.allocate();
    if (address !== NIL && this.site !== null) this.sites.set(address, this.site());
    return address;
  }

  freeSubstitute(address: number): boolean {
    if (this.guards === null || !this.guards.free(address, this.reports)) return false;
    this.sites.delete(address);
    return true;
  }

  allocated(address: number): void {
    if (this.site !== null) this.sites.set(address, this.site());
    if (this.poison) {
      this.inspectPoison(address, this.reports);
      this.touched().fill(address, this.cache.objectBytes, POISON_IN_USE);
    }
    if (this.redZones) {
      this.inspectZones(address, RED_INACTIVE, this.reports);
      this.fillZones(address, RED_ACTIVE);
    }
  }

  freed(address: number): void {
    if (this.redZones) {
      this.inspectZones(address, RED_ACTIVE, this.reports);
      this.fillZones(address, RED_INACTIVE);
    }
    if (this.poison) this.fillPoison(address);
    this.sites.delete(address);
  }

  delay(offset: number): number {
    const length = this.waiting.length;
    if (length === 0) return offset;
    const full = this.waitingFill === length;
    const at = (this.waitingFirst + this.waitingFill) % length;
    const oldest = full ? this.waiting[at] : NIL;
    this.waiting[at] = offset;
    if (full) this.waitingFirst = (this.waitingFirst + 1) % length;
    else this.waitingFill += 1;
    return oldest;
  }

  drain(release: (offset: number) => void): void {
    for (; this.waitingFill > 0; this.waitingFill -= 1) {
      release(this.waiting[this.waitingFirst]);
      this.waitingFirst = (this.waitingFirst + 1) % this.waiting.length;
    }
  }

  forEachDelayed(visit: (offset: number) => void): void {
    for (let i = 0; i < this.waitingFill; i += 1) {
      visit(this.waiting[(this.waitingFirst + i) % this.waiting.length]);
    }
  }

  slabCreated(_head: number, first: number): void {
    const { objectCount, stride } = this.cache.geometry;
    for (let slot = 0; slot < objectCount; slot += 1) {
      const address = this.base + first + slot * stride;
      if (this.redZones) this.fillZones(address, RED_INACTIVE);
      if (this.poison) this.fillPoison(address);
    }
  }

  slabDestroyed(): void {}

  siteOf(address: number): string | null {
    return this.sites.get(address) ?? null;
  }

  forEachSubstitute(visit: (address: number) => void): void {
    if (this.guards !== null) this.guards.forEach(visit);
  }

  takeReports(): SlabReport[] {
    const reports = this.reports;
    this.reports = [];
    return reports;
  }

  inspect(address: number, inUse: boolean, reports: SlabReport[]): void {
    if (this.redZones) this.inspectZones(address, inUse ? RED_ACTIVE : RED_INACTIVE, reports);
    if (this.poison && !inUse) this.inspectPoison(address, reports);
  }

  inspectGuards(reports: SlabReport[]): void {
    if (this.guards !== null) this.guards.checkAll(reports);
  }

  private inspectZones(address: number, fill: number, reports: SlabReport[]): void {
    const memory = this.touched();
    const { leftBytes } = this.cache.geometry;
    const owner = this.owner(address, 'red zone');
    checkSpan(memory, address - leftBytes, leftBytes, fill, owner, reports);
    const behind = address + this.cache.objectBytes;
    checkSpan(memory, behind, this.rightBytes(), fill, owner, reports);
  }

  private inspectPoison(address: number, reports: SlabReport[]): void {
    const memory = this.touched();
    const last = address + this.cache.objectBytes - 1;
    const owner = this.owner(address, 'poison');
    const before = reports.length;
    checkSpan(memory, address, last - address, POISON_FREE, owner, reports);
    if (reports.length > before) memory.store8(last, POISON_END);
    else checkSpan(memory, last, 1, POISON_END, owner, reports);
  }

  private fillZones(address: number, fill: number): void {
    const { leftBytes } = this.cache.geometry;
    this.touched().fill(address - leftBytes, leftBytes, fill);
    this.touched().fill(address + this.cache.objectBytes, this.rightBytes(), fill);
  }

  private fillPoison(address: number): void {
    const last = address + this.cache.objectBytes - 1;
    this.touched().fill(address, last - address, POISON_FREE);
    this.touched().store8(last, POISON_END);
  }

  private rightBytes(): ByteCount {
    const { stride, leftBytes } = this.cache.geometry;
    return stride - leftBytes - this.cache.objectBytes;
  }

  private owner(address: number, damage: SlabDamage) {
    return { cache: this.cache.name, damage, address, site: this.siteOf(address) };
  }

  private touched(): ObjectMemory {
    return this.memory as ObjectMemory;
  }
}

/** First line of the stack outside this package's allocation calls. */
function callerLine(): string {
  const stack = (new Error('site').stack ?? '').split('\n').slice(1);
  const inside = /object-debug|slab-cache|kmalloc|slab-handles/;
  return (stack.find((line) => !inside.test(line)) ?? 'unknown').trim();
}
