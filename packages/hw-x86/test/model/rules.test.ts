import {
  ACCESS_FETCH,
  ACCESS_READ,
  ACCESS_WRITE,
  ArgumentError,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_SMAP,
  CR4_SMEP,
  DTLB_LOAD_WALKS,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  HUGE_PAGE_BYTES,
  INVPCID_ADDRESS,
  INVPCID_ALL,
  INVPCID_ALL_GLOBAL,
  INVPCID_CONTEXT,
  ITLB_WALKS,
  LARGE_PAGE_BYTES,
  NIL,
  OK,
  PF_FETCH,
  PF_PRESENT,
  PF_RESERVED,
  PF_USER,
  PF_WRITE,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_GLOBAL,
  PTE_LARGE,
  PTE_USER,
  PTE_WRITE,
  SUPERVISOR,
  USER,
  VECTOR_GP,
  VECTOR_PF,
} from '@hotpath/hw-x86';
import {
  createMachine,
  type MachineOptions,
  SKYLAKE_CLIENT,
  StaleTranslationError,
  withProfile,
  ZEN_2,
} from '@hotpath/hw-x86/model';
import { describe, expect, test } from 'vitest';
import { PageTables } from './page-tables.js';

const CR0 = CR0_PE + CR0_WP + CR0_PG;
const CR4 = CR4_PAE + CR4_PGE;
const EFER = EFER_LME + EFER_LMA + EFER_NXE;
const PAGE = 0x40_0000_0000;
const FRAME = 0x80_0000;
const FRAME_2 = 0xa0_0000;

function boot(options: MachineOptions = {}) {
  const machine = createMachine({ memoryBytes: 2 ** 26, ...options });
  const tables = new PageTables(machine.memory);
  const cpu = machine.cpus[0];
  cpu.mmu.setControl(CR0, CR4, EFER);
  cpu.mmu.setRoot(tables.root);
  const fault = (): [number, number, number] => [
    cpu.mmu.faultVector,
    cpu.mmu.faultCode,
    cpu.mmu.faultAddress,
  ];
  /** Code of the #PF that an access raises, or null. */
  const code = (address: number, access: number, privilege = SUPERVISOR): number | null => {
    cpu.setPrivilege(privilege);
    if (cpu.mmu.translate(address, access) !== NIL) return null;
    expect(cpu.mmu.faultVector).toBe(VECTOR_PF);
    expect(cpu.mmu.faultAddress).toBe(address);
    return cpu.mmu.faultCode;
  };
  const leaf = (at: number) => machine.memory.load32(at);
  return { machine, tables, cpu, mmu: cpu.mmu, memory: machine.memory, fault, code, leaf };
}

