import { CELL_COUNT, LIMIT } from '../cells.js';
import { type Cpu, SUPERVISOR } from '../cpu.js';
import { UnsupportedError } from '../errors.js';
import type { Mmu } from '../mmu.js';

function refuse(what: string): () => never {
  return () => {
    throw new UnsupportedError(`${what} on the host`);
  };
}

/** A JavaScript process has no page tables of its own: every call throws UnsupportedError. */
function createHostMmu(): Mmu {
  return {
    translate: refuse('address translation'),
    load8: refuse('virtual memory access'),
    load16: refuse('virtual memory access'),
    load32: refuse('virtual memory access'),
    load64: refuse('virtual memory access'),
    store8: refuse('virtual memory access'),
    store16: refuse('virtual memory access'),
    store32: refuse('virtual memory access'),
    store64: refuse('virtual memory access'),
    storeRun: refuse('virtual memory access'),
    loadRun: refuse('virtual memory access'),
    fetch32: refuse('instruction fetch'),
    copyFrom: refuse('virtual memory access'),
    copyTo: refuse('virtual memory access'),
    setRoot: refuse('CR3'),
    setControl: refuse('CR0, CR4 and EFER'),
    setAlignmentCheck: refuse('RFLAGS.AC'),
    invalidate: refuse('INVLPG'),
    invalidateContext: refuse('INVPCID'),
    get high(): number {
      throw new UnsupportedError('virtual memory access on the host');
    },
    get root(): number {
      throw new UnsupportedError('CR3 on the host');
    },
    get faultVector(): number {
      throw new UnsupportedError('faults on the host');
    },
    get faultCode(): number {
      throw new UnsupportedError('faults on the host');
    },
    get faultAddress(): number {
      throw new UnsupportedError('faults on the host');
    },
  };
}

/**
 * The host's processor, for code that wants a {@link Cpu}: `supported` is false, MSRs, counters,
 * TLB and page tables throw UnsupportedError, and the cells stay zero, except LIMIT, which is
 * Infinity: nothing asks a host program to suspend. No figure is ever invented.
 */
export function createHostCpu(id = 0): Cpu {
  const cells = new Float64Array(CELL_COUNT);
  cells[LIMIT] = Number.POSITIVE_INFINITY;
  return {
    id,
    cells,
    mmu: createHostMmu(),
    halted: false,
    interruptsEnabled: true,
    privilege: SUPERVISOR,
    setPrivilege: refuse('privilege levels'),
    enter: refuse('privilege levels'),
    supported: false,
    counterBits: 0,
    generalCount: 0,
    fixedCount: 0,
    readMsr: refuse('RDMSR'),
    writeMsr: refuse('WRMSR'),
    readCounter: refuse('RDPMC'),
  };
}
