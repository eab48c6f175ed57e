/**
 * Tells a meter what the structures of a block cache do: each load and store of index, records, pins
 * and flags at the address it really has, probes counted one by one. Exists only where there is a meter.
 */
import { type Meter, TRACE_BASE, type VirtAddr } from '@hotpath/hw-x86';
import type { SlotMap } from './slot-map.js';
import { RECORD_BYTES, RING_LIMIT } from './slot-records.js';

/** Sites of branches; unique within the program by the package's base. */
const SITE_PROBE = TRACE_BASE.blockcache * 1000;
const SITE_VALID = SITE_PROBE + 1;
const SITE_LAST_PIN = SITE_PROBE + 2;
const SITE_DIRTY = SITE_PROBE + 3;
const SITE_TAG = SITE_PROBE + 4;

/** Operations beside loads, stores and branches: the hash (multiply, shifts, xors, mask), then per probe. */
const HASH_OPERATIONS = 9;
const PROBE_OPERATIONS = 3;

/** The metered ranges of one cache. */
export class CacheMeter {
  readonly #meter: Meter;
  readonly #map: SlotMap;
  #slotCount = 0;
  #mask = 0;
  #buckets: VirtAddr = 0;
  #records: VirtAddr = 0;
  #held: VirtAddr = 0;
  #flags: VirtAddr = 0;

  constructor(meter: Meter, map: SlotMap) {
    this.#meter = meter;
    this.#map = map;
    this.resized();
  }

  /** Columns that have grown lie elsewhere. */
  resized(): void {
    const { slotCount } = this.#map.records;
    if (slotCount <= this.#slotCount) return;
    this.#slotCount = slotCount;
    this.#buckets = this.#meter.region('blockcache.index', this.#map.table.buckets.byteLength);
    this.#records = this.#meter.region('blockcache.records', this.#map.records.words.byteLength);
    this.#held = this.#meter.region('blockcache.pins', 4 * slotCount);
    this.#flags = this.#meter.region('blockcache.flags', slotCount);
    this.#mask = this.#map.table.mask;
  }

  /** A look-up: every bucket of the probe, and the key where its tag fits. */
  find(key: number): void {
    const meter = this.#meter;
    const { table, records } = this.#map;
    const { buckets, mask } = table;
    meter.retire(HASH_OPERATIONS);
    for (let bucket = table.home(key); ; bucket = (bucket + 1) & mask) {
      meter.load(this.#buckets + 4 * bucket);
      meter.retire(PROBE_OPERATIONS);
      const entry = buckets[bucket];
      if (entry === 0) return;
      const mayBe = table.mayBe(entry, key);
      meter.branch(SITE_TAG, mayBe);
      if (!mayBe) continue;
      const slot = (entry >>> table.slotShift) - 1;
      meter.load(this.#recordOf(slot));
      const found = records.keyOf(slot) === key;
      meter.branch(SITE_PROBE, found);
      if (found) return;
    }
  }

  /** A hit that pins, before the policy hears of it. */
  hit(slot: number): void {
    const meter = this.#meter;
    meter.load(this.#flags + slot);
    meter.branch(SITE_VALID, true);
    this.#map.policy.charge(slot, meter, this.#records);
    meter.load(this.#held + 4 * slot);
    meter.store(this.#held + 4 * slot);
    meter.retire(2);
  }

  /** A pin ends. */
  release(slot: number, wasLast: boolean): void {
    const meter = this.#meter;
    meter.load(this.#held + 4 * slot);
    meter.store(this.#held + 4 * slot);
    meter.branch(SITE_LAST_PIN, wasLast);
  }

  /** The flags of a slot are tested and, if need be, changed. */
  markDirty(slot: number, changes: boolean): void {
    const meter = this.#meter;
    meter.load(this.#flags + slot);
    meter.branch(SITE_DIRTY, changes);
    if (changes) meter.store(this.#flags + slot);
  }

  /** A slot enters: its key, its bucket, its links and its neighbours' and the flags. */
  insert(slot: number, key: number): void {
    if (this.#map.table.mask !== this.#mask) this.#doubled();
    this.find(key);
    const meter = this.#meter;
    meter.store(this.#recordOf(slot));
    meter.store(this.#recordOf(slot) + 8);
    meter.store(this.#buckets + 4 * this.#map.table.home(key));
    meter.store(this.#flags + slot);
    meter.retire(4);
  }

  /** The index took more buckets in use: each old one is read, and each entry hashed and put anew. */
  #doubled(): void {
    const meter = this.#meter;
    const { table } = this.#map;
    for (let bucket = 0; bucket <= this.#mask; bucket++) meter.load(this.#buckets + 4 * bucket);
    meter.retire(PROBE_OPERATIONS * (this.#mask + 1));
    this.#mask = table.mask;
    for (let bucket = 0; bucket <= table.mask; bucket++) {
      const entry = table.buckets[bucket];
      if (entry === 0) continue;
      meter.load(this.#recordOf((entry >>> table.slotShift) - 1));
      meter.retire(HASH_OPERATIONS + PROBE_OPERATIONS);
      meter.store(this.#buckets + 4 * bucket);
    }
  }

  /** A slot leaves: its bucket and the run behind it, its links and its neighbours'. */
  remove(slot: number): void {
    const meter = this.#meter;
    const { table, records } = this.#map;
    const { buckets, mask } = table;
    const key = records.keyOf(slot);
    this.find(key);
    let bucket = table.home(key);
    for (; buckets[bucket] !== 0; bucket = (bucket + 1) & mask) {
      meter.load(this.#buckets + 4 * bucket);
      meter.retire(PROBE_OPERATIONS);
    }
    meter.store(this.#buckets + 4 * bucket);
    meter.load(this.#recordOf(slot) + 8);
    meter.store(this.#recordOf(slot));
    meter.store(this.#flags + slot);
  }

  #recordOf(slot: number): VirtAddr {
    return this.#records + RECORD_BYTES * (slot + RING_LIMIT);
  }
}
