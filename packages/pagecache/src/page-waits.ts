import { isErrno, NIL, OK } from '@hotpath/hw-x86';
import { UPTODATE } from './flags.js';
import type { PageColumns } from './page-columns.js';
import { STAGE_FILL, WAIT_PAGE, WAIT_WRITE_PAGE, type Wait, type WaitPool } from './wait-pool.js';

/** Who waits for which page. */
export class PageWaits {
  private readonly columns: PageColumns;
  private readonly waits: WaitPool;

  constructor(columns: PageColumns, waits: WaitPool) {
    this.columns = columns;
    this.waits = waits;
  }

  /** The wait is stepped, or finished, when the page's transfer ends. */
  attach(slot: number, wait: Wait): void {
    wait.next = this.columns.waitHead[slot];
    this.columns.waitHead[slot] = wait;
  }

  /** Detaches all waits of a page, oldest first. */
  takeAll(slot: number): Wait | null {
    let from = this.columns.waitHead[slot];
    this.columns.waitHead[slot] = null;
    let to: Wait | null = null;
    while (from !== null) {
      const next: Wait | null = from.next;
      from.next = to;
      to = from;
      from = next;
    }
    return to;
  }

  /**
   * The page's transfer has ended. Askers of the page get it pinned here and now, before anybody can
   * take its frame away (contracts, rule 3); operations are stepped.
   */
  wake(slot: number): void {
    if (this.columns.waitHead[slot] === null) return;
    const readable = (this.columns.flags[slot] & UPTODATE) !== 0;
    let wait = this.takeAll(slot);
    while (wait !== null) {
      const next: Wait | null = wait.next;
      const { kind } = wait;
      if (readable && (kind === WAIT_PAGE || kind === WAIT_WRITE_PAGE)) {
        this.columns.pins[slot]++;
        wait.result = slot;
        wait.finished = true;
      } else if (readable && wait.stage === STAGE_FILL && wait.slot === NIL) {
        this.columns.pins[slot]++;
        wait.slot = slot;
      }
      this.waits.due(wait);
      wait = next;
    }
  }

  /** Hands an error to waits that `takeAll` detached; `alone` waits get it, others try alone. */
  fail(first: Wait | null, errno: number, final: boolean): void {
    let wait = first;
    while (wait !== null) {
      const next: Wait | null = wait.next;
      wait.alone = true;
      if (final && isErrno(errno)) {
        wait.finished = wait.kind === WAIT_PAGE || wait.kind === WAIT_WRITE_PAGE;
        wait.result = errno;
      } else {
        wait.result = OK;
      }
      this.waits.due(wait);
      wait = next;
    }
  }
}
