import type { Meter } from '@hotpath/hw-x86';
import type { Magazines } from './magazines.js';
import type { SlabTable } from './slab-table.js';
import { SITE_BASE } from './trace-events.js';

const SITE_MAGAZINE_EMPTY = SITE_BASE + 32;
const SITE_MAGAZINE_FULL = SITE_BASE + 33;
const SITE_REFUSED = SITE_BASE + 35;

/** Tells a meter what the calls of a cache touch and decide, beside what its magazines tell. */
export class CallMeter {
  private readonly meter: Meter;
  private readonly table: SlabTable;
  private readonly magazines: Magazines;

  constructor(meter: Meter, table: SlabTable, magazines: Magazines) {
    this.meter = meter;
    this.table = table;
    this.magazines = magazines;
  }

  /** An allocation looks at the magazine. */
  looked(): void {
    this.meter.load(this.magazines.fillAddress);
    this.meter.branch(SITE_MAGAZINE_EMPTY, this.magazines.fill === 0);
  }

  /** An object is marked as handed out. */
  allocated(offset: number): void {
    this.toggled(offset);
    this.meter.retire(6);
  }

  /** An object was found good and its mark taken away. */
  freed(offset: number): void {
    const { meter, magazines } = this;
    meter.load(magazines.fillAddress);
    meter.load(this.table.ownersBase + (offset >>> 12) * 4);
    this.toggled(offset);
    meter.retire(10);
    meter.branch(SITE_REFUSED, false);
    meter.branch(SITE_MAGAZINE_FULL, magazines.fill === magazines.size);
  }

  private toggled(offset: number): void {
    const word = this.table.usedBase + (offset >>> 9) * 4;
    this.meter.load(word);
    this.meter.store(word);
  }
}
