import { CR4_PCIDE } from '../architecture.js';
import { INSTRUCTIONS, L1D_HITS, LOAD_L1_HITS, TSC } from '../cells.js';
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
import { FRONT_GENERATION, FRONT_SLOTS } from './front-table.js';
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
 *
 * Fields are declared: a defined one is undefined until the constructor comes to it, which costs V8
 * the field's type, and each access a check.
 */
export class ModelMmu implements Mmu {
  /** Control state, TLBs and walker; for inspection and tests. */
  declare readonly translation: Translation;
  declare private readonly memory: ModelMemory;
  declare private readonly views: DataView[];
  declare private readonly chunkShift: number;
  declare private readonly chunkMask: number;
  declare private readonly cells: Float64Array;
  declare private readonly stamps: Float64Array;
  declare private readonly frontBase: Float64Array;
  declare private readonly frontPage: Int32Array;
  declare private readonly frontStamp: Int32Array;
  declare private readonly caches: CacheHierarchy | null;
  declare private readonly loadCycles: number;
  declare private readonly storeCycles: number;
  declare private readonly numbers: ProfileNumbers;
  /** High and low word of the last load that had no register for them. */
  readonly #loaded = new Uint32Array(2);
  readonly #pages = new Int32Array(2);

  constructor(
    memory: ModelMemory,
    cells: Float64Array,
    caches: CacheHierarchy | null,
    options: TranslationOptions,
  ) {
    const translation = new Translation(memory, cells, caches, options);
    this.translation = translation;
    this.memory = memory;
    this.views = memory.views;
    this.chunkShift = memory.chunkPageShift;
    this.chunkMask = 2 ** memory.chunkPageShift - 1;
    this.cells = cells;
    this.stamps = translation.tlb.store.stamps;
    this.frontBase = translation.front.base;
    this.frontPage = translation.front.page;
    this.frontStamp = translation.front.stamp;
    this.caches = caches;
    this.numbers = options.numbers;
    this.loadCycles = options.numbers.l1dCycles;
    this.storeCycles = options.numbers.storeCycles;
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
    if (offset > 0xffc)
      return this.#loadAcross(low, Math.floor(address * HIGH_WORD), 4, ACCESS_READ)
        ? this.#loaded[1]
        : NIL;
    const page = this.#page(address, low, ACCESS_READ);
    if (page < 0) return page === OPEN_BUS ? this.#openBus(4) : NIL;
    this.#chargeLoad(page, offset);
    const view = this.views[page >>> this.chunkShift];
    return view.getUint32(((page & this.chunkMask) << 12) | offset, true);
  }

  store32(address: VirtAddr, value: number): number {
    const low = address | 0;
    const offset = low & 0xfff;
    if (offset > 0xffc) {
      const high = Math.floor(address * HIGH_WORD);
      return this.#storeAcross(low, high, 4, value, 0);
    }
    const page = this.#page(address, low, ACCESS_WRITE);
    if (page < 0) return page === OPEN_BUS ? OK : NIL;
    this.#chargeStore(page, offset);
    const view = this.views[page >>> this.chunkShift];
    view.setInt32(((page & this.chunkMask) << 12) | offset, value, true);
    return OK;
  }

  load8(address: VirtAddr): number {
    const low = address | 0;
    const page = this.#page(address, low, ACCESS_READ);
    if (page < 0) return page === OPEN_BUS ? this.#openBus(1) : NIL;
    this.#chargeLoad(page, low & 0xfff);
    const view = this.views[page >>> this.chunkShift];
    return view.getUint8(((page & this.chunkMask) << 12) | (low & 0xfff));
  }

  load16(address: VirtAddr): number {
    const low = address | 0;
    if ((low & 0xfff) > 0xffe)
      return this.#loadAcross(low, Math.floor(address * HIGH_WORD), 2, ACCESS_READ)
        ? this.#loaded[1]
        : NIL;
    const page = this.#page(address, low, ACCESS_READ);
    if (page < 0) return page === OPEN_BUS ? this.#openBus(2) : NIL;
    this.#chargeLoad(page, low & 0xfff);
    const view = this.views[page >>> this.chunkShift];
    return view.getUint16(((page & this.chunkMask) << 12) | (low & 0xfff), true);
  }

