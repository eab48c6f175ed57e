import { assert, type Completion, type InterruptLine, NIL, OK } from '@hotpath/hw-x86';

/** A reader that wants a page. */
export const WAIT_PAGE = 1;
/** A writer that wants a page to store bytes into. */
export const WAIT_WRITE_PAGE = 2;
/** fsync, msync, sync_file_range: dirty pages of a range out, then perhaps the device's cache. */
export const WAIT_SYNC = 3;
/** truncate. */
export const WAIT_TRUNCATE = 4;
/** Hole punch. */
export const WAIT_PUNCH = 5;
/** A writer held back because too much is dirty. */
export const WAIT_THROTTLE = 6;
/** A writer that wants the file's write lock. */
export const WAIT_WRITE_LOCK = 7;

/** Truncate, punch: wants the write lock, then the invalidate lock. */
export const STAGE_LOCK = 0;
/** Truncate, punch: reads that were under way when it took the invalidate lock must end. */
export const STAGE_DRAIN = 1;
/** Truncate, punch: pages that stay in part are brought in, to be zeroed in part. */
export const STAGE_FILL = 2;
/** Truncate, punch: whole pages go. */
export const STAGE_REMOVE = 3;
/** The store has been called; its answer ends the operation. */
export const STAGE_STORE = 4;
/** Sync: dirty pages are submitted. */
export const STAGE_SUBMIT = 5;
/** Sync: pages under write-back are waited for. */
export const STAGE_SETTLE = 6;

/**
 * One thing under way that its caller waits for: what was asked, how far it is, whom to tell. It is
 * entered again with its progress, never restarted (contracts, rule 6). Pooled: a miss allocates
 * nothing once the pool is warm.
 */
export class Wait {
  readonly id: number;
  kind = 0;
  file = NIL;
  /** Page asked for, or the cursor of an operation over a range. */
  page = 0;
  /** Last page of a range. */
  last = 0;
  /** First and end byte inside the page (writer), or new size (truncate). */
  from = 0;
  to = 0;
  /** First page of a range. */
  first = 0;
  handle = NIL;
  /** Sync only: the store's cache is flushed, too. */
  flush = false;
  stage = 0;
  /** Page pinned for this operation. */
  slot = NIL;
  /** A page this operation has already waited for, NIL if none. */
  waitedFor = NIL;
  /** Failed writes have been tried again once on behalf of this wait. */
  retried = false;
  /** Read this page alone: a longer read that held it has failed. */
  alone = false;
  /** It is this wait's turn in the queue for frames. */
  served = false;
  /** Set when the outcome is known. */
  finished = false;
  result: number = OK;
  /** The file's error count when the operation began. */
  errors = 0;
  sink: Completion | null = null;
  tag = 0;
  /** Next wait in whichever list this one is in. */
  next: Wait | null = null;

  constructor(id: number) {
    this.id = id;
  }
}

/** First come, first served; a wait is in one queue at most. */
export class WaitQueue {
  private head: Wait | null = null;
  private tail: Wait | null = null;

  get isEmpty(): boolean {
    return this.head === null;
  }

  /** The oldest wait, left where it is. */
  get first(): Wait | null {
    return this.head;
  }

  push(wait: Wait): void {
    wait.next = null;
    if (this.tail === null) this.head = wait;
    else this.tail.next = wait;
    this.tail = wait;
  }

  /** Puts a wait back to the front. */
  unshift(wait: Wait): void {
    wait.next = this.head;
    this.head = wait;
    if (this.tail === null) this.tail = wait;
  }

  /** The oldest wait, or null. */
  shift(): Wait | null {
    const wait = this.head;
    if (wait === null) return null;
    this.head = wait.next;
    if (this.head === null) this.tail = null;
    wait.next = null;
    return wait;
  }
}

/** All waits, by id, and those whose step is due. */
export class WaitPool {
  /** Waits in use. */
  usedCount = 0;
  private readonly waits: Wait[] = [];
  private readonly dueQueue = new WaitQueue();
  private free: Wait | null = null;
  private readonly line: InterruptLine | null;

  constructor(line: InterruptLine | null) {
    this.line = line;
  }

  at(id: number): Wait {
    return this.waits[id];
  }

  take(kind: number, file: number, page: number, sink: Completion, tag: number): Wait {
    let wait = this.free;
    if (wait === null) {
      wait = new Wait(this.waits.length);
      this.waits.push(wait);
    } else {
      this.free = wait.next;
    }
    wait.kind = kind;
    wait.file = file;
    wait.page = page;
    wait.first = page;
    wait.last = page;
    wait.from = 0;
    wait.to = 0;
    wait.handle = NIL;
    wait.flush = false;
    wait.stage = 0;
    wait.slot = NIL;
    wait.waitedFor = NIL;
    wait.retried = false;
    wait.alone = false;
    wait.served = false;
    wait.finished = false;
    wait.result = OK;
    wait.errors = 0;
    wait.sink = sink;
    wait.tag = tag;
    wait.next = null;
    this.usedCount++;
    return wait;
  }

  give(wait: Wait): void {
    assert(wait.kind !== 0, 'a wait is freed twice');
    wait.kind = 0;
    wait.sink = null;
    wait.next = this.free;
    this.free = wait;
    this.usedCount--;
  }

  /** Queues a wait whose step is due; `reap()` takes it from there. */
  due(wait: Wait): void {
    this.dueQueue.push(wait);
    this.line?.raise();
  }

  /** All waits of a queue become due, in order. */
  allDue(queue: WaitQueue): void {
    for (let wait = queue.shift(); wait !== null; wait = queue.shift()) this.due(wait);
  }

  /** Asks for a `reap()` though no step is due: a frame may have come free. */
  raise(): void {
    this.line?.raise();
  }

  /** The oldest wait that is due, or null. */
  takeDue(): Wait | null {
    return this.dueQueue.shift();
  }
}