describe('rights', () => {
  test('R/W and U/S are ANDed over the levels', () => {
    const { tables, mmu, memory, code } = boot();
    tables.map(PAGE, FRAME);
    const pde = tables.entry(PAGE, LARGE_PAGE_BYTES);
    memory.store32(pde, memory.load32(pde) & ~PTE_WRITE);
    expect(code(PAGE, ACCESS_WRITE, USER)).toBe(PF_PRESENT | PF_WRITE | PF_USER);
    expect(code(PAGE, ACCESS_READ, USER)).toBe(null);
    memory.store32(pde, memory.load32(pde) & ~PTE_USER);
    mmu.invalidate(PAGE);
    expect(code(PAGE, ACCESS_READ, USER)).toBe(PF_PRESENT | PF_USER);
    expect(code(PAGE, ACCESS_READ)).toBe(null);
  });

  test('XD is ORed over the levels and counts only with EFER.NXE', () => {
    const { tables, mmu, memory, code } = boot();
    tables.map(PAGE, FRAME, PTE_WRITE);
    const pde = tables.entry(PAGE, LARGE_PAGE_BYTES);
    memory.store32(pde + 4, 0x80000000);
    expect(code(PAGE, ACCESS_FETCH)).toBe(PF_PRESENT | PF_FETCH);
    expect(code(PAGE, ACCESS_READ)).toBe(null);
    mmu.setControl(CR0, CR4, EFER - EFER_NXE);
    expect(code(PAGE, ACCESS_READ)).toBe(PF_PRESENT | PF_RESERVED);
  });

  test('a supervisor write to a read-only page faults only with CR0.WP', () => {
    const { tables, mmu, code } = boot();
    tables.map(PAGE, FRAME, 0);
    expect(code(PAGE, ACCESS_WRITE)).toBe(PF_PRESENT | PF_WRITE);
    mmu.setControl(CR0 - CR0_WP, CR4, EFER);
    expect(code(PAGE, ACCESS_WRITE)).toBe(null);
  });

  test('SMEP refuses a supervisor fetch from a user page, SMAP a data access unless AC', () => {
    const { tables, mmu, code } = boot();
    tables.map(PAGE, FRAME, PTE_USER | PTE_WRITE);
    mmu.setControl(CR0, CR4 + CR4_SMEP + CR4_SMAP, EFER);
    expect(code(PAGE, ACCESS_FETCH)).toBe(PF_PRESENT | PF_FETCH);
    expect(code(PAGE, ACCESS_READ)).toBe(PF_PRESENT);
    mmu.setAlignmentCheck(true);
    expect(code(PAGE, ACCESS_READ)).toBe(null);
    expect(code(PAGE, ACCESS_FETCH)).toBe(PF_PRESENT | PF_FETCH);
    mmu.setAlignmentCheck(false);
    expect(code(PAGE, ACCESS_READ)).toBe(PF_PRESENT);
    expect(code(PAGE, ACCESS_FETCH, USER)).toBe(null);
  });

  test('the fetch bit of an error code needs NXE or SMEP', () => {
    const { mmu, code } = boot();
    expect(code(PAGE, ACCESS_FETCH)).toBe(PF_FETCH);
    mmu.setControl(CR0, CR4, EFER - EFER_NXE);
    expect(code(PAGE, ACCESS_FETCH)).toBe(0);
    mmu.setControl(CR0, CR4 + CR4_SMEP, EFER - EFER_NXE);
    expect(code(PAGE, ACCESS_FETCH)).toBe(PF_FETCH);
  });
});

describe('reserved bits', () => {
  test.each([
    ['an address bit above MAXPHYADDR in a PTE', 4096, 0, 0x80],
    ['bits 20:13 of a 2 MiB PDE', LARGE_PAGE_BYTES, 0x2000, 0],
    ['bits 29:13 of a 1 GiB PDPTE', HUGE_PAGE_BYTES, 0x200000, 0],
  ])('%s raise RSVD', (_what, bytes, low, high) => {
    const { tables, mmu, memory, code } = boot();
    const leaf = tables.map(PAGE, 0, PTE_WRITE, bytes);
    expect(code(PAGE, ACCESS_READ)).toBe(null);
    memory.store32(leaf, memory.load32(leaf) | low);
    memory.store32(leaf + 4, high);
    mmu.invalidate(PAGE);
    expect(code(PAGE, ACCESS_READ)).toBe(PF_PRESENT | PF_RESERVED);
  });

  test('bit 7 of a PML4E is reserved, bit 7 and bits 62:52 of a PTE are not', () => {
    const { tables, mmu, memory, code } = boot();
    const leaf = tables.map(PAGE, FRAME, PTE_WRITE);
    memory.store32(leaf, memory.load32(leaf) | 0x80);
    memory.store32(leaf + 4, 0x7ff00000);
    expect(code(PAGE, ACCESS_WRITE)).toBe(null);
    const pml4e = tables.root + 8 * Math.floor(PAGE / 2 ** 39);
    memory.store32(pml4e, memory.load32(pml4e) | PTE_LARGE);
    mmu.invalidate(PAGE);
    expect(code(PAGE, ACCESS_READ)).toBe(PF_PRESENT | PF_RESERVED);
  });
});

