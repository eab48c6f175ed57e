import type { TraceHook } from '@hotpath/hw-x86';
import { ENXIO, NIL, OK, PENDING } from '@hotpath/hw-x86';
import { UPTODATE } from './flags.js';
import type { FrameQueue } from './frame-queue.js';
import type { PageReader } from './page-reader.js';
import type { PageWaits } from './page-waits.js';
import type { ResidentPages } from './resident-pages.js';
import { PAGE_MISS } from './trace-events.js';
import { WAIT_PAGE, type Wait } from './wait-pool.js';

/** Single pages for readers and writers: from the index, else from the store. */
export class PageRequests {
  private readonly residents: ResidentPages;
  private readonly pageWaits: PageWaits;
  private readonly frames: FrameQueue;
  private readonly reader: PageReader;
  private readonly trace: TraceHook | null;

  constructor(
    residents: ResidentPages,
    pageWaits: PageWaits,
    frames: FrameQueue,
    reader: PageReader,
    trace: TraceHook | null,
  ) {
    this.residents = residents;
    this.pageWaits = pageWaits;
    this.frames = frames;
    this.reader = reader;
    this.trace = trace;
  }

  /** One step of a WAIT_PAGE or WAIT_WRITE_PAGE: a pinned slot, an errno, or PENDING. */
  step(wait: Wait): number {
    const { residents } = this;
    const { columns, files } = residents;
    const { file, page } = wait;
    if (files.invalidator[file] !== 0) {
      files.lockQueue[file].push(wait);
      return PENDING;
    }
    const found = residents.lookup(file, page);
    if (found !== NIL) {
      if ((columns.flags[found] & UPTODATE) !== 0) return this.pin(found);
      this.pageWaits.attach(found, wait);
      return PENDING;
    }
    const inside = files.size[file] - page * 4096;
    if (wait.kind === WAIT_PAGE && inside <= 0) return ENXIO;
    const slot = this.frames.obtain(wait);
    if (slot < 0) return slot;
    if (this.trace !== null) this.trace.emit(PAGE_MISS, file, page);
    if (wait.kind !== WAIT_PAGE && wait.from <= 0 && wait.to >= Math.min(4096, inside)) {
      // Every byte that the file has in this page is about to be overwritten: nothing to read.
      return this.create(file, page, slot);
    }
    if (wait.kind !== WAIT_PAGE && inside <= 0) return this.create(file, page, slot);
    const result = this.reader.readOne(file, page, slot);
    if (result === PENDING) {
      this.pageWaits.attach(slot, wait);
      return PENDING;
    }
    return result === OK ? this.pin(slot) : result;
  }

  private pin(slot: number): number {
    this.residents.columns.pins[slot]++;
    this.residents.touch(slot);
    return slot;
  }

  /** A page that a writer fills: locked until `commitWrite`. */
  private create(file: number, page: number, slot: number): number {
    this.residents.insert(file, page, slot);
    this.residents.columns.pins[slot]++;
    return slot;
  }
}
