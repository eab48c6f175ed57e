/**
 * Write-back errors that reach everybody who must know, once each (Linux errseq_t): an error is kept
 * until every opener has seen it, and an error nobody has seen yet is shown to a later opener too.
 */
import { assert, OK } from '@hotpath/hw-x86';

// cursor(opener) <= sequence. An opener has an error to see exactly when its cursor is behind.

/** The errors of one device. */
export class ErrorSequence {
  #sequence = 0;
  #lastErrno: number = OK;
  #seen = true;
  #cursors: number[] = [];
  #closed: number[] = [];

  /** An error happened. */
  record(errno: number): void {
    this.#sequence += 1;
    this.#lastErrno = errno;
    this.#seen = false;
  }

  /** A new opener: a small number. Behind by one if there is an error that nobody has seen. */
  open(): number {
    const cursor = this.#seen ? this.#sequence : this.#sequence - 1;
    const opener = this.#closed.pop() ?? this.#cursors.length;
    this.#cursors[opener] = cursor;
    return opener;
  }

  /** Forgets an opener. */
  close(opener: number): void {
    assert(this.isOpen(opener), 'error sequence: closing an opener that is not open');
    this.#cursors[opener] = -1;
    this.#closed.push(opener);
  }

  /** Whether `opener` was opened and not closed. */
  isOpen(opener: number): boolean {
    return (this.#cursors[opener] ?? -1) >= 0;
  }

  /** The latest errno since this opener last asked, or OK; then it is up to date. */
  check(opener: number): number {
    assert(this.isOpen(opener), 'error sequence: checking an opener that is not open');
    if (this.#cursors[opener] === this.#sequence) return OK;
    this.#cursors[opener] = this.#sequence;
    this.#seen = true;
    return this.#lastErrno;
  }
}
