/** Keys that were evicted not long ago, in up to four lists by age: the ghosts of adaptive policies. */
import { assert, NIL } from '@hotpath/hw-x86';
import { KeyTable } from './key-table.js';
import { NEXT, RECORD_WORDS, SlotRecords } from './slot-records.js';
import { SlotRing } from './slot-ring.js';

/** At most `capacity` ghosts in all lists together. All calls O(1), except `resize`. */
export class GhostKeys {
  #records: SlotRecords;
  #table: KeyTable;
  #rings: SlotRing[];
  #listOf: Uint8Array;
  #capacity: number;
  #free = NIL;
  #fresh = 0;

  constructor(capacity: number, listCount: number) {
    this.#capacity = capacity;
    this.#records = new SlotRecords(capacity);
    this.#table = new KeyTable(this.#records);
    this.#listOf = new Uint8Array(capacity);
    this.#rings = [];
    for (let list = 0; list < listCount; list++) {
      this.#rings.push(new SlotRing(this.#records, list));
    }
  }

  /** Ghosts in a list. */
  sizeOf(list: number): number {
    return this.#rings[list].size;
  }

  /** The list that holds the key, or NIL. */
  find(key: number): number {
    const ghost = this.#table.find(key);
    return ghost === NIL ? NIL : this.#listOf[ghost];
  }

  /** Forgets a key; the list that held it, or NIL. */
  remove(key: number): number {
    const ghost = this.#table.find(key);
    if (ghost === NIL) return NIL;
    const list = this.#listOf[ghost];
    this.#drop(ghost);
    return list;
  }

  /** Forgets the oldest key of a list, if it has one. */
  dropOldest(list: number): void {
    const ghost = this.#rings[list].last();
    if (ghost !== NIL) this.#drop(ghost);
  }

  /** Remembers a key that is in no list; the oldest of the same or the fullest list makes room. */
  push(key: number, list: number): void {
    if (this.#capacity === 0) return;
    while (this.#total() >= this.#capacity) {
      let from = list;
      for (let l = 0; l < this.#rings.length; l++) {
        if (this.#rings[from].size === 0) from = l;
      }
      this.dropOldest(from);
    }
    let ghost = this.#free;
    if (ghost === NIL) {
      ghost = this.#fresh;
      this.#fresh += 1;
    } else {
      this.#free = this.#records.words[ghost * RECORD_WORDS + NEXT];
    }
    this.#records.setKey(ghost, key);
    this.#listOf[ghost] = list;
    this.#table.insert(ghost);
    this.#rings[list].push(ghost);
  }

  /** Changes the bound; the oldest of each list go first. O(capacity). */
  resize(capacity: number): void {
    const lists = this.#rings.map((ring) => {
      const keys: number[] = [];
      for (let g = ring.last(); g !== NIL; g = ring.newer(g)) {
        keys.push(this.#records.keyOf(g));
      }
      return keys;
    });
    const fresh = new GhostKeys(capacity, this.#rings.length);
    for (const [list, keys] of lists.entries()) for (const key of keys) fresh.push(key, list);
    this.#capacity = capacity;
    this.#records = fresh.#records;
    this.#table = fresh.#table;
    this.#rings = fresh.#rings;
    this.#listOf = fresh.#listOf;
    this.#free = fresh.#free;
    this.#fresh = fresh.#fresh;
  }

  #total(): number {
    let total = 0;
    for (const ring of this.#rings) total += ring.size;
    return total;
  }

  #drop(ghost: number): void {
    this.#rings[this.#listOf[ghost]].remove(ghost);
    this.#table.remove(ghost);
    this.#records.words[ghost * RECORD_WORDS + NEXT] = this.#free;
    this.#free = ghost;
  }

  /** Throws InvariantError when table, lists and bound contradict each other. */
  checkInvariants(): void {
    for (const ring of this.#rings) ring.checkInvariants();
    const total = this.#total();
    this.#table.checkInvariants(total);
    assert(total <= this.#capacity, 'ghost keys: more than the bound');
  }
}
