import {
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  PF_PRESENT,
  PF_WRITE,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_USER,
  PTE_WRITE,
  VECTOR_GP,
  VECTOR_PF,
} from '../architecture.js';
import type { PhysicalMemory } from '../memory.js';
import { ACCESS_READ, type Mmu } from '../mmu.js';
import { NIL, OK } from '../status.js';
import { type ConformanceCase, expectSame, expectThat } from './case.js';
import { SuiteTables } from './page-tables.js';

/** A fresh MMU and the memory it walks. */
export interface MmuUnderTest {
  readonly mmu: Mmu;
  /** At least 16 MiB, all zeros. */
  readonly memory: PhysicalMemory;
}

const PAGE = -(2 ** 40);
const FRAME = 0x80_0000;
const OTHER_FRAME = 0x90_0000;

/** The promises of Mmu as cases to run; each makes an MMU of its own. */
export function mmuConformance(create: () => MmuUnderTest): ConformanceCase[] {
  const cases: [string, (rig: MmuRig) => void][] = [
    ['a mapped page is loaded and stored in its frame, 8 to 64 bits', widths],
    ['an access may cross pages; if either faults nothing is stored', crossing],
    ['an unmapped page raises #PF with code and address, and the call can be made again', faults],
    ['a write to a read-only page raises #PF with P and W', readOnly],
    ['an address that is not canonical raises #GP', canonical],
    ['A is set by use and D by a write', accessedAndDirty],
    ['after INVLPG the tables are believed, and absence is never remembered', invalidation],
    ['another root shows other pages', roots],
    ['bulk copies move bytes over pages and answer how many', copies],
  ];
  return cases.map(([name, check]) => ({
    name,
    run: async (): Promise<void> => check(new MmuRig(create())),
  }));
}

class MmuRig {
  readonly mmu: Mmu;
  readonly memory: PhysicalMemory;
  readonly tables: SuiteTables;

  constructor({ mmu, memory }: MmuUnderTest) {
    this.mmu = mmu;
    this.memory = memory;
    this.tables = new SuiteTables(memory, 0x10_0000);
    mmu.setControl(CR0_PE + CR0_WP + CR0_PG, CR4_PAE, EFER_LME + EFER_LMA + EFER_NXE);
    mmu.setRoot(this.tables.root);
  }
}

function widths({ mmu, memory, tables }: MmuRig): void {
  tables.map(PAGE, FRAME);
  expectSame('store32', mmu.store32(PAGE + 4, 0x80000001), OK);
  expectSame('load32', mmu.load32(PAGE + 4), 0x80000001);
  expectSame('physical word', memory.load32(FRAME + 4), 0x80000001);
  expectSame('store64', mmu.store64(PAGE + 8, 1, 0xfedcba98), OK);
  expectSame('load64 low', mmu.load64(PAGE + 8), 1);
  expectSame('load64 high', mmu.high, 0xfedcba98);
  expectSame('store16', mmu.store16(PAGE + 16, 0x1beef), OK);
  expectSame('load16', mmu.load16(PAGE + 16), 0xbeef);
  expectSame('store8', mmu.store8(PAGE + 18, 0x1ff), OK);
  expectSame('load8', mmu.load8(PAGE + 18), 0xff);
  expectSame('unaligned load32', mmu.load32(PAGE + 17), 0x00ffbe);
  expectSame('fetch32', mmu.fetch32(PAGE + 4), 0x80000001);
  expectSame('translate', mmu.translate(PAGE + 77, ACCESS_READ), FRAME + 77);
}

function crossing({ mmu, memory, tables }: MmuRig): void {
  tables.map(PAGE, FRAME);
  expectSame('store32 into an unmapped page', mmu.store32(PAGE + 4094, 0x04030201), NIL);
  expectSame('fault address', mmu.faultAddress, PAGE + 4096);
  expectSame('byte before the border', memory.load8(FRAME + 4095), 0);
  tables.map(PAGE + 4096, OTHER_FRAME);
  expectSame('store32', mmu.store32(PAGE + 4094, 0x04030201), OK);
  expectSame('load32', mmu.load32(PAGE + 4094), 0x04030201);
  expectSame('byte after the border', memory.load8(OTHER_FRAME), 3);
}