  load64(address: VirtAddr): number {
    const low = address | 0;
    if ((low & 0xfff) > 0xff8)
      return this.#loadAcross(low, Math.floor(address * HIGH_WORD), 8, ACCESS_READ)
        ? this.#loaded[1]
        : NIL;
    const page = this.#page(address, low, ACCESS_READ);
    if (page < 0) {
      if (page === FAULT) return NIL;
      this.#loaded[0] = 0xffffffff;
      return this.#openBus(4);
    }
    this.#chargeLoad(page, low & 0xfff);
    const view = this.views[page >>> this.chunkShift];
    const offset = ((page & this.chunkMask) << 12) | (low & 0xfff);
    this.#loaded[0] = view.getUint32(offset + 4, true);
    return view.getUint32(offset, true);
  }

  get high(): number {
    return this.#loaded[0];
  }

  store8(address: VirtAddr, value: number): number {
    const low = address | 0;
    const page = this.#page(address, low, ACCESS_WRITE);
    if (page < 0) return page === OPEN_BUS ? OK : NIL;
    this.#chargeStore(page, low & 0xfff);
    const view = this.views[page >>> this.chunkShift];
    view.setInt8(((page & this.chunkMask) << 12) | (low & 0xfff), value);
    return OK;
  }

  store16(address: VirtAddr, value: number): number {
    const low = address | 0;
    if ((low & 0xfff) > 0xffe) {
      const high = Math.floor(address * HIGH_WORD);
      return this.#storeAcross(low, high, 2, value, 0);
    }
    const page = this.#page(address, low, ACCESS_WRITE);
    if (page < 0) return page === OPEN_BUS ? OK : NIL;
    this.#chargeStore(page, low & 0xfff);
    const view = this.views[page >>> this.chunkShift];
    view.setInt16(((page & this.chunkMask) << 12) | (low & 0xfff), value, true);
    return OK;
  }

  store64(address: VirtAddr, lowWord: number, highWord: number): number {
    const low = address | 0;
    if ((low & 0xfff) > 0xff8) {
      const high = Math.floor(address * HIGH_WORD);
      return this.#storeAcross(low, high, 8, lowWord, highWord);
    }
    const page = this.#page(address, low, ACCESS_WRITE);
    if (page < 0) return page === OPEN_BUS ? OK : NIL;
    this.#chargeStore(page, low & 0xfff);
    const view = this.views[page >>> this.chunkShift];
    const offset = ((page & this.chunkMask) << 12) | (low & 0xfff);
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
    this.#chargeRun(page, offset, wordCount, ACCESS_WRITE);
    const view = this.views[page >>> this.chunkShift];
    const start = ((page & this.chunkMask) << 12) | offset;
    for (let word = 0; word < wordCount; word++) view.setFloat64(start + word * 8, 0);
    return OK;
  }

  loadRun(address: VirtAddr, wordCount: number): number {
    const low = address | 0;
    const offset = low & 0xfff;
    assert(offset + wordCount * 8 <= 4096, 'a run of loads leaves its page');
    const page = this.#page(address, low, ACCESS_READ);
    if (page < 0) return page === OPEN_BUS ? OK : NIL;
    this.#chargeRun(page, offset, wordCount, ACCESS_READ);
    return OK;
  }

  fetch32(address: VirtAddr): number {
    const low = address | 0;
    if ((low & 0xfff) > 0xffc)
      return this.#loadAcross(low, Math.floor(address * HIGH_WORD), 4, ACCESS_FETCH)
        ? this.#loaded[1]
        : NIL;
    const page = this.#page(address, low, ACCESS_FETCH);
    if (page < 0) return page === OPEN_BUS ? this.#openBus(4) : NIL;
    this.#chargeFetch(page, low & 0xfff);
    const view = this.views[page >>> this.chunkShift];
    return view.getUint32(((page & this.chunkMask) << 12) | (low & 0xfff), true);
  }

