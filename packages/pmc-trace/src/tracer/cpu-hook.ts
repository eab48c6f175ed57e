import { assert, checkInteger, type TraceHook, TSC } from '@hotpath/hw-x86';
import type { TraceRing } from './ring.js';

/**
 * The trace hook of a whole machine: adds the time-stamp counter and the ring of the CPU that runs.
 * One hook goes to every subsystem; the supervisor calls {@link run} at the start of each step.
 */
export class CpuTraceHook implements TraceHook {
  private ring: TraceRing;
  private cells: Float64Array;
  private readonly recorded: Uint8Array;
  private readonly rings: readonly TraceRing[];
  private readonly cellsOfCpu: readonly Float64Array[];

  /** @param cellsOfCpu - `Cpu.cells` of each CPU, in order of CPU number */
  constructor(
    rings: readonly TraceRing[],
    cellsOfCpu: readonly Float64Array[],
    recorded: Uint8Array,
  ) {
    checkInteger(
      'ERR_CPU_COUNT',
      'number of cell arrays',
      cellsOfCpu.length,
      rings.length,
      rings.length,
    );
    this.rings = rings;
    this.cellsOfCpu = cellsOfCpu;
    this.recorded = recorded;
    this.ring = rings[0];
    this.cells = cellsOfCpu[0];
    assert(TSC === 0, 'the TSC is cell 0');
  }

  /** From now on events belong to this CPU. @throws ArgumentError ERR_CPU */
  run(cpu: number): void {
    checkInteger('ERR_CPU', 'CPU', cpu, 0, this.rings.length - 1);
    this.ring = this.rings[cpu];
    this.cells = this.cellsOfCpu[cpu];
  }

  /** Records an event at the running CPU's TSC: 3 ns, or a byte load where the kind is not wanted. */
  emit(kind: number, a: number, b: number): void {
    if (this.recorded[kind] !== 1) return;
    // 0, not TSC: loading and checking an imported constant takes a fifteenth of an event.
    this.ring.write(this.cells[0], kind, a, b);
  }
}
