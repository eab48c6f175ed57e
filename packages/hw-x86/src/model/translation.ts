import {
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  EFER_NXE,
  PF_PRESENT,
  PTE_GLOBAL,
  VECTOR_GP,
  VECTOR_PF,
} from '../architecture.js';
import { DTLB_LOAD_STLB_HITS, DTLB_LOAD_WALKS, INSTRUCTIONS, PAGE_FAULTS, TSC } from '../cells.js';
import { ArgumentError, assert } from '../errors.js';
import { ACCESS_FETCH } from '../mmu.js';
import { OK } from '../status.js';
import type { PhysAddr, VirtAddr } from '../units.js';
import { AccessRights, CLEAN, USABLE } from './access-rights.js';
import type { CacheHierarchy } from './cache-hierarchy.js';
import type { ExceptionSink } from './exception-sink.js';
import { FRONT_SLOTS, FrontTable } from './front-table.js';
import type { ModelMemory } from './memory.js';
import { MeterTranslation } from './meter-translation.js';
import { FAULT, OPEN_BUS } from './open-bus.js';
import { offsetIn, SIZE_1G, SIZE_4K } from './page-size.js';
import { PageWalk, reservedHighBits } from './page-walk.js';
import type { ProfileNumbers } from './profile.js';
import { NOT_CACHED, SmallPages } from './small-pages.js';
import { checkFresh } from './stale-check.js';
import { ANY_PCID, type TlbBank } from './tlb-bank.js';
import { TlbInventory } from './tlb-inventory.js';
import type { TlbSet } from './tlb-set.js';
import { RECORD_FLAGS, RECORD_PAGE, RECORD_PCID } from './tlb-store.js';

// A handler that says "handled" for ever would hang the host.
const RETRIES_MAX = 100_000;

/** Options of a processor's translation. */
export interface TranslationOptions {
  readonly numbers: ProfileNumbers;
  readonly seed: number;
  /** Report the use of entries whose page-table entry has changed. */
  readonly strict: boolean;
  readonly pagingCaches: boolean;
}

/**
 * Address translation of one processor: control state, TLB hierarchy, walker and faults. Answers
 * physical page numbers; data is ModelMmu's business.
 */
export class Translation {
  declare readonly front: FrontTable;
  declare readonly tlb: TlbInventory;
  declare readonly walk: PageWalk;
  /** Control registers and ring, and what they allow. */
  readonly rights = new AccessRights();
  /** Of addresses of the meter. */
  declare readonly meter: MeterTranslation;
  declare readonly cells: Float64Array;
  /** First index into the front tables for each kind of access at the current privilege. */
  readTable = 0;
  writeTable = 0;
  fetchTable = 0;
  faultVector = 0;
  faultCode = 0;
  faultAddress: VirtAddr = 0;
  /** Physical page address of the last OPEN_BUS. */
  openAddress: PhysAddr = 0;
  /** Where exceptions go before the access gives up; null: it gives up at once. */
  sink: ExceptionSink | null = null;
  declare private readonly memory: ModelMemory;
  declare private readonly pageCount: number;
  declare private readonly numbers: ProfileNumbers;
  declare private readonly strict: boolean;
  declare private readonly smallData: SmallPages | null;
  declare private readonly smallFetch: SmallPages | null;

  constructor(
    memory: ModelMemory,
    cells: Float64Array,
    caches: CacheHierarchy | null,
    options: TranslationOptions,
  ) {
    this.memory = memory;
    this.pageCount = memory.byteCount / 4096;
    this.numbers = options.numbers;
    this.strict = options.strict;
    this.cells = cells;
    this.tlb = new TlbInventory(options.numbers, options.seed, options.pagingCaches);
    this.front = new FrontTable(this.tlb.store);
    const step = options.numbers.walkStepCycles;
    this.walk = new PageWalk(memory, cells, caches, step, this.tlb.paths);
    const { stlbCycles } = options.numbers;
    this.meter = new MeterTranslation(this.tlb, this.front, this.walk, cells, stlbCycles);
    this.smallData = this.#small(this.tlb.data, this.tlb.second);
    this.smallFetch = this.#small(this.tlb.fetch, this.tlb.secondFetch);
    this.setControl(CR0_PG + CR0_WP + 1, CR4_PAE | CR4_PGE, EFER_NXE | 0x500);
  }

