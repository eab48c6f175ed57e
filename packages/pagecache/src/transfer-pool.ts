import { type Completion, NIL, type TraceHook } from '@hotpath/hw-x86';
import type { PageWaits } from './page-waits.js';
import type { BackingStore, Mappings } from './ports.js';
import type { ResidentPages } from './resident-pages.js';
import type { WaitPool } from './wait-pool.js';

/** What everything that moves pages from or to the store works with. */
export interface TransferWiring {
  residents: ResidentPages;
  pageWaits: PageWaits;
  waits: WaitPool;
  store: BackingStore;
  transfers: TransferPool;
  /** Told of finished transfers, by the id of the transfer. */
  transferSink: Completion;
  mappings: Mappings | null;
  /** Longest run in pages. */
  runPages: number;
  trace: TraceHook | null;
}

/** A run of pages on its way from or to the store. Pooled. */
export class Transfer {
  readonly id: number;
  readonly frames: Float64Array;
  /** Slots of the pages of a read, so that none is looked up when it has finished. */
  readonly slots: Int32Array;
  write = false;
  file = NIL;
  /** First page and number of pages. */
  page = 0;
  count = 0;
  /** Size of the file when the transfer was submitted: what lies beyond reads as zeros. */
  size = 0;
  /** Next free transfer. */
  next: Transfer | null = null;

  constructor(id: number, pageLimit: number) {
    this.id = id;
    this.frames = new Float64Array(pageLimit);
    this.slots = new Int32Array(pageLimit);
  }
}

/** All transfers, by id. */
export class TransferPool {
  /** Transfers under way. */
  usedCount = 0;
  private readonly transfers: Transfer[] = [];
  private readonly pageLimit: number;
  private free: Transfer | null = null;

  /** @param pageLimit - longest run, in pages */
  constructor(pageLimit: number) {
    this.pageLimit = pageLimit;
  }

  at(id: number): Transfer {
    return this.transfers[id];
  }

  take(write: boolean, file: number, page: number): Transfer {
    let transfer = this.free;
    if (transfer === null) {
      transfer = new Transfer(this.transfers.length, this.pageLimit);
      this.transfers.push(transfer);
    } else {
      this.free = transfer.next;
      transfer.next = null;
    }
    transfer.write = write;
    transfer.file = file;
    transfer.page = page;
    transfer.count = 0;
    this.usedCount++;
    return transfer;
  }

  give(transfer: Transfer): void {
    transfer.file = NIL;
    transfer.count = 0;
    transfer.next = this.free;
    this.free = transfer;
    this.usedCount--;
  }
}
