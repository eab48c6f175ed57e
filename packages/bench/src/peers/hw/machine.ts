import { type Mmu, NIL, type VirtAddr } from '@hotpath/hw-x86';
import { createMachine, SKYLAKE_CLIENT } from '@hotpath/hw-x86/model';
import type { Contestant, PreparedWork } from '../../harness/contestant.js';
import { EagerTables } from '../../replay/eager-tables.js';
import { type MemoryTrace, REF_INSTRUCTION, REF_LOAD } from '../../traces/memory-trace.js';
import { loadReferences } from '../../traces/recordings.js';
import type { HwWorkload, LoadsWorkload } from './work.js';

const RAM_BYTES = 2 ** 38;
const LOADS = 2 ** 12;
const PASSES = 64;
const BASE: VirtAddr = 2 ** 40;

/** Skylake client: TLBs, walks, latencies and data, where cachegrind has caches alone. */
export const contestant: Contestant<HwWorkload> = {
  name: '@hotpath/hw-x86 machine',
  package: '@hotpath/hw-x86',
  prepare: (workload) => (workload.kind === 'program' ? program(workload.trace) : loads(workload)),
};

function program(name: string): PreparedWork {
  const trace = loadReferences(name);
  const machine = createMachine({
    profile: SKYLAKE_CLIENT,
    mode: 'full',
    memoryBytes: RAM_BYTES,
  });
  const tables = new EagerTables(machine.memory, 4096);
  tables.mapAll(trace);
  const { mmu } = machine.cpus[0]!;
  mmu.setRoot(tables.root);
  replay(mmu, trace);
  return { operationCount: trace.referenceCount, run: () => replay(mmu, trace) };
}

/** One call a reference; sizes do not matter to the caches but for straddling lines. */
function replay(mmu: Mmu, trace: MemoryTrace): number {
  const { kind, address, referenceCount } = trace;
  let faults = 0;
  for (let i = 0; i < referenceCount; i++) {
    const of = kind[i]!;
    let status: number;
    if (of === REF_INSTRUCTION) status = mmu.fetch32(address[i]!);
    else if (of === REF_LOAD) status = mmu.load32(address[i]!);
    else status = mmu.store32(address[i]!, i);
    if (status === NIL) faults++;
  }
  return faults;
}

/** What the loop of loads needs of a machine. */
export type Loader = Pick<Mmu, 'load32'>;

/**
 * Random loads.
 * @param crowd - other implementations that the same loop has seen before
 */
export function loads({ pages, mode }: LoadsWorkload, crowd: readonly Loader[] = []): PreparedWork {
  const machine = createMachine({ profile: SKYLAKE_CLIENT, mode, memoryBytes: RAM_BYTES });
  const address = new Float64Array(LOADS);
  let state = 12_345;
  for (let i = 0; i < LOADS; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    const page = (state >>> 8) % pages;
    address[i] = BASE + page * 4096 + ((page * 29) & 63) * 64 + ((state >>> 3) & 7) * 8;
  }
  const tables = new EagerTables(machine.memory, 4096);
  const all = Float64Array.from({ length: pages }, (_, i) => BASE + i * 4096);
  const ones = new Uint8Array(pages).fill(1);
  tables.mapAll({ referenceCount: pages, kind: ones, size: ones, address: all });
  const { mmu } = machine.cpus[0]!;
  mmu.setRoot(tables.root);
  for (const other of crowd) pass(other, address);
  const run = (): number => {
    let sum = 0;
    for (let i = 0; i < PASSES; i++) {
      sum = (sum + pass(mmu, address)) | 0;
      for (const other of crowd) other.load32(BASE);
    }
    return sum;
  };
  run();
  return { operationCount: LOADS * PASSES, run };
}

function pass(mmu: Loader, address: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < LOADS; i++) sum = (sum + mmu.load32(address[i]!)) | 0;
  return sum;
}