function faults({ mmu, tables }: MmuRig): void {
  expectSame('load32', mmu.load32(PAGE + 12), NIL);
  expectSame('vector', mmu.faultVector, VECTOR_PF);
  expectSame('code', mmu.faultCode, 0);
  expectSame('address', mmu.faultAddress, PAGE + 12);
  expectSame('store32', mmu.store32(PAGE, 1), NIL);
  expectSame('code of a write', mmu.faultCode, PF_WRITE);
  tables.map(PAGE, FRAME);
  expectSame('load32 again', mmu.load32(PAGE + 12), 0);
}

function readOnly({ mmu, memory, tables }: MmuRig): void {
  tables.map(PAGE, FRAME, PTE_USER);
  expectSame('store8', mmu.store8(PAGE, 1), NIL);
  expectSame('code', mmu.faultCode, PF_PRESENT | PF_WRITE);
  expectSame('byte', memory.load8(FRAME), 0);
  expectSame('load8', mmu.load8(PAGE), 0);
}

function canonical({ mmu }: MmuRig): void {
  for (const address of [2 ** 47, -(2 ** 47) - 4]) {
    expectSame('load32', mmu.load32(address), NIL);
    expectSame('vector', mmu.faultVector, VECTOR_GP);
  }
}

function accessedAndDirty({ mmu, memory, tables }: MmuRig): void {
  const leaf = tables.map(PAGE, FRAME);
  mmu.load8(PAGE);
  expectSame('bits after a load', memory.load32(leaf) & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED);
  mmu.store8(PAGE, 1);
  expectSame('D after a store', memory.load32(leaf) & PTE_DIRTY, PTE_DIRTY);
}

function invalidation({ mmu, memory, tables }: MmuRig): void {
  memory.store8(OTHER_FRAME, 7);
  tables.map(PAGE, FRAME);
  mmu.load8(PAGE);
  tables.map(PAGE, OTHER_FRAME);
  mmu.invalidate(PAGE + 5);
  expectSame('after INVLPG', mmu.load8(PAGE), 7);
  expectSame('an absent page', mmu.load8(PAGE + 4096), NIL);
  tables.map(PAGE + 4096, OTHER_FRAME);
  expectSame('the page made present', mmu.load8(PAGE + 4096), 7);
}

function roots({ mmu, memory, tables }: MmuRig): void {
  const other = new SuiteTables(memory, 0x40_0000);
  memory.store8(FRAME, 1);
  memory.store8(OTHER_FRAME, 2);
  tables.map(PAGE, FRAME);
  other.map(PAGE, OTHER_FRAME);
  expectSame('first root', mmu.load8(PAGE), 1);
  mmu.setRoot(other.root);
  expectSame('root', mmu.root, other.root);
  expectSame('second root', mmu.load8(PAGE), 2);
  mmu.setRoot(tables.root);
  expectSame('first root again', mmu.load8(PAGE), 1);
}

function copies({ mmu, memory, tables }: MmuRig): void {
  tables.map(PAGE, FRAME, PTE_WRITE);
  tables.map(PAGE + 4096, OTHER_FRAME, PTE_WRITE);
  for (let i = 0; i < 5000; i++) memory.store8(0xa0_0000 + i, i % 253);
  expectSame('copyTo', mmu.copyTo(PAGE + 500, 0xa0_0000, 5000), 5000);
  expectSame('copyFrom', mmu.copyFrom(PAGE + 500, 0xb0_0000, 5000), 5000);
  for (let i = 0; i < 5000; i += 7) {
    expectThat(memory.load8(0xb0_0000 + i) === i % 253, `byte ${i} was not copied`);
  }
  expectSame('copyTo into an unmapped page', mmu.copyTo(PAGE + 8000, 0xa0_0000, 500), 192);
  expectSame('where it stopped', mmu.faultAddress, PAGE + 8192);
}
