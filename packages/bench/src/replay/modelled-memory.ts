import {
  assert,
  DTLB_LOAD_STLB_HITS,
  DTLB_LOAD_WALKS,
  DTLB_STORE_STLB_HITS,
  DTLB_STORE_WALKS,
  ITLB_STLB_HITS,
  ITLB_WALKS,
  L1D_MISSES,
  L2_MISSES,
  LINE_BYTES,
  LLC_MISSES,
  type Mmu,
  NIL,
  TSC,
  type VirtAddr,
  WALK_CYCLES,
} from '@hotpath/hw-x86';
import { createMachine, type Profile } from '@hotpath/hw-x86/model';
import { type MemoryTrace, REF_INSTRUCTION, REF_LOAD, REF_STORE } from '../traces/memory-trace.js';
import { EagerTables } from './eager-tables.js';

/** Counts and cycles of one processor of the model, in full mode. */
export interface ModelledReplay {
  readonly machine: string;
  readonly pageBytes: number;
  /** Pages that were mapped, each before its first touch. */
  readonly pages: number;
  /** Simulated, without overlap of misses. */
  readonly cycles: number;
  readonly walkCycles: number;
  readonly dtlbLoadWalks: number;
  readonly dtlbStoreWalks: number;
  readonly itlbWalks: number;
  /** First-level TLB misses that the second level answered. */
  readonly stlbHits: number;
  readonly l1dMisses: number;
  readonly l2Misses: number;
  readonly llcMisses: number;
}

/** Sparse: only what is touched takes memory of the host. */
const RAM_BYTES = 2 ** 38;

/**
 * Sends every reference through the modelled MMU and caches of a processor: page tables lie in
 * modelled memory, walks go through the caches. Pages are mapped eagerly, in order of first touch, to
 * frames in a row; mapping is not charged. A modify is a load and a store.
 * @param pageBytes - 4 KiB, 2 MiB or 1 GiB
 * @throws ArgumentError ERR_PAGE_BYTES
 */
export function replayModelled(
  trace: MemoryTrace,
  profile: Profile,
  pageBytes: number,
): ModelledReplay {
  const machine = createMachine({ profile, mode: 'full', memoryBytes: RAM_BYTES });
  const { mmu, cells } = machine.cpus[0]!;
  const tables = new EagerTables(machine.memory, pageBytes);
  tables.mapAll(trace);
  mmu.setRoot(tables.root);
  const start = cells[TSC];
  for (let index = 0; index < trace.referenceCount; index++) {
    reference(mmu, trace.kind[index], trace.address[index], trace.size[index]);
  }
  return {
    machine: profile.name,
    pageBytes,
    pages: tables.pageCount,
    cycles: cells[TSC] - start,
    walkCycles: cells[WALK_CYCLES],
    dtlbLoadWalks: cells[DTLB_LOAD_WALKS],
    dtlbStoreWalks: cells[DTLB_STORE_WALKS],
    itlbWalks: cells[ITLB_WALKS],
    stlbHits: cells[DTLB_LOAD_STLB_HITS] + cells[DTLB_STORE_STLB_HITS] + cells[ITLB_STLB_HITS],
    l1dMisses: cells[L1D_MISSES],
    l2Misses: cells[L2_MISSES],
    llcMisses: cells[LLC_MISSES],
  };
}

/** One access for each cache line that the reference touches, at a word of 8 bytes inside it. */
function reference(mmu: Mmu, kind: number, address: VirtAddr, size: number): void {
  touch(mmu, kind, address - (address % 8));
  const last = address + Math.max(size, 1) - 1;
  const straddles = Math.floor(last / LINE_BYTES) !== Math.floor(address / LINE_BYTES);
  if (straddles) touch(mmu, kind, last - (last % 8));
}

function touch(mmu: Mmu, kind: number, word: VirtAddr): void {
  if (kind === REF_INSTRUCTION) {
    assert(mmu.fetch32(word) !== NIL, 'code is mapped');
    return;
  }
  if (kind !== REF_STORE) assert(mmu.load64(word) !== NIL, 'data is mapped');
  if (kind !== REF_LOAD) assert(mmu.store64(word, 0, 0) !== NIL, 'data is mapped');
}