  copyFrom(from: VirtAddr, to: PhysAddr, byteCount: ByteCount): number {
    let done = 0;
    while (done < byteCount) {
      const low = (from + done) | 0;
      const page = this.translation.miss(low, Math.floor((from + done) * HIGH_WORD), ACCESS_READ);
      if (page < 0) break;
      const source = page * 4096 + (low & 0xfff);
      const piece = Math.min(byteCount - done, 4096 - (low & 0xfff));
      this.memory.copy(to + done, source, piece);
      this.#chargeLines(source, piece);
      this.#chargeLines(to + done, piece);
      done += piece;
    }
    return done;
  }

  copyTo(to: VirtAddr, from: PhysAddr, byteCount: ByteCount): number {
    let done = 0;
    while (done < byteCount) {
      const low = (to + done) | 0;
      const page = this.translation.miss(low, Math.floor((to + done) * HIGH_WORD), ACCESS_WRITE);
      if (page < 0) break;
      const target = page * 4096 + (low & 0xfff);
      const piece = Math.min(byteCount - done, 4096 - (low & 0xfff));
      this.memory.copy(target, from + done, piece);
      this.#chargeLines(from + done, piece);
      this.#chargeLines(target, piece);
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
    this.translation.setPrivilege(this.translation.rights.privilege, on);
  }

  invalidate(address: VirtAddr): void {
    this.translation.invalidate(address | 0, Math.floor(address * HIGH_WORD) | 0);
  }

  invalidateContext(type: number, pcid: number, address: VirtAddr): void {
    checkInteger('ERR_INVPCID', 'INVPCID type', type, INVPCID_ADDRESS, INVPCID_ALL);
    const identified = (this.translation.rights.cr4 & CR4_PCIDE) !== 0;
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
    this.cells[TSC] += this.numbers.invpcidCycles;
  }

  /** Sets ring 0 or 3; called by the processor, which splits its counters first. */
  setPrivilege(privilege: number): void {
    this.translation.setPrivilege(privilege, this.translation.rights.alignmentCheck);
  }

  #page(address: VirtAddr, low: number, access: number): number {
    const { translation } = this;
    const base = this.frontBase;
    const at = translation.readTable + access * FRONT_SLOTS + ((low >>> 12) & FRONT_MASK);
    if (base[at] === address - (low & 0xfff) + base[FRONT_GENERATION]) {
      this.stamps[this.frontStamp[at]] = this.cells[INSTRUCTIONS] += 1;
      return this.frontPage[at];
    }
    return translation.miss(low, Math.floor(address * HIGH_WORD), access);
  }