  /** Page of an address the front table does not have; FAULT or OPEN_BUS. */
  miss(low: number, high: number, access: number): number {
    const first = access === ACCESS_FETCH ? this.tlb.fetch : this.tlb.data;
    if (first.largeCount !== 0) {
      const front = this.front;
      const at = front.findLarge(this.rights.context * 3 + access, low, high);
      if (at !== -1) {
        this.tlb.store.stamps[front.largeStamp[at]] = this.cells[INSTRUCTIONS] += 1;
        return front.largePage[at] | ((low >>> 12) & 511);
      }
    }
    for (let retries = 0; ; retries++) {
      assert(retries < RETRIES_MAX, 'an exception handler claims success, but the access faults');
      const page = this.#lookUp(low, high, access);
      if (page !== FAULT) return page;
      if (this.sink === null) return FAULT;
      if (!this.sink.exception(this.faultVector, this.faultCode, this.faultAddress)) return FAULT;
    }
  }

  /** Installs control registers; flushes what the manual says a change of them flushes. */
  setControl(cr0: number, cr4: number, efer: number): void {
    const flushes = this.rights.setControl(cr0, cr4, efer);
    this.walk.reservedHigh = reservedHighBits(
      this.numbers.physicalAddressBits,
      (efer & EFER_NXE) !== 0,
    );
    if ((cr4 & CR4_PCIDE) === 0) this.walk.pcid = 0;
    if (flushes) this.tlb.dropAll(true);
    this.#contextChanged();
    this.front.clear();
  }

  /** Changes ring or RFLAGS.AC: other front tables come into force, nothing is flushed. */
  setPrivilege(privilege: number, alignmentCheck: boolean): void {
    this.rights.setPrivilege(privilege, alignmentCheck);
    this.#contextChanged();
  }

  /** MOV to CR3. */
  setRoot(root: PhysAddr, pcid: number, keep: boolean): void {
    this.rights.checkRoot(root, pcid, keep);
    this.walk.root = root;
    this.walk.pcid = pcid;
    if (!keep) this.tlb.dropContext(pcid);
    this.front.clear();
    this.cells[TSC] += this.numbers.writeCr3Cycles;
  }

  /** INVLPG. */
  invalidate(low: number, high: number): void {
    this.tlb.dropAddress(low, high, this.walk.pcid, this.front);
    this.tlb.dropPaths(this.walk.pcid);
    this.cells[TSC] += this.numbers.invlpgCycles;
  }

  /** Control registers and fault registers, for snapshots and hashes. */
  save(): TranslationState {
    const { walk, rights } = this;
    return {
      control: Float64Array.of(
        rights.cr0,
        rights.cr4,
        rights.efer,
        walk.root,
        walk.pcid,
        walk.clock,
      ),
      fault: Float64Array.of(this.faultVector, this.faultCode, this.faultAddress),
      privilege: rights.privilege,
      alignmentCheck: rights.alignmentCheck,
    };
  }

  /** Puts registers back; the banks are loaded after this. */
  load(state: TranslationState): void {
    const { control, fault } = state;
    this.setControl(control[0] >>> 0, control[1] >>> 0, control[2] >>> 0);
    this.walk.root = control[3];
    this.walk.pcid = control[4];
    this.walk.clock = control[5];
    this.faultVector = fault[0];
    this.faultCode = fault[1];
    this.faultAddress = fault[2];
    this.setPrivilege(state.privilege, state.alignmentCheck);
    this.front.clear();
  }

  /** Checks the TLBs and that every front entry names what the TLB holds; for tests. */
  checkInvariants(): void {
    this.tlb.checkInvariants();
    this.front.checkInvariants(this.tlb);
  }