describe('accessed and dirty bits', () => {
  test('on success A is set in every entry used and D in the leaf on a write', () => {
    const { tables, mmu, leaf } = boot();
    const at = tables.map(PAGE, FRAME);
    expect(mmu.load8(PAGE)).toBe(0);
    expect(leaf(at) & (PTE_ACCESSED | PTE_DIRTY)).toBe(PTE_ACCESSED);
    expect(leaf(tables.entry(PAGE, LARGE_PAGE_BYTES)) & PTE_ACCESSED).toBe(PTE_ACCESSED);
    expect(leaf(tables.entry(PAGE, HUGE_PAGE_BYTES)) & PTE_ACCESSED).toBe(PTE_ACCESSED);
    expect(mmu.store8(PAGE, 1)).toBe(OK);
    expect(leaf(at) & PTE_DIRTY).toBe(PTE_DIRTY);
    expect(leaf(tables.entry(PAGE, LARGE_PAGE_BYTES)) & PTE_DIRTY).toBe(0);
  });

  test('a write that hits an entry with D clear walks again, one with D set does not', () => {
    const { tables, mmu, leaf, memory } = boot();
    const at = tables.map(PAGE, FRAME);
    mmu.load8(PAGE);
    mmu.store8(PAGE, 1);
    memory.store32(at, leaf(at) & ~PTE_DIRTY);
    mmu.store8(PAGE, 2);
    expect(leaf(at) & PTE_DIRTY).toBe(0);
    mmu.invalidate(PAGE);
    mmu.store8(PAGE, 3);
    expect(leaf(at) & PTE_DIRTY).toBe(PTE_DIRTY);
  });
});

describe('addresses', () => {
  test('one that is not canonical raises #GP(0), not #PF', () => {
    const { mmu, fault } = boot();
    for (const address of [2 ** 47, -(2 ** 47) - 1, 2 ** 52]) {
      expect(mmu.load32(address)).toBe(NIL);
      expect(fault().slice(0, 2)).toEqual([VECTOR_GP, 0]);
    }
  });

  test('a number of 2**53 and more is refused, also when it aliases a mapped page', () => {
    const { mmu, tables } = boot();
    tables.map(-(2 ** 47), FRAME);
    expect(mmu.load32(-(2 ** 47))).toBe(0);
    expect(() => mmu.load32(2 ** 64 - 2 ** 47)).toThrow(ArgumentError);
  });

  test.each([2, 4, 8])(
    'an access of %i bytes may cross pages, and stores all or nothing',
    (bytes) => {
      const { mmu, tables, memory } = boot();
      tables.map(PAGE, FRAME);
      const at = PAGE + 4096 - bytes / 2;
      const store = (low: number, high: number) =>
        bytes === 2
          ? mmu.store16(at, low)
          : bytes === 4
            ? mmu.store32(at, low)
            : mmu.store64(at, low, high);
      expect(store(0x11223344, 0x55667788)).toBe(NIL);
      expect(mmu.faultAddress).toBe(PAGE + 4096);
      expect(memory.load8(FRAME + 4095)).toBe(0);
      tables.map(PAGE + 4096, FRAME_2);
      expect(store(0x11223344, 0x55667788)).toBe(OK);
      const load = bytes === 2 ? mmu.load16(at) : bytes === 4 ? mmu.load32(at) : mmu.load64(at);
      expect(load).toBe(bytes === 2 ? 0x3344 : 0x11223344);
      if (bytes === 8) expect(mmu.high).toBe(0x55667788);
      expect(memory.load8(FRAME_2)).toBe(bytes === 2 ? 0x33 : bytes === 4 ? 0x22 : 0x88);
    },
  );

  test('where no memory answers, loads read ones and stores are lost', () => {
    const { mmu, tables, memory } = boot();
    tables.map(PAGE, memory.byteCount + 4096);
    expect(mmu.load32(PAGE)).toBe(0xffffffff);
    expect(mmu.store32(PAGE, 5)).toBe(OK);
    expect(mmu.load32(PAGE)).toBe(0xffffffff);
    expect(mmu.translate(PAGE + 8, ACCESS_READ)).toBe(memory.byteCount + 4096 + 8);
  });
});

