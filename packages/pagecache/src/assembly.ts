import type { Completion } from '@hotpath/hw-x86';
import { DirtyThrottle } from './dirty-throttle.js';
import { FileTable } from './file-table.js';
import { FrameQueue } from './frame-queue.js';
import { HandleColumns } from './handle-columns.js';
import { InvalidateOperation } from './invalidate-operation.js';
import type { ResolvedOptions } from './page-cache-options.js';
import { PageReader } from './page-reader.js';
import { PageRequests } from './page-requests.js';
import { PageWaits } from './page-waits.js';
import { PageWrites } from './page-writes.js';
import { ReadAhead } from './read-ahead.js';
import { ResidentPages } from './resident-pages.js';
import { SyncOperation } from './sync-operation.js';
import { TransferPool } from './transfer-pool.js';
import { type DrivenParts, WaitDriver } from './wait-driver.js';
import { WaitPool } from './wait-pool.js';
import { WriteBack } from './write-back.js';

/** The parts of one cache, wired. */
export interface CacheParts extends DrivenParts {
  handles: HandleColumns;
  table: FileTable;
  writes: PageWrites;
  readAhead: ReadAhead;
  driver: WaitDriver;
}

/** Builds the parts of a cache: the one place that knows how they hang together. */
export function assembleCache(options: ResolvedOptions): CacheParts {
  const { store, mappings, trace, runPages } = options;
  let driver: WaitDriver | null = null;
  const transferSink: Completion = { completed: (id, result) => driver!.transferDone(id, result) };
  const storeSink: Completion = { completed: (id, result) => driver!.storeDone(id, result) };

  const residents = new ResidentPages(options);
  const { columns } = residents;
  const handles = new HandleColumns();
  const waits = new WaitPool(options.line);
  const transfers = new TransferPool(runPages);
  const pageWaits = new PageWaits(columns, waits);
  const io = {
    residents,
    pageWaits,
    waits,
    store,
    transfers,
    transferSink,
    mappings,
    runPages,
    trace,
  };
  const writeBack = new WriteBack(io);
  const reader = new PageReader(io);
  const frames = new FrameQueue(residents, writeBack, transfers);
  const requests = new PageRequests(residents, pageWaits, frames, reader, trace);
  const syncs = new SyncOperation(io, storeSink, writeBack, handles);
  const invalidations = new InvalidateOperation(io, storeSink, frames, reader);
  const { dirtyLimit, dirtyBackground } = options;
  const throttle = new DirtyThrottle(
    residents,
    writeBack,
    waits,
    dirtyLimit,
    dirtyBackground,
    runPages,
  );
  const driven: DrivenParts = {
    residents,
    waits,
    transfers,
    frames,
    reader,
    writeBack,
    requests,
    syncs,
    invalidations,
    throttle,
  };
  driver = new WaitDriver(driven);
  return {
    ...driven,
    handles,
    table: new FileTable(residents, handles),
    writes: new PageWrites(residents, pageWaits),
    readAhead: new ReadAhead(residents, handles, reader, options.readAheadPages),
    driver,
  };
}