  #small(first: TlbSet, second: TlbSet): SmallPages | null {
    const one = first.bySize[SIZE_4K];
    const two = second.bySize[SIZE_4K];
    if (this.strict || !one?.isPlain || !two?.isPlain) return null;
    const { store } = this.tlb;
    const { stlbCycles } = this.numbers;
    return new SmallPages(one, two, store, this.front, this.rights, this.cells, stlbCycles);
  }

  #contextChanged(): void {
    this.readTable = this.rights.context * 3 * FRONT_SLOTS;
    this.writeTable = this.readTable + FRONT_SLOTS;
    this.fetchTable = this.writeTable + FRONT_SLOTS;
  }

  #lookUp(low: number, high: number, access: number): number {
    if ((high << 16) >> 16 !== high) return this.#refuseAddress(low, high);
    if ((this.rights.cr0 & CR0_PG) === 0) return this.#physicalPage(high * 2 ** 32 + (low >>> 0));
    const pcid = this.walk.pcid;
    const first = access === ACCESS_FETCH ? this.tlb.fetch : this.tlb.data;
    const second = access === ACCESS_FETCH ? this.tlb.secondFetch : this.tlb.second;
    const small = access === ACCESS_FETCH ? this.smallFetch : this.smallData;
    if (small !== null) {
      const page = small.find(low, high, access, pcid);
      if (page >= 0) return page;
      if (page === NOT_CACHED && first.largeCount + second.largeCount === 0) {
        return this.#walkTables(low, high, access, false);
      }
    }
    for (let size = SIZE_4K; size <= SIZE_1G; size++) {
      if (first.live[size] === 0) continue;
      const bank = first.bySize[size] as TlbBank;
      const slot =
        size === SIZE_4K ? bank.findSmall(low, high, pcid) : bank.find(low, high, size, pcid);
      if (slot === -1) continue;
      const verdict = this.#judge(low, high, access, bank, slot);
      if (verdict === USABLE) return this.#hit(low, high, access, bank, slot, size);
      if (verdict === CLEAN) return this.#walkTables(low, high, access, true);
      return this.#refuse(low, high, access, PF_PRESENT);
    }
    for (let size = SIZE_4K; size <= SIZE_1G; size++) {
      if (second.live[size] === 0) continue;
      const bank = second.bySize[size] as TlbBank;
      const slot =
        size === SIZE_4K ? bank.findSmall(low, high, pcid) : bank.find(low, high, size, pcid);
      if (slot === -1) continue;
      const verdict = this.#judge(low, high, access, bank, slot);
      if (verdict === USABLE) return this.#hitSecond(low, high, access, bank, slot, size);
      if (verdict === CLEAN) return this.#walkTables(low, high, access, true);
      return this.#refuse(low, high, access, PF_PRESENT);
    }
    return this.#walkTables(low, high, access, false);
  }

  #judge(low: number, high: number, access: number, bank: TlbBank, slot: number): number {
    if (this.strict) checkFresh(this.walk, low, high, bank, slot);
    return this.rights.verdict(bank.flagsOf(slot), access);
  }

  #hit(
    low: number,
    high: number,
    access: number,
    bank: TlbBank,
    slot: number,
    size: number,
  ): number {
    bank.touch(slot, (this.cells[INSTRUCTIONS] += 1));
    let page = bank.pageOf(slot);
    if (size !== SIZE_4K || page < 0) {
      page = this.#physicalPage(bank.frame[slot] + offsetIn(low, size));
    }
    if (page >= 0 && !this.strict) {
      this.front.add(this.rights.context * 3 + access, low, high, size, bank.base + slot, page);
    }
    return page;
  }

  #hitSecond(
    low: number,
    high: number,
    access: number,
    bank: TlbBank,
    slot: number,
    size: number,
  ): number {
    const cells = this.cells;
    cells[TSC] += this.numbers.stlbCycles;
    cells[DTLB_LOAD_STLB_HITS + STLB_CELL[access]] += 1;
    bank.touch(slot, cells[INSTRUCTIONS]);
    const page = bank.pageOf(slot);
    if (size !== SIZE_4K || page < 0 || this.strict) {
      return this.#insertFirst(low, high, access, bank, slot, size);
    }
    return this.#addFirst(low, high, access, bank.pcidOf(slot), bank.flagsOf(slot), page);
  }

  #walkTables(low: number, high: number, access: number, rewalk: boolean): number {
    const walk = this.walk;
    const { tlb, cells } = this;
    if (walk.run(low, high, access, this.rights) !== OK) {
      return this.#refuse(low, high, access, walk.fault);
    }
    if (!rewalk) cells[DTLB_LOAD_WALKS + WALK_CELL[access]] += 1;
    const global = (walk.flags & PTE_GLOBAL) !== 0 && (this.rights.cr4 & CR4_PGE) !== 0;
    const pcid = global ? ANY_PCID : walk.pcid;
    const { size, page } = walk;
    // The entry with D clear is replaced, in both levels.
    if (rewalk) tlb.dropAddress(low, high, walk.pcid, this.front);
    const second = access === ACCESS_FETCH ? tlb.secondFetch : tlb.second;
    const bank = second.bySize[size];
    if (size === SIZE_4K && page >= 0 && !this.strict) {
      this.#touchPage(page);
      if (bank !== null) {
        const slot = tlb.addSmall(bank, low, high, pcid, walk.flags, page, null);
        bank.touch(slot, cells[INSTRUCTIONS]);
      }
      return this.#addFirst(low, high, access, pcid, walk.flags, page);
    }
    const source = this.#walked(pcid);
    if (bank !== null) {
      const stored = second.storedSize[size];
      const slot = tlb.copyEntry(source, 0, bank, low, high, size, stored, null);
      bank.touch(slot, cells[INSTRUCTIONS]);
    }
    return this.#insertFirst(low, high, access, source, 0, size);
  }

  /** What the walk found, as a source to copy from. */
  #walked(pcid: number): TlbBank {
    const walk = this.walk;
    const source = this.tlb.walked;
    source.words[RECORD_FLAGS] = walk.flags;
    source.words[RECORD_PCID] = pcid;
    source.words[RECORD_PAGE] = this.#physicalPage(walk.frame);
    source.frame[0] = walk.frame;
    source.entryLow[0] = walk.leafLow;
    source.entryHigh[0] = walk.leafHigh;
    return source;
  }

  // A small page in memory enters the first level: its record is all there is to it.
  #addFirst(
    low: number,
    high: number,
    access: number,
    pcid: number,
    flags: number,
    page: number,
  ): number {
    const { tlb, front } = this;
    const bank = (access === ACCESS_FETCH ? tlb.fetch : tlb.data).bySize[SIZE_4K] as TlbBank;
    const slot = tlb.addSmall(bank, low, high, pcid, flags, page, front);
    bank.touch(slot, (this.cells[INSTRUCTIONS] += 1));
    front.add(this.rights.context * 3 + access, low, high, SIZE_4K, bank.base + slot, page);
    return page;
  }

  #insertFirst(
    low: number,
    high: number,
    access: number,
    source: TlbBank,
    from: number,
    size: number,
  ): number {
    const first = access === ACCESS_FETCH ? this.tlb.fetch : this.tlb.data;
    const bank = first.bySize[size];
    assert(bank !== null, 'first-level TLB without an array for 4 KiB pages');
    const stored = first.storedSize[size];
    const slot = this.tlb.copyEntry(source, from, bank, low, high, size, stored, this.front);
    return this.#hit(low, high, access, bank, slot, stored);
  }

  // A fault through an entry drops the page's entries (4.10.4.1), so that a spurious fault after
  // a widening of rights is not repeated.
  #refuse(low: number, high: number, access: number, bits: number): number {
    this.tlb.dropAddress(low, high, this.walk.pcid, this.front);
    this.faultVector = VECTOR_PF;
    this.faultCode = bits | this.rights.errorBits(access);
    this.faultAddress = high * 2 ** 32 + (low >>> 0);
    this.cells[PAGE_FAULTS] += 1;
    this.cells[TSC] += this.numbers.exceptionCycles;
    return FAULT;
  }

  #refuseAddress(low: number, high: number): number {
    if (!(high >= -(2 ** 21) && high < 2 ** 21)) {
      throw new ArgumentError(
        'ERR_ADDRESS',
        `virtual address ${high * 2 ** 32 + (low >>> 0)} is not exact; allowed: a sign-extended ` +
          'whole number between -(2**53) and 2**53 (the upper half is negative)',
      );
    }
    this.faultVector = VECTOR_GP;
    this.faultCode = 0;
    this.faultAddress = high * 2 ** 32 + (low >>> 0);
    this.cells[TSC] += this.numbers.exceptionCycles;
    return FAULT;
  }

  #physicalPage(address: PhysAddr): number {
    if (!(address >= 0 && address < this.memory.byteCount)) {
      this.openAddress = address;
      return OPEN_BUS;
    }
    const page = Math.floor(address / 4096) | 0;
    assert(page < this.pageCount, 'physical page outside memory');
    this.#touchPage(page);
    return page;
  }

  #touchPage(page: number): void {
    const chunk = page >>> this.memory.chunkPageShift;
    if (!this.memory.isPresent(chunk)) this.memory.touch(chunk);
  }
}

// Offsets of the cells of a kind of access from those of loads: the fetch cells follow.
const WALK_CELL = Int32Array.of(0, 1, 4);
const STLB_CELL = Int32Array.of(0, 1, 3);

/** What {@link Translation.save} answers. */
export interface TranslationState {
  readonly control: Float64Array;
  readonly fault: Float64Array;
  readonly privilege: number;
  readonly alignmentCheck: boolean;
}