describe('invalidation', () => {
  test('a stale entry stays until INVLPG, on this CPU only', () => {
    const { machine, tables, mmu, memory } = boot({ cpus: 2 });
    const other = machine.cpus[1].mmu;
    other.setControl(CR0, CR4, EFER);
    other.setRoot(tables.root);
    memory.store8(FRAME, 1);
    memory.store8(FRAME_2, 2);
    tables.map(PAGE, FRAME);
    expect([mmu.load8(PAGE), other.load8(PAGE)]).toEqual([1, 1]);
    tables.map(PAGE, FRAME_2);
    expect([mmu.load8(PAGE), other.load8(PAGE)]).toEqual([1, 1]);
    mmu.invalidate(PAGE + 4095);
    expect([mmu.load8(PAGE), other.load8(PAGE)]).toEqual([2, 1]);
    other.invalidate(PAGE);
    expect(other.load8(PAGE)).toBe(2);
  });

  test('a page that was not present is not remembered as such', () => {
    const { tables, mmu } = boot();
    expect(mmu.load8(PAGE)).toBe(NIL);
    tables.map(PAGE, FRAME);
    expect(mmu.load8(PAGE)).toBe(0);
  });

  test('INVLPG drops a whole large page, whichever address it is given', () => {
    for (const profile of [SKYLAKE_CLIENT, ZEN_2]) {
      const { tables, mmu, memory } = boot({ profile, memoryBytes: 2 ** 31 });
      tables.map(PAGE, 0, PTE_WRITE, HUGE_PAGE_BYTES);
      for (let i = 0; i < 100; i++) mmu.load8(PAGE + i * LARGE_PAGE_BYTES);
      memory.store8(2 ** 30 + 7, 9);
      tables.map(PAGE, 2 ** 30, PTE_WRITE, HUGE_PAGE_BYTES);
      expect(mmu.load8(PAGE + 7)).toBe(0);
      mmu.invalidate(PAGE + 99 * LARGE_PAGE_BYTES);
      expect(mmu.load8(PAGE + 7)).toBe(9);
      for (let i = 0; i < 100; i++) {
        const at = PAGE + i * LARGE_PAGE_BYTES;
        expect(mmu.translate(at, ACCESS_READ)).toBe(2 ** 30 + i * LARGE_PAGE_BYTES);
      }
      mmu.translation.checkInvariants();
    }
  });

  test('MOV CR3 keeps global entries and drops the others', () => {
    const { tables, mmu } = boot();
    tables.map(PAGE, FRAME, PTE_WRITE | PTE_GLOBAL);
    tables.map(PAGE + 4096, FRAME);
    mmu.load8(PAGE);
    mmu.load8(PAGE + 4096);
    tables.map(PAGE, FRAME_2);
    tables.map(PAGE + 4096, FRAME_2);
    mmu.setRoot(tables.root);
    expect(mmu.translate(PAGE, ACCESS_READ)).toBe(FRAME);
    expect(mmu.translate(PAGE + 4096, ACCESS_READ)).toBe(FRAME_2);
    mmu.setControl(CR0, CR4 - CR4_PGE, EFER);
    expect(mmu.translate(PAGE, ACCESS_READ)).toBe(FRAME_2);
  });

  test('entries of another PCID are neither used nor lost, and bit 63 of CR3 keeps them', () => {
    const { tables, mmu, memory } = boot();
    const other = new PageTables(memory, 0x200_0000);
    mmu.setControl(CR0, CR4 + CR4_PCIDE, EFER);
    tables.map(PAGE, FRAME);
    other.map(PAGE, FRAME_2);
    mmu.setRoot(tables.root, 1);
    expect(mmu.translate(PAGE, ACCESS_READ)).toBe(FRAME);
    mmu.setRoot(other.root, 2);
    expect(mmu.translate(PAGE, ACCESS_READ)).toBe(FRAME_2);
    tables.map(PAGE, FRAME_2 + 4096);
    mmu.setRoot(tables.root, 1, true);
    expect(mmu.translate(PAGE, ACCESS_READ)).toBe(FRAME);
    mmu.setRoot(tables.root, 1);
    expect(mmu.translate(PAGE, ACCESS_READ)).toBe(FRAME_2 + 4096);
  });

  test.each([
    ['0 drops one address of one PCID and no global entry', INVPCID_ADDRESS, [false, true, true]],
    ['1 drops one PCID but its global entries', INVPCID_CONTEXT, [false, false, true]],
    ['2 drops everything', INVPCID_ALL_GLOBAL, [false, false, false]],
    ['3 drops everything but global entries', INVPCID_ALL, [false, false, true]],
  ])('INVPCID type %s', (_what, type, kept) => {
    const { tables, mmu } = boot();
    mmu.setControl(CR0, CR4 + CR4_PCIDE, EFER);
    mmu.setRoot(tables.root, 5);
    const addresses = [PAGE, PAGE + 4096, PAGE + 8192];
    const map = (frame: number): void => {
      addresses.forEach((address, i) => {
        tables.map(address, frame, PTE_WRITE | (i === 2 ? PTE_GLOBAL : 0));
      });
    };
    map(FRAME);
    for (const address of addresses) mmu.load8(address);
    map(FRAME_2);
    mmu.setRoot(tables.root, 6, true);
    mmu.invalidateContext(type, 5, PAGE);
    if (type === INVPCID_ADDRESS) mmu.invalidateContext(type, 5, PAGE + 8192);
    mmu.setRoot(tables.root, 5, true);
    const seen = addresses.map((address) => mmu.translate(address, ACCESS_READ) === FRAME);
    expect(seen).toEqual(kept);
  });

  test('a paging-structure cache may hold an entry until INVLPG of any address', () => {
    const { tables, mmu, memory } = boot();
    tables.map(PAGE, FRAME);
    tables.map(PAGE + 4096, FRAME);
    tables.map(PAGE + 8192, FRAME);
    mmu.load8(PAGE);
    const pde = tables.entry(PAGE, LARGE_PAGE_BYTES);
    memory.store32(pde, 0);
    expect(mmu.load8(PAGE + 4096)).toBe(0);
    mmu.invalidate(0x1000);
    expect(mmu.load8(PAGE + 8192)).toBe(NIL);
    expect(mmu.faultCode).toBe(0);
    expect(mmu.load8(PAGE)).toBe(0);
  });
});

