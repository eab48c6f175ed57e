/** Page walks a load against the working set, for the three page sizes. */
import { assert, DTLB_LOAD_WALKS, GIB, KIB, MIB, NIL } from '@hotpath/hw-x86';
import { createMachine, SKYLAKE_CLIENT } from '@hotpath/hw-x86/model';
import { Random } from '../../harness/random.js';
import { EagerTables } from '../../replay/eager-tables.js';
import { REF_LOAD } from '../../traces/memory-trace.js';

const WORKING_SETS = [
  ...[64 * KIB, MIB, 4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB, GIB, 4 * GIB],
  ...[16 * GIB, 64 * GIB],
];
const PAGES = [
  ['4 KiB', 4 * KIB],
  ['2 MiB', 2 * MIB],
  ['1 GiB', GIB],
] as const;
const LOADS = 1000;
/** Room for page tables. Frames lie above, where no RAM is: what is loaded does not matter here. */
const RAM_BYTES = 64 * MIB;

/** Walks a load; the same working sets for each page size. */
export interface TlbReachPlot {
  readonly profile: string;
  readonly workingSetBytes: readonly number[];
  readonly curves: readonly {
    readonly pages: string;
    readonly walksPerLoad: readonly number[];
  }[];
}

/** Random loads of 4 bytes on the model of a Skylake client, full mode, after as many to warm up. */
export function plotTlbReach(seed: number): TlbReachPlot {
  return {
    profile: SKYLAKE_CLIENT.name,
    workingSetBytes: WORKING_SETS,
    curves: PAGES.map(([pages, pageBytes]) => {
      const points = WORKING_SETS.map((bytes) => point(seed, bytes, pageBytes));
      return {
        pages,
        walksPerLoad: points,
      };
    }),
  };
}

function point(seed: number, bytes: number, pageBytes: number): number {
  const random = new Random(seed);
  const address = Float64Array.from({ length: LOADS * 2 }, () => random.below(bytes / 16) * 16);
  const machine = createMachine({
    profile: SKYLAKE_CLIENT,
    mode: 'full',
    memoryBytes: RAM_BYTES,
  });
  const { cells, mmu } = machine.cpus[0]!;
  const tables = new EagerTables(machine.memory, pageBytes);
  tables.mapAll({
    referenceCount: address.length,
    kind: new Uint8Array(address.length).fill(REF_LOAD),
    size: new Uint8Array(address.length).fill(4),
    address,
  });
  mmu.setRoot(tables.root);
  const load = (from: number, to: number): void => {
    for (let index = from; index < to; index++) {
      assert(mmu.load32(address[index]) !== NIL, 'the working set is mapped');
    }
  };
  load(0, LOADS);
  const walks = cells[DTLB_LOAD_WALKS];
  load(LOADS, LOADS * 2);
  return (cells[DTLB_LOAD_WALKS] - walks) / LOADS;
}
