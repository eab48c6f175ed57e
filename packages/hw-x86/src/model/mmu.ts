import { CR4_PCIDE } from '../architecture.js';
import { INSTRUCTIONS, L1D_HITS, TSC } from '../cells.js';
import { assert, checkInteger } from '../errors.js';
import {
  ACCESS_FETCH,
  ACCESS_READ,
  ACCESS_WRITE,
  INVPCID_ADDRESS,
  INVPCID_ALL,
  INVPCID_ALL_GLOBAL,
  INVPCID_CONTEXT,
  type Mmu,
} from '../mmu.js';
import { NIL, OK } from '../status.js';
import type { ByteCount, PhysAddr, VirtAddr } from '../units.js';
import type { CacheHierarchy } from './cache-hierarchy.js';
import { FRONT_SLOTS } from './front-table.js';
import type { ModelMemory } from './memory.js';
import { FAULT, OPEN_BUS } from './open-bus.js';
import type { ProfileNumbers } from './profile.js';
import { Translation, type TranslationOptions } from './translation.js';

const FRONT_MASK = FRONT_SLOTS - 1;
const HIGH_WORD = 2 ** -32;

/**
 * The data side of one processor: every access is one call, a hit in the front table touches no
 * other object than the columns below, and takes the low word of the signed address alone.
 *
 * The front table compares whole addresses, so that one of 2**53 and more can match nothing and is
 * refused on the slow path, which alone needs the halves.
 */
export class ModelMmu implements Mmu {
  /** Control state, TLBs and walker; for inspection and tests. */
  readonly translation: Translation;
  readonly #memory: ModelMemory;
  readonly #views: DataView[];
  readonly #chunkShift: number;
  readonly #chunkMask: number;
  readonly #cells: Float64Array;
  readonly #stamp: Float64Array;
  readonly #frontBase: Float64Array;
  readonly #frontPage: Int32Array;
  readonly #frontSlot: Int32Array;
  readonly #caches: CacheHierarchy | null;
  readonly #loadCycles: number;
  readonly #storeCycles: number;
  readonly #numbers: ProfileNumbers;
  readonly #high = new Uint32Array(1);
  readonly #pages = new Int32Array(2);

  constructor(
    memory: ModelMemory,
    cells: Float64Array,
    caches: CacheHierarchy | null,
    options: TranslationOptions,
  ) {
    const translation = new Translation(memory, cells, caches, options);
    this.translation = translation;
    this.#memory = memory;
    this.#views = memory.views;
    this.#chunkShift = memory.chunkPageShift;
    this.#chunkMask = 2 ** memory.chunkPageShift - 1;
    this.#cells = cells;
    this.#stamp = translation.tlb.stamp;
    this.#frontBase = translation.front.base;
    this.#frontPage = translation.front.page;
    this.#frontSlot = translation.front.slot;
    this.#caches = caches;
    this.#numbers = options.numbers;
    this.#loadCycles = options.numbers.l1dCycles;
    this.#storeCycles = options.numbers.storeCycles;
  }

  translate(address: VirtAddr, access: number): PhysAddr {
    checkInteger('ERR_ACCESS', 'access', access, ACCESS_READ, ACCESS_FETCH);
    const low = address | 0;
    const page = this.#page(address, low, access);
    if (page < 0) return page === OPEN_BUS ? this.translation.openAddress + (low & 0xfff) : NIL;
    return (page >>> 0) * 4096 + (low & 0xfff);
  }

