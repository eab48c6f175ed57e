import { type Mmu, NIL, type VirtAddr } from '@hotpath/hw-x86';
import type { Contestant } from '../../harness/contestant.js';
import { type Loader, loads } from './machine.js';
import type { HwWorkload } from './work.js';

/** A second implementation: every address is its own word of one array. */
class FlatLoader implements Loader {
  readonly #words = new Uint32Array(4096);

  load32(address: VirtAddr): number {
    return this.#words[(address / 4) & 4095]!;
  }
}

/** A third: nothing is mapped. */
class EmptyLoader implements Loader {
  faults = 0;

  load32: Mmu['load32'] = () => {
    this.faults += 1;
    return NIL;
  };
}

/** The machine in a process where the same loop also serves two other implementations. */
export const contestant: Contestant<HwWorkload> = {
  name: '@hotpath/hw-x86 machine, third of three',
  package: '@hotpath/hw-x86',
  prepare(workload) {
    if (workload.kind !== 'loads') throw new Error('the crowd races loads alone');
    return loads(workload, [new FlatLoader(), new EmptyLoader()]);
  },
};