  #chargeLoad(page: number, offset: number): void {
    if (this.caches === null) this.cells[TSC] += this.loadCycles;
    else this.cells[TSC] += this.caches.load(page, offset >>> 6);
  }

  // An access across a page border touches a line of each page and retires once.
  #chargeBoth(first: number, offset: number, second: number): void {
    if (this.caches !== null && first !== OPEN_BUS && second !== OPEN_BUS) {
      this.cells[TSC] += this.caches.loadBoth(first, offset >>> 6, second, 0);
      return;
    }
    if (first !== OPEN_BUS) this.#chargeLoad(first, offset);
    if (second !== OPEN_BUS) this.#chargeLoad(second, 0);
  }

  // A store that hits L1D costs its slot in the store port; one that misses waits for the line.
  #chargeStore(page: number, offset: number): void {
    if (this.caches === null) {
      this.cells[TSC] += this.storeCycles;
      return;
    }
    const cycles = this.caches.data(page, offset >>> 6);
    this.cells[TSC] += cycles === this.loadCycles ? this.storeCycles : cycles;
  }

  // What as many single accesses would: the first of each line may miss, the others hit L1D.
  #chargeRun(page: number, offset: number, wordCount: number, access: number): void {
    const cells = this.cells;
    const isLoad = access === ACCESS_READ;
    const hitCycles = isLoad ? this.loadCycles : this.storeCycles;
    cells[INSTRUCTIONS] += wordCount - 1;
    if (this.caches === null) {
      cells[TSC] += wordCount * hitCycles;
      return;
    }
    const first = offset >>> 6;
    const last = (offset + wordCount * 8 - 1) >>> 6;
    for (let line = first; line <= last; line++) {
      const cycles = isLoad ? this.caches.load(page, line) : this.caches.data(page, line);
      cells[TSC] += cycles === this.loadCycles ? hitCycles : cycles;
    }
    const hits = wordCount - (last - first + 1);
    cells[TSC] += hits * hitCycles;
    cells[L1D_HITS] += hits;
    if (isLoad) cells[LOAD_L1_HITS] += hits;
  }

  #chargeFetch(page: number, offset: number): void {
    this.cells[TSC] += 1;
    if (this.caches !== null) this.cells[TSC] += this.caches.fetch(page, offset >>> 6);
  }

  // The first line of a page pays its latency; the prefetchers bring the rest.
  #chargeLines(address: PhysAddr, byteCount: ByteCount): void {
    const cells = this.cells;
    const first = Math.floor(address / 64);
    const last = Math.floor((address + byteCount - 1) / 64);
    cells[INSTRUCTIONS] += last - first + 1;
    if (this.caches === null) {
      cells[TSC] += this.loadCycles + last - first;
      return;
    }
    for (let line = first; line <= last; line++) {
      const page = Math.floor(line / 64) | 0;
      cells[TSC] +=
        line === first ? this.caches.data(page, line % 64) : this.caches.stream(page, line % 64);
    }
  }

  #openBus(byteCount: number): number {
    this.cells[TSC] += this.loadCycles;
    return 2 ** (8 * Math.min(byteCount, 4)) - 1;
  }

  // Both pages of an access across a border, stamped in order within one instruction. In words: a
  // double would be boxed on its way into a call.
  #pagesOf(low: number, high: number, access: number): boolean {
    const cells = this.cells;
    const retired = cells[INSTRUCTIONS];
    const nextLow = ((low & -4096) + 4096) | 0;
    const nextHigh = nextLow === 0 ? high + 1 : high;
    cells[INSTRUCTIONS] = retired - 0.5;
    const first = this.translation.miss(low, high, access);
    cells[INSTRUCTIONS] = retired;
    if (first === FAULT) return false;
    const second = this.translation.miss(nextLow, nextHigh, access);
    if (second === FAULT) {
      cells[INSTRUCTIONS] = retired;
      return false;
    }
    cells[INSTRUCTIONS] = retired + 1;
    this.#pages[0] = first;
    this.#pages[1] = second;
    return true;
  }

  // Leaves the value in `loaded`: returned, a word of 2**31 and more would be boxed.
  #loadAcross(low: number, high: number, byteCount: number, access: number): boolean {
    if (!this.#pagesOf(low, high, access)) return false;
    const first = this.#pages[0];
    const second = this.#pages[1];
    const offset = low & 0xfff;
    if (access === ACCESS_FETCH) {
      this.#chargeFetch(first, offset);
    } else {
      this.#chargeBoth(first, offset, second);
    }
    let value = 0;
    let highValue = 0;
    for (let i = 0; i < byteCount; i++) {
      const inFirst = offset + i < 4096;
      const byte = this.#byteAt(inFirst ? first : second, (offset + i) & 0xfff);
      if (i < 4) value += byte * 2 ** (8 * i);
      else highValue += byte * 2 ** (8 * (i - 4));
    }
    if (byteCount === 8) this.#loaded[0] = highValue;
    this.#loaded[1] = value;
    return true;
  }

  #storeAcross(
    low: number,
    high: number,
    byteCount: number,
    lowWord: number,
    highWord: number,
  ): number {
    if (!this.#pagesOf(low, high, ACCESS_WRITE)) return NIL;
    const offset = low & 0xfff;
    if (this.#pages[0] !== OPEN_BUS) this.#chargeStore(this.#pages[0], offset);
    if (this.#pages[1] !== OPEN_BUS) this.#chargeStore(this.#pages[1], 0);
    for (let i = 0; i < byteCount; i++) {
      const page = this.#pages[offset + i < 4096 ? 0 : 1];
      if (page === OPEN_BUS) continue;
      const byte = i < 4 ? lowWord >>> (8 * i) : highWord >>> (8 * (i - 4));
      const view = this.views[page >>> this.chunkShift];
      view.setInt8(((page & this.chunkMask) << 12) | ((offset + i) & 0xfff), byte);
    }
    return OK;
  }

  #byteAt(page: number, offset: number): number {
    if (page === OPEN_BUS) return 0xff;
    return this.views[page >>> this.chunkShift].getUint8(((page & this.chunkMask) << 12) | offset);
  }
}
