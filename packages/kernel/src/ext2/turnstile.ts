/** Who may change, one at a time, first come, first served; and who waits for something to end. */
import { assert, type Completion, OK, PENDING } from '@hotpath/hw-x86';

/** A lock for operations: held across their yields. */
export class Turnstile {
  #taken = false;
  readonly #queue: Completion[] = [];

  /** Whether somebody is inside. */
  get taken(): boolean {
    return this.#taken;
  }

  /** OK: the caller is inside. PENDING: its sink hears OK when it is. */
  enter(sink: Completion): number {
    if (!this.#taken) {
      this.#taken = true;
      return OK;
    }
    this.#queue.push(sink);
    return PENDING;
  }

  /** The next one is inside, if there is one. */
  leave(): void {
    assert(this.#taken, 'ext2: a turnstile is left that nobody entered');
    const next = this.#queue.shift();
    if (next === undefined) this.#taken = false;
    else next.completed(0, OK);
  }
}

/** Those who wait for one event. */
export class Gathering {
  #waiting: Completion[] = [];

  /** Always PENDING: the sink hears of the next {@link Gathering.release}. */
  join(sink: Completion): number {
    this.#waiting.push(sink);
    return PENDING;
  }

  /** Wakes all who have joined by now. */
  release(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const sink of woken) sink.completed(0, OK);
  }
}
