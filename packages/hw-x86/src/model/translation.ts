import {
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_NXE,
  PF_FETCH,
  PF_PRESENT,
  PF_USER,
  PF_WRITE,
  PTE_DIRTY,
  PTE_GLOBAL,
  PTE_USER,
  PTE_WRITE,
  VECTOR_GP,
  VECTOR_PF,
} from '../architecture.js';
import { DTLB_LOAD_STLB_HITS, DTLB_LOAD_WALKS, INSTRUCTIONS, PAGE_FAULTS, TSC } from '../cells.js';
import { SUPERVISOR, USER } from '../cpu.js';
import { ArgumentError, assert } from '../errors.js';
import { ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE } from '../mmu.js';
import { OK } from '../status.js';
import type { PhysAddr, VirtAddr } from '../units.js';
import type { CacheHierarchy } from './cache-hierarchy.js';
import { FRONT_SLOTS, FrontTable, largeIndex, METER_TABLE } from './front-table.js';
import type { ModelMemory } from './memory.js';
import { FAULT, OPEN_BUS } from './open-bus.js';
import { FLAG_NO_EXECUTE, METER_FRAMES, PageWalk, reservedHighBits } from './page-walk.js';
import type { ProfileNumbers } from './profile.js';
import { StaleTranslationError } from './stale-translation.js';
import { ANY_PCID, SIZE_1G, SIZE_2M, SIZE_4K, type TlbBank } from './tlb-bank.js';
import { TlbInventory } from './tlb-inventory.js';
import { FLAG_SMASHED } from './tlb-set.js';

// A handler that says "handled" for ever would hang the host.
const RETRIES_MAX = 100_000;