  load32(address: VirtAddr): number {
    const low = address | 0;
    const offset = low & 0xfff;
    if (offset > 0xffc) return this.#loadAcross(address, 4, ACCESS_READ);
    const page = this.#page(address, low, ACCESS_READ);
    if (page < 0) return page === OPEN_BUS ? this.#openBus(4) : NIL;
    this.#chargeLoad(page, offset);
    const view = this.#views[page >>> this.#chunkShift];
    return view.getUint32(((page & this.#chunkMask) << 12) | offset, true);
  }

  store32(address: VirtAddr, value: number): number {
    const low = address | 0;
    const offset = low & 0xfff;
    if (offset > 0xffc) return this.#storeAcross(address, 4, value, 0);
    const page = this.#page(address, low, ACCESS_WRITE);
    if (page < 0) return page === OPEN_BUS ? OK : NIL;
    this.#chargeStore(page, offset);
    const view = this.#views[page >>> this.#chunkShift];
    view.setInt32(((page & this.#chunkMask) << 12) | offset, value, true);
    return OK;
  }

  load8(address: VirtAddr): number {
    const low = address | 0;
    const page = this.#page(address, low, ACCESS_READ);
    if (page < 0) return page === OPEN_BUS ? this.#openBus(1) : NIL;
    this.#chargeLoad(page, low & 0xfff);
    const view = this.#views[page >>> this.#chunkShift];
    return view.getUint8(((page & this.#chunkMask) << 12) | (low & 0xfff));
  }

  load16(address: VirtAddr): number {
    const low = address | 0;
    if ((low & 0xfff) > 0xffe) return this.#loadAcross(address, 2, ACCESS_READ);
    const page = this.#page(address, low, ACCESS_READ);
    if (page < 0) return page === OPEN_BUS ? this.#openBus(2) : NIL;
    this.#chargeLoad(page, low & 0xfff);
    const view = this.#views[page >>> this.#chunkShift];
    return view.getUint16(((page & this.#chunkMask) << 12) | (low & 0xfff), true);
  }

  load64(address: VirtAddr): number {
    const low = address | 0;
    if ((low & 0xfff) > 0xff8) return this.#loadAcross(address, 8, ACCESS_READ);
    const page = this.#page(address, low, ACCESS_READ);
    if (page < 0) {
      if (page === FAULT) return NIL;
      this.#high[0] = 0xffffffff;
      return this.#openBus(4);
    }
    this.#chargeLoad(page, low & 0xfff);
    const view = this.#views[page >>> this.#chunkShift];
    const offset = ((page & this.#chunkMask) << 12) | (low & 0xfff);
    this.#high[0] = view.getUint32(offset + 4, true);
    return view.getUint32(offset, true);
  }

  get high(): number {
    return this.#high[0];
  }

  store8(address: VirtAddr, value: number): number {
    const low = address | 0;
    const page = this.#page(address, low, ACCESS_WRITE);
    if (page < 0) return page === OPEN_BUS ? OK : NIL;
    this.#chargeStore(page, low & 0xfff);
    const view = this.#views[page >>> this.#chunkShift];
    view.setInt8(((page & this.#chunkMask) << 12) | (low & 0xfff), value);
    return OK;
  }

  store16(address: VirtAddr, value: number): number {
    const low = address | 0;
    if ((low & 0xfff) > 0xffe) return this.#storeAcross(address, 2, value, 0);
    const page = this.#page(address, low, ACCESS_WRITE);
    if (page < 0) return page === OPEN_BUS ? OK : NIL;
    this.#chargeStore(page, low & 0xfff);
    const view = this.#views[page >>> this.#chunkShift];
    view.setInt16(((page & this.#chunkMask) << 12) | (low & 0xfff), value, true);
    return OK;
  }

  store64(address: VirtAddr, lowWord: number, highWord: number): number {
    const low = address | 0;
    if ((low & 0xfff) > 0xff8) return this.#storeAcross(address, 8, lowWord, highWord);
    const page = this.#page(address, low, ACCESS_WRITE);
    if (page < 0) return page === OPEN_BUS ? OK : NIL;
    this.#chargeStore(page, low & 0xfff);
    const view = this.#views[page >>> this.#chunkShift];
    const offset = ((page & this.#chunkMask) << 12) | (low & 0xfff);
    view.setInt32(offset, lowWord, true);
    view.setInt32(offset + 4, highWord, true);
    return OK;
  }

  storeRun(address: VirtAddr, wordCount: number): number {
    const low = address | 0;
    const offset = low & 0xfff;
    assert(offset + wordCount * 8 <= 4096, 'a run of stores leaves its page');
    const page = this.#page(address, low, ACCESS_WRITE);
    if (page < 0) return page === OPEN_BUS ? OK : NIL;
    this.#chargeRun(page, offset, wordCount, this.#storeCycles);
    const view = this.#views[page >>> this.#chunkShift];
    const start = ((page & this.#chunkMask) << 12) | offset;
    for (let word = 0; word < wordCount; word++) view.setFloat64(start + word * 8, 0);
    return OK;
  }

  loadRun(address: VirtAddr, wordCount: number): number {
    const low = address | 0;
    const offset = low & 0xfff;
    assert(offset + wordCount * 8 <= 4096, 'a run of loads leaves its page');
    const page = this.#page(address, low, ACCESS_READ);
    if (page < 0) return page === OPEN_BUS ? OK : NIL;
    this.#chargeRun(page, offset, wordCount, this.#loadCycles);
    return OK;
  }

  fetch32(address: VirtAddr): number {
    const low = address | 0;
    if ((low & 0xfff) > 0xffc) return this.#loadAcross(address, 4, ACCESS_FETCH);
    const page = this.#page(address, low, ACCESS_FETCH);
    if (page < 0) return page === OPEN_BUS ? this.#openBus(4) : NIL;
    this.#chargeFetch(page, low & 0xfff);
    const view = this.#views[page >>> this.#chunkShift];
    return view.getUint32(((page & this.#chunkMask) << 12) | (low & 0xfff), true);
  }

  copyFrom(from: VirtAddr, to: PhysAddr, byteCount: ByteCount): number {
    let done = 0;
    while (done < byteCount) {
      const source = this.translate(from + done, ACCESS_READ);
      if (source === NIL || source >= this.#memory.byteCount) break;
      const piece = Math.min(byteCount - done, 4096 - (source % 4096));
      this.#memory.copy(to + done, source, piece);
      this.#chargeCopy(source, to + done, piece);
      done += piece;
    }
    return done;
  }

  copyTo(to: VirtAddr, from: PhysAddr, byteCount: ByteCount): number {
    let done = 0;
    while (done < byteCount) {
      const target = this.translate(to + done, ACCESS_WRITE);
      if (target === NIL || target >= this.#memory.byteCount) break;
      const piece = Math.min(byteCount - done, 4096 - (target % 4096));
      this.#memory.copy(target, from + done, piece);
      this.#chargeCopy(from + done, target, piece);
      done += piece;
    }
    return done;
  }

  get faultVector(): number {
    return this.translation.faultVector;
  }

  get faultCode(): number {
    return this.translation.faultCode;
  }

  get faultAddress(): VirtAddr {
    return this.translation.faultAddress;
  }

  get root(): PhysAddr {
    return this.translation.walk.root;
  }

  setRoot(root: PhysAddr, pcid = 0, keep = false): void {
    this.translation.setRoot(root, pcid, keep);
  }

  setControl(cr0: number, cr4: number, efer: number): void {
    this.translation.setControl(cr0, cr4, efer);
  }

  setAlignmentCheck(on: boolean): void {
    this.translation.setPrivilege(this.translation.privilege, on);
  }

  invalidate(address: VirtAddr): void {
    this.translation.invalidate(address | 0, Math.floor(address * HIGH_WORD) | 0);
  }

  invalidateContext(type: number, pcid: number, address: VirtAddr): void {
    checkInteger('ERR_INVPCID', 'INVPCID type', type, INVPCID_ADDRESS, INVPCID_ALL);
    const identified = (this.translation.cr4 & CR4_PCIDE) !== 0;
    checkInteger('ERR_PCID', 'PCID', pcid, 0, identified ? 4095 : 0);
    const { tlb, front, walk } = this.translation;
    if (type === INVPCID_ADDRESS) {
      tlb.dropOwnAddress(address | 0, Math.floor(address * HIGH_WORD) | 0, pcid, front);
      tlb.dropPaths(pcid);
    } else if (type === INVPCID_CONTEXT) {
      tlb.dropContext(pcid);
    } else {
      tlb.dropAll(type === INVPCID_ALL_GLOBAL);
    }
    // Other PCIDs are in no front table, but to tell them apart costs more than to fill it again.
    if (type !== INVPCID_ADDRESS || pcid === walk.pcid) front.clear();
    this.#cells[TSC] += this.#numbers.invpcidCycles;
  }

  /** Sets ring 0 or 3; called by the processor, which splits its counters first. */
  setPrivilege(privilege: number): void {
    this.translation.setPrivilege(privilege, this.translation.alignmentCheck);
  }

  #page(address: VirtAddr, low: number, access: number): number {
    const { translation } = this;
    const at = translation.readTable + access * FRONT_SLOTS + ((low >>> 12) & FRONT_MASK);
    if (this.#frontBase[at] === address - (low & 0xfff)) {
      this.#stamp[this.#frontSlot[at]] = this.#cells[INSTRUCTIONS] += 1;
      return this.#frontPage[at];
    }
    return translation.miss(low, Math.floor(address * HIGH_WORD), access);
  }

  #chargeLoad(page: number, offset: number): void {
    if (this.#caches === null) this.#cells[TSC] += this.#loadCycles;
    else this.#cells[TSC] += this.#caches.data(page, offset >>> 6);
  }

  // A store that hits L1D costs its slot in the store port; one that misses waits for the line.
  #chargeStore(page: number, offset: number): void {
    if (this.#caches === null) {
      this.#cells[TSC] += this.#storeCycles;
      return;
    }
    const cycles = this.#caches.data(page, offset >>> 6);
    this.#cells[TSC] += cycles === this.#loadCycles ? this.#storeCycles : cycles;
  }

  // What as many single accesses would: the first of each line may miss, the others hit L1D.
  #chargeRun(page: number, offset: number, wordCount: number, hitCycles: number): void {
    const cells = this.#cells;
    cells[INSTRUCTIONS] += wordCount - 1;
    if (this.#caches === null) {
      cells[TSC] += wordCount * hitCycles;
      return;
    }
    const first = offset >>> 6;
    const last = (offset + wordCount * 8 - 1) >>> 6;
    for (let line = first; line <= last; line++) {
      const cycles = this.#caches.data(page, line);
      cells[TSC] += cycles === this.#loadCycles ? hitCycles : cycles;
    }
    const hits = wordCount - (last - first + 1);
    cells[TSC] += hits * hitCycles;
    cells[L1D_HITS] += hits;
  }

  #chargeFetch(page: number, offset: number): void {
    this.#cells[TSC] += 1;
    if (this.#caches !== null) this.#cells[TSC] += this.#caches.fetch(page, offset >>> 6);
  }

  // The first line of a page pays its latency; the prefetchers bring the rest.
  #chargeCopy(from: PhysAddr, to: PhysAddr, byteCount: ByteCount): void {
    this.#chargeLines(from, byteCount);
    this.#chargeLines(to, byteCount);
  }

  #chargeLines(address: PhysAddr, byteCount: ByteCount): void {
    const cells = this.#cells;
    const first = Math.floor(address / 64);
    const last = Math.floor((address + byteCount - 1) / 64);
    cells[INSTRUCTIONS] += last - first + 1;
    if (this.#caches === null) {
      cells[TSC] += this.#loadCycles + last - first;
      return;
    }
    for (let line = first; line <= last; line++) {
      const page = Math.floor(line / 64) | 0;
      cells[TSC] +=
        line === first ? this.#caches.data(page, line % 64) : this.#caches.stream(page, line % 64);
    }
  }

  #openBus(byteCount: number): number {
    this.#cells[TSC] += this.#loadCycles;
    return 2 ** (8 * Math.min(byteCount, 4)) - 1;
  }

  // Both pages of an access across a border, stamped in order within one instruction.
  #pagesOf(address: VirtAddr, access: number, byteCount: number): boolean {
    const cells = this.#cells;
    const retired = cells[INSTRUCTIONS];
    const next = address - (address & 0xfff) + 4096;
    cells[INSTRUCTIONS] = retired - 0.5;
    const first = this.#page(address, address | 0, access);
    cells[INSTRUCTIONS] = retired;
    if (first === FAULT) return false;
    const second = this.#page(next, next | 0, access);
    if (second === FAULT) {
      cells[INSTRUCTIONS] = retired;
      return false;
    }
    cells[INSTRUCTIONS] = retired + 1;
    this.#pages[0] = first;
    this.#pages[1] = second;
    return byteCount > 1;
  }

  #loadAcross(address: VirtAddr, byteCount: number, access: number): number {
    if (!this.#pagesOf(address, access, byteCount)) return NIL;
    const first = this.#pages[0];
    const second = this.#pages[1];
    const offset = address & 0xfff;
    if (access === ACCESS_FETCH) {
      this.#chargeFetch(first, offset);
    } else {
      if (first !== OPEN_BUS) this.#chargeLoad(first, offset);
      if (second !== OPEN_BUS) this.#chargeLoad(second, 0);
    }
    let value = 0;
    let highValue = 0;
    for (let i = 0; i < byteCount; i++) {
      const inFirst = offset + i < 4096;
      const byte = this.#byteAt(inFirst ? first : second, (offset + i) & 0xfff);
      if (i < 4) value += byte * 2 ** (8 * i);
      else highValue += byte * 2 ** (8 * (i - 4));
    }
    if (byteCount === 8) this.#high[0] = highValue;
    return value;
  }

  #storeAcross(address: VirtAddr, byteCount: number, lowWord: number, highWord: number): number {
    if (!this.#pagesOf(address, ACCESS_WRITE, byteCount)) return NIL;
    const offset = address & 0xfff;
    for (let side = 0; side < 2; side++) {
      if (this.#pages[side] !== OPEN_BUS)
        this.#chargeStore(this.#pages[side], side === 0 ? offset : 0);
    }
    for (let i = 0; i < byteCount; i++) {
      const page = this.#pages[offset + i < 4096 ? 0 : 1];
      if (page === OPEN_BUS) continue;
      const byte = i < 4 ? lowWord >>> (8 * i) : highWord >>> (8 * (i - 4));
      const view = this.#views[page >>> this.#chunkShift];
      view.setInt8(((page & this.#chunkMask) << 12) | ((offset + i) & 0xfff), byte);
    }
    return OK;
  }

  #byteAt(page: number, offset: number): number {
    if (page === OPEN_BUS) return 0xff;
    return this.#views[page >>> this.#chunkShift].getUint8(
      ((page & this.#chunkMask) << 12) | offset,
    );
  }
}
