import { BRANCH_MISSES, BRANCHES, INSTRUCTIONS, TSC } from '../cells.js';
import { ArgumentError, assert, checkInteger } from '../errors.js';
import type { Meter } from '../meter.js';
import { ACCESS_READ, ACCESS_WRITE } from '../mmu.js';
import { type ByteCount, LINE_BYTES, type VirtAddr } from '../units.js';
import type { ModelCpu } from './cpu.js';
import { METER_BASE, METER_BYTES } from './meter-range.js';

/** A range handed out by {@link Meter.region}. */
export interface MeterRegion {
  readonly name: string;
  readonly address: VirtAddr;
  readonly byteCount: ByteCount;
}

/**
 * The meter of a machine: charges the processor that is being stepped. In flat mode a load costs
 * an L1D hit, a store one store slot, an operation 1/retireWidth cycle and a branch is an
 * operation; in full mode accesses pass TLB and caches and branches the gshare predictor.
 */
export class ModelMeter implements Meter {
  /** The processor charged; the machine sets it when it steps another. */
  declare cpu: ModelCpu;
  readonly #regions: MeterRegion[] = [];
  #next: VirtAddr = METER_BASE;

  constructor(cpu: ModelCpu) {
    this.cpu = cpu;
  }

  /** @throws ArgumentError ERR_REGION_BYTES, ERR_REGION_FULL */
  region(name: string, byteCount: ByteCount): VirtAddr {
    checkInteger('ERR_REGION_BYTES', `region "${name}" bytes`, byteCount, 0, METER_BYTES);
    const address = this.#next;
    const end = address + Math.ceil(byteCount / LINE_BYTES) * LINE_BYTES;
    if (end > METER_BASE + METER_BYTES) {
      throw new ArgumentError(
        'ERR_REGION_FULL',
        `region "${name}": 1 TiB of metered data is taken`,
      );
    }
    this.#next = end;
    this.#regions.push({ name, address, byteCount });
    return address;
  }

  /** Every range handed out, in order. */
  get regions(): readonly MeterRegion[] {
    return this.#regions;
  }

  /** Puts the regions of a snapshot back. */
  restoreRegions(regions: readonly MeterRegion[]): void {
    this.#regions.length = 0;
    this.#next = METER_BASE;
    for (const region of regions) this.region(region.name, region.byteCount);
  }

  load(address: VirtAddr): void {
    this.cpu.meterAccess(address, ACCESS_READ);
  }

  store(address: VirtAddr): void {
    this.cpu.meterAccess(address, ACCESS_WRITE);
  }

  retire(count: number): void {
    this.cpu.retire(count);
  }

  branch(site: number, taken: boolean): void {
    const cpu = this.cpu;
    cpu.cells[BRANCHES] += 1;
    cpu.retire(1);
    const predictor = cpu.predictor;
    if (predictor === null || predictor.resolve(site, taken)) return;
    cpu.cells[BRANCH_MISSES] += 1;
    cpu.cells[TSC] += cpu.numbers.branchMissCycles;
  }

  /** Name of the region an address lies in, or null; for reports. */
  nameOf(address: VirtAddr): string | null {
    for (const region of this.#regions) {
      const offset = address - region.address;
      if (offset >= 0 && offset < region.byteCount) return region.name;
    }
    return null;
  }

  /** Regions lie in order, on cache lines, inside the range; for tests. */
  checkInvariants(): void {
    let end = METER_BASE;
    for (const region of this.#regions) {
      assert(region.address >= end, 'meter: regions overlap');
      assert(region.address % LINE_BYTES === 0, 'meter: a region is not on a cache line');
      end = region.address + region.byteCount;
    }
    assert(end <= METER_BASE + METER_BYTES, 'meter: a region is outside the range');
    assert(this.cpu.cells[INSTRUCTIONS] >= 0, 'meter: instructions are negative');
  }
}