/** Receives exceptions at the access that raised them; true means "handled, try again". */
export interface ExceptionSink {
  exception(vector: number, code: number, address: VirtAddr): boolean;
}

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
  readonly front: FrontTable;
  readonly tlb: TlbInventory;
  readonly walk: PageWalk;
  readonly cells: Float64Array;
  /** First index into the front tables for each kind of access at the current privilege. */
  readTable = 0;
  writeTable = 0;
  fetchTable = 0;
  faultVector = 0;
  faultCode = 0;
  faultAddress: VirtAddr = 0;
  /** Physical page address of the last OPEN_BUS. */
  openAddress: PhysAddr = 0;
  privilege = SUPERVISOR;
  alignmentCheck = false;
  cr0 = CR0_PG | 0;
  cr4 = CR4_PAE;
  efer = EFER_NXE;
  /** Where exceptions go before the access gives up; null: it gives up at once. */
  sink: ExceptionSink | null = null;
  readonly #memory: ModelMemory;
  readonly #pageCount: number;
  readonly #numbers: ProfileNumbers;
  readonly #strict: boolean;
  #context = 1;

  constructor(
    memory: ModelMemory,
    cells: Float64Array,
    caches: CacheHierarchy | null,
    options: TranslationOptions,
  ) {
    this.#memory = memory;
    this.#pageCount = memory.byteCount / 4096;
    this.#numbers = options.numbers;
    this.#strict = options.strict;
    this.cells = cells;
    this.tlb = new TlbInventory(
      options.numbers,
      options.seed,
      options.pagingCaches,
      options.strict,
    );
    this.front = new FrontTable(this.tlb.firstLevelSlots);
    const step = options.numbers.walkStepCycles;
    this.walk = new PageWalk(memory, cells, caches, step, this.tlb.paths);
    this.setControl(CR0_PG + CR0_WP + 1, CR4_PAE | CR4_PGE, EFER_NXE | 0x500);
  }

  /** Page of an address the front table does not have; FAULT or OPEN_BUS. */
  miss(low: number, high: number, access: number): number {
    const table = this.#context * 3 + access;
    const front = this.front;
    const at = largeIndex(table, low, high);
    if (front.largeLow[at] === (low & -2097152) && front.largeHigh[at] === high) {
      this.tlb.stamp[front.largeSlot[at]] = this.cells[INSTRUCTIONS] += 1;
      return front.largePage[at] | ((low >>> 12) & 511);
    }
    for (let retries = 0; ; retries++) {
      assert(retries < RETRIES_MAX, 'an exception handler claims success, but the access faults');
      const page = this.#lookUp(low, high, access);
      if (page !== FAULT) return page;
      if (this.sink === null) return FAULT;
      if (!this.sink.exception(this.faultVector, this.faultCode, this.faultAddress)) return FAULT;
    }
  }

  /**
   * Physical page of a metered address: from the meter's own direct map, through the same TLBs and
   * caches as everything else. Never faults.
   */
  meterPage(low: number, high: number, offset: number, access: number): number {
    const front = this.front;
    const cells = this.cells;
    const at = largeIndex(METER_TABLE, low, high);
    if (front.largeLow[at] === (low & -2097152) && front.largeHigh[at] === high) {
      this.tlb.stamp[front.largeSlot[at]] = cells[INSTRUCTIONS] += 1;
      return front.largePage[at] | ((low >>> 12) & 511);
    }
    const first = this.tlb.data.bySize[SIZE_2M];
    assert(first !== null, 'first-level TLB without an array');
    const stored = this.tlb.data.storedSize[SIZE_2M];
    let slot = first.find(low, high, stored, ANY_PCID);
    if (slot === -1) {
      this.#meterSecond(low, high, offset, access);
      const source = this.tlb.walked;
      slot = this.tlb.copyEntry(source, 0, first, low, high, SIZE_2M, stored, front);
    }
    const column = first.base + slot;
    this.tlb.stamp[column] = cells[INSTRUCTIONS] += 1;
    const page = (first.page[slot] + (stored === SIZE_2M ? (low >>> 12) & 511 : 0)) | 0;
    if (stored === SIZE_2M) front.add(METER_TABLE, low, high, SIZE_2M, column, page);
    return page;
  }

  // Leaves the translation in tlb.walked: found in the second level, or walked for.
  #meterSecond(low: number, high: number, offset: number, access: number): void {
    const second = this.tlb.second;
    const bank = second.bySize[SIZE_2M];
    const stored = second.storedSize[SIZE_2M];
    const source = this.tlb.walked;
    source.flags[0] = PTE_WRITE | PTE_DIRTY | PTE_GLOBAL | FLAG_NO_EXECUTE;
    source.pcid[0] = ANY_PCID;
    source.frame[0] = METER_FRAMES + offset - (offset % 2 ** 21);
    source.page[0] = Math.floor(source.frame[0] / 4096) | 0;
    const found = bank === null ? -1 : bank.find(low, high, stored, ANY_PCID);
    if (bank !== null && found !== -1) {
      this.cells[TSC] += this.#numbers.stlbCycles;
      this.cells[DTLB_LOAD_STLB_HITS + STLB_CELL[access]] += 1;
      bank.stamp[bank.base + found] = this.cells[INSTRUCTIONS];
      return;
    }
    this.walk.runMeter(low, high, offset);
    this.cells[DTLB_LOAD_WALKS + WALK_CELL[access]] += 1;
    if (bank === null) return;
    const slot = this.tlb.copyEntry(source, 0, bank, low, high, SIZE_2M, stored, null);
    bank.stamp[bank.base + slot] = this.cells[INSTRUCTIONS];
  }

  /** Whether rights gathered over the levels allow an access now (4.6). */
  allows(flags: number, access: number): boolean {
    const user = (flags & PTE_USER) !== 0;
    if (access === ACCESS_FETCH && (flags & FLAG_NO_EXECUTE) !== 0) return false;
    if (this.privilege === USER) {
      return user && (access !== ACCESS_WRITE || (flags & PTE_WRITE) !== 0);
    }
    if (access === ACCESS_FETCH) return !user || (this.cr4 & CR4_SMEP) === 0;
    if (user && (this.cr4 & CR4_SMAP) !== 0 && !this.alignmentCheck) return false;
    return access === ACCESS_READ || (flags & PTE_WRITE) !== 0 || (this.cr0 & CR0_WP) === 0;
  }

  /** Installs control registers; flushes what the manual says a change of them flushes. */
  setControl(cr0: number, cr4: number, efer: number): void {
    const changed4 = this.cr4 ^ cr4;
    const flushes =
      (changed4 & (CR4_PGE | CR4_PAE | CR4_SMEP)) !== 0 ||
      ((changed4 & CR4_PCIDE) !== 0 && (cr4 & CR4_PCIDE) === 0) ||
      ((this.cr0 ^ cr0) & CR0_PG) !== 0 ||
      ((this.efer ^ efer) & EFER_NXE) !== 0;
    this.cr0 = cr0 | 0;
    this.cr4 = cr4 | 0;
    this.efer = efer | 0;
    this.walk.reservedHigh = reservedHighBits(
      this.#numbers.physicalAddressBits,
      (efer & EFER_NXE) !== 0,
    );
    if ((cr4 & CR4_PCIDE) === 0) this.walk.pcid = 0;
    if (flushes) this.tlb.dropAll(true);
    this.#contextChanged();
    this.front.clear();
  }

  /** Changes ring or RFLAGS.AC: other front tables come into force, nothing is flushed. */
  setPrivilege(privilege: number, alignmentCheck: boolean): void {
    this.privilege = privilege;
    this.alignmentCheck = alignmentCheck;
    this.#contextChanged();
  }

  /** MOV to CR3. */
  setRoot(root: PhysAddr, pcid: number, keep: boolean): void {
    const identified = (this.cr4 & CR4_PCIDE) !== 0;
    if (root % 4096 !== 0 || !(root >= 0 && root < 2 ** 52)) {
      throw new ArgumentError(
        'ERR_ROOT',
        `root is ${root}; allowed: a multiple of 4096 below 2**52`,
      );
    }
    if (!(pcid >= 0 && pcid <= 4095) || (!identified && (pcid !== 0 || keep))) {
      throw new ArgumentError('ERR_PCID', `PCID is ${pcid}; allowed: 0..4095, 0 without CR4.PCIDE`);
    }
    this.walk.root = root;
    this.walk.pcid = pcid;
    if (!keep) this.tlb.dropContext(pcid);
    this.front.clear();
    this.cells[TSC] += this.#numbers.writeCr3Cycles;
  }

  /** INVLPG. */
  invalidate(low: number, high: number): void {
    this.tlb.dropAddress(low, high, this.walk.pcid, this.front);
    this.tlb.dropPaths(this.walk.pcid);
    this.cells[TSC] += this.#numbers.invlpgCycles;
  }

  /** Control registers and fault registers, for snapshots and hashes. */
  save(): TranslationState {
    const { walk } = this;
    return {
      control: Float64Array.of(this.cr0, this.cr4, this.efer, walk.root, walk.pcid, walk.clock),
      fault: Float64Array.of(this.faultVector, this.faultCode, this.faultAddress),
      privilege: this.privilege,
      alignmentCheck: this.alignmentCheck,
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

  #contextChanged(): void {
    this.#context = this.privilege === USER ? 0 : this.alignmentCheck ? 2 : 1;
    this.readTable = this.#context * 3 * FRONT_SLOTS;
    this.writeTable = this.readTable + FRONT_SLOTS;
    this.fetchTable = this.writeTable + FRONT_SLOTS;
  }

  #lookUp(low: number, high: number, access: number): number {
    if ((high << 16) >> 16 !== high) return this.#refuseAddress(low, high);
    if ((this.cr0 & CR0_PG) === 0) return this.#physicalPage(high * 2 ** 32 + (low >>> 0));
    const pcid = this.walk.pcid;
    const first = access === ACCESS_FETCH ? this.tlb.fetch : this.tlb.data;
    for (let size = SIZE_4K; size <= SIZE_1G; size++) {
      if (first.live[size] === 0) continue;
      const bank = first.bySize[size] as TlbBank;
      const slot = bank.find(low, high, size, pcid);
      if (slot === -1) continue;
      const state = this.#judge(low, high, access, bank, slot);
      if (state === USABLE) return this.#hit(low, high, access, bank, slot, size);
      if (state === CLEAN) return this.#walkTables(low, high, access, true);
      return this.#refuse(low, high, access, PF_PRESENT);
    }
    const second = access === ACCESS_FETCH ? this.tlb.secondFetch : this.tlb.second;
    for (let size = SIZE_4K; size <= SIZE_1G; size++) {
      if (second.live[size] === 0) continue;
      const bank = second.bySize[size] as TlbBank;
      const slot = bank.find(low, high, size, pcid);
      if (slot === -1) continue;
      const state = this.#judge(low, high, access, bank, slot);
      if (state === USABLE) return this.#hitSecond(low, high, access, bank, slot, size);
      if (state === CLEAN) return this.#walkTables(low, high, access, true);
      return this.#refuse(low, high, access, PF_PRESENT);
    }
    return this.#walkTables(low, high, access, false);
  }

  // Whether an entry serves an access; CLEAN: a write must first set D, by a walk.
  #judge(low: number, high: number, access: number, bank: TlbBank, slot: number): number {
    if (this.#strict) this.#checkFresh(low, high, bank, slot);
    const flags = bank.flags[slot];
    if (!this.allows(flags, access)) return REFUSED;
    return access === ACCESS_WRITE && (flags & PTE_DIRTY) === 0 ? CLEAN : USABLE;
  }

  #hit(
    low: number,
    high: number,
    access: number,
    bank: TlbBank,
    slot: number,
    size: number,
  ): number {
    const column = bank.base + slot;
    this.tlb.stamp[column] = this.cells[INSTRUCTIONS] += 1;
    let page = bank.page[slot];
    if (size !== SIZE_4K || page < 0) {
      page = this.#physicalPage(bank.frame[slot] + offsetIn(low, size));
    }
    if (page >= 0 && !this.#strict) {
      this.front.add(this.#context * 3 + access, low, high, size, column, page);
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
    cells[TSC] += this.#numbers.stlbCycles;
    cells[DTLB_LOAD_STLB_HITS + STLB_CELL[access]] += 1;
    bank.stamp[bank.base + slot] = cells[INSTRUCTIONS];
    return this.#insertFirst(low, high, access, bank, slot, size);
  }

  #walkTables(low: number, high: number, access: number, rewalk: boolean): number {
    const walk = this.walk;
    if (walk.run(low, high, access, this) !== OK)
      return this.#refuse(low, high, access, walk.fault);
    if (!rewalk) this.cells[DTLB_LOAD_WALKS + WALK_CELL[access]] += 1;
    const global = (walk.flags & PTE_GLOBAL) !== 0 && (this.cr4 & CR4_PGE) !== 0;
    const source = this.tlb.walked;
    source.flags[0] = walk.flags;
    source.frame[0] = walk.frame;
    source.pcid[0] = global ? ANY_PCID : walk.pcid;
    source.page[0] = this.#physicalPage(walk.frame);
    source.entryLow[0] = walk.leafLow;
    source.entryHigh[0] = walk.leafHigh;
    const size = walk.size;
    // The entry with D clear is replaced, in both levels.
    if (rewalk) this.tlb.dropAddress(low, high, walk.pcid, this.front);
    const second = access === ACCESS_FETCH ? this.tlb.secondFetch : this.tlb.second;
    const bank = second.bySize[size];
    if (bank !== null) {
      const slot = this.tlb.copyEntry(
        source,
        0,
        bank,
        low,
        high,
        size,
        second.storedSize[size],
        null,
      );
      bank.stamp[bank.base + slot] = this.cells[INSTRUCTIONS];
    }
    return this.#insertFirst(low, high, access, source, 0, size);
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
    let code = bits;
    if (access === ACCESS_WRITE) code |= PF_WRITE;
    if (this.privilege === USER) code |= PF_USER;
    const tellsFetch = (this.efer & EFER_NXE) !== 0 || (this.cr4 & CR4_SMEP) !== 0;
    if (access === ACCESS_FETCH && tellsFetch) code |= PF_FETCH;
    this.faultVector = VECTOR_PF;
    this.faultCode = code;
    this.faultAddress = high * 2 ** 32 + (low >>> 0);
    this.cells[PAGE_FAULTS] += 1;
    this.cells[TSC] += this.#numbers.exceptionCycles;
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
    this.cells[TSC] += this.#numbers.exceptionCycles;
    return FAULT;
  }

  #physicalPage(address: PhysAddr): number {
    if (!(address >= 0 && address < this.#memory.byteCount)) {
      this.openAddress = address;
      return OPEN_BUS;
    }
    const page = Math.floor(address / 4096) | 0;
    assert(page < this.#pageCount, 'physical page outside memory');
    const chunk = page >>> this.#memory.chunkPageShift;
    if (!this.#memory.isPresent(chunk)) this.#memory.touch(chunk);
    return page;
  }

  // Rights that grew since, and bits that software or the walker may change, are no staleness.
  #checkFresh(low: number, high: number, bank: TlbBank, slot: number): void {
    const walk = this.walk;
    const present = walk.inspect(low, high);
    const flags = bank.flags[slot];
    const lost = flags & ~walk.flags & (PTE_WRITE | PTE_USER);
    const sealed = (walk.flags & ~flags & FLAG_NO_EXECUTE) !== 0;
    const size = (flags & FLAG_SMASHED) !== 0 ? walk.size : bank.sizeOf(slot);
    const moved =
      present &&
      walk.frame + offsetIn(low, walk.size) !== bank.frame[slot] + offsetIn(low, bank.sizeOf(slot));
    if (present && lost === 0 && !sealed && !moved && size === walk.size) return;
    throw new StaleTranslationError(
      high * 2 ** 32 + (low >>> 0),
      entryValue(bank.entryLow[slot], bank.entryHigh[slot]),
      entryValue(walk.leafLow, walk.leafHigh),
    );
  }
}

// What an entry found in a TLB means to an access.
const USABLE = 0;
const CLEAN = 1;
const REFUSED = 2;

// Offsets of the cells of a kind of access from those of loads: the fetch cells follow.
const WALK_CELL = Int32Array.of(0, 1, 4);
const STLB_CELL = Int32Array.of(0, 1, 3);

/** Byte offset of an address in its page, without the low 12 bits. */
function offsetIn(low: number, size: number): number {
  if (size === SIZE_4K) return 0;
  return size === SIZE_1G ? low & 0x3ffff000 : low & 0x1ff000;
}

function entryValue(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** What {@link Translation.save} answers. */
export interface TranslationState {
  readonly control: Float64Array;
  readonly fault: Float64Array;
  readonly privilege: number;
  readonly alignmentCheck: boolean;
}
