import { checkInteger } from '../errors.js';
import type { Timer } from '../machine.js';
import type { Cycles } from '../units.js';
import type { ModelCpu } from './cpu.js';
import type { LocalApic } from './local-apic.js';

/** Local APIC timers of a machine. */
export class ModelTimer implements Timer {
  readonly #cpus: readonly ModelCpu[];

  constructor(cpus: readonly ModelCpu[]) {
    this.#cpus = cpus;
  }

  setDeadline(cpu: number, deadline: Cycles, vector: number): void {
    checkVector(vector);
    this.#apicOf(cpu).setDeadline(deadline, vector);
  }

  /** Interrupt `vector` on `cpu` at `first` and every `period` cycles after it. */
  setPeriodic(cpu: number, first: Cycles, period: Cycles, vector: number): void {
    checkVector(vector);
    checkInteger('ERR_PERIOD', 'timer period', period, 1, Number.MAX_SAFE_INTEGER);
    this.#apicOf(cpu).setPeriodic(first, period, vector);
  }

  cancel(cpu: number): void {
    this.#apicOf(cpu).cancel();
  }

  #apicOf(cpu: number): LocalApic {
    checkInteger('ERR_CPU', 'cpu', cpu, 0, this.#cpus.length - 1);
    return this.#cpus[cpu].apic;
  }
}

/** @throws ArgumentError ERR_VECTOR unless 16..255 */
export function checkVector(vector: number): void {
  if (!(vector >= 16 && vector <= 255)) {
    checkInteger('ERR_VECTOR', 'interrupt vector', vector, 16, 255);
  }
}
