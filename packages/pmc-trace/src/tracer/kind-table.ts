import { assert } from '@hotpath/hw-x86';
import { KIND_LIMIT } from './phase.js';

/**
 * Something per kind, looked up for every event of an export. Filled without gaps: an array with a
 * gap of more than 1,024 becomes a hash table in V8, and user kinds begin at 1,024.
 *
 * Invariant: `list.length <= 65,536`, every index below the length has an entry or undefined.
 */
export class KindTable<Entry> {
  private readonly list: (Entry | undefined)[] = [];

  /** The entry of a kind, or undefined. */
  get(kind: number): Entry | undefined {
    return kind < this.list.length ? this.list[kind] : undefined;
  }

  /** Sets the entry of a kind. */
  set(kind: number, entry: Entry): void {
    assert(kind >= 0 && kind < KIND_LIMIT, 'a kind is in range');
    while (this.list.length <= kind) this.list.push(undefined);
    this.list[kind] = entry;
  }

  /** All entries in order of kind. */
  entries(): Entry[] {
    return this.list.filter((entry): entry is Entry => entry !== undefined);
  }
}