describe('strict mode', () => {
  test('names the address and both values when a stale entry is used', () => {
    const { tables, mmu } = boot({ strict: true });
    tables.map(PAGE, FRAME);
    mmu.load8(PAGE);
    expect(mmu.load8(PAGE + 5)).toBe(0);
    tables.map(PAGE, FRAME_2);
    let error: unknown;
    try {
      mmu.load8(PAGE + 5);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(StaleTranslationError);
    const stale = error as StaleTranslationError;
    expect(stale.address).toBe(PAGE + 5);
    expect(stale.cached & ~0xfffn).toBe(BigInt(FRAME));
    expect(stale.current & ~0xfffn).toBe(BigInt(FRAME_2));
    expect(stale.message).toContain('0x0000004000000005');
    mmu.invalidate(PAGE);
    expect(mmu.load8(PAGE)).toBe(0);
  });

  test('says nothing about rights that grew or bits that the walker sets', () => {
    const { tables, mmu } = boot({ strict: true });
    tables.map(PAGE, FRAME, 0);
    mmu.load8(PAGE);
    tables.map(PAGE, FRAME, PTE_WRITE);
    expect(mmu.load8(PAGE)).toBe(0);
    // The write is refused by the old entry, which the fault drops; then it succeeds.
    expect(mmu.store8(PAGE, 1)).toBe(NIL);
    expect(mmu.store8(PAGE, 1)).toBe(OK);
    expect(mmu.load8(PAGE)).toBe(1);
  });

  test('reports a page that was unmapped without INVLPG', () => {
    const { tables, mmu } = boot({ strict: true });
    tables.map(PAGE, FRAME);
    mmu.load8(PAGE);
    tables.unmap(PAGE);
    expect(() => mmu.load8(PAGE)).toThrow(/stale TLB entry used at 0x0000004000000000/);
  });
});

describe('walks', () => {
  test.each([
    [4096, 4],
    [LARGE_PAGE_BYTES, 3],
    [HUGE_PAGE_BYTES, 2],
  ])('a page of %i bytes takes %i levels without paging-structure caches', (bytes, levels) => {
    const { tables, mmu } = boot({ pagingCaches: false });
    tables.map(PAGE, 0, PTE_WRITE, bytes);
    mmu.load8(PAGE);
    expect(mmu.translation.walk.levelsRead).toBe(levels);
  });

  test('paging-structure caches shorten the walk of a neighbour to one level', () => {
    const { tables, mmu } = boot();
    tables.map(PAGE, FRAME);
    tables.map(PAGE + 4096, FRAME);
    mmu.load8(PAGE);
    expect(mmu.translation.walk.levelsRead).toBe(4);
    mmu.load8(PAGE + 4096);
    expect(mmu.translation.walk.levelsRead).toBe(1);
  });

  test('fetches have a TLB of their own', () => {
    const { tables, mmu, cpu } = boot({ profile: withProfile(ZEN_2, 'split', {}, 'test') });
    tables.map(PAGE, FRAME);
    mmu.load8(PAGE);
    mmu.fetch32(PAGE);
    mmu.fetch32(PAGE);
    expect(cpu.cells[DTLB_LOAD_WALKS]).toBe(1);
    expect(cpu.cells[ITLB_WALKS]).toBe(1);
  });
});

describe('exceptions', () => {
  test('a registered handler runs in ring 0 at the access, which is then tried again', () => {
    const { tables, cpu, mmu } = boot();
    const seen: number[][] = [];
    cpu.setExceptionHandler(VECTOR_PF, (on, vector, code, address) => {
      seen.push([on.privilege, vector, code, address]);
      if (seen.length > 2) return false;
      tables.map(address - (address % 4096), FRAME);
      return true;
    });
    cpu.setPrivilege(USER);
    expect(mmu.store32(PAGE + 12, 77)).toBe(OK);
    expect(mmu.load32(PAGE + 12)).toBe(77);
    expect(seen).toEqual([[SUPERVISOR, VECTOR_PF, PF_WRITE | PF_USER, PAGE + 12]]);
    expect(cpu.privilege).toBe(USER);
    seen.push([], []);
    expect(mmu.load32(PAGE + 2 ** 21)).toBe(NIL);
    cpu.setExceptionHandler(VECTOR_PF, null);
    expect(mmu.load32(PAGE + 2 ** 22)).toBe(NIL);
    expect(seen.length).toBe(4);
  });
});

describe('bulk copy', () => {
  test('copies over pages in both directions and says where it stopped', () => {
    const { tables, mmu, memory } = boot();
    tables.map(PAGE, FRAME);
    tables.map(PAGE + 4096, FRAME_2);
    for (let i = 0; i < 6000; i++) memory.store8(0x30_0000 + i, i % 251);
    expect(mmu.copyTo(PAGE + 1000, 0x30_0000, 6000)).toBe(6000);
    expect(memory.load8(FRAME + 1000)).toBe(0);
    expect(memory.load8(FRAME_2)).toBe(3096 % 251);
    expect(mmu.copyFrom(PAGE + 1000, 0x34_0000, 6000)).toBe(6000);
    for (let i = 0; i < 6000; i++) expect(memory.load8(0x34_0000 + i)).toBe(i % 251);
    expect(mmu.copyTo(PAGE + 8000, 0x30_0000, 6000)).toBe(192);
    expect(mmu.faultAddress).toBe(PAGE + 8192);
  });
});
