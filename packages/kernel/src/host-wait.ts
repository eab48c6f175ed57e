import { assert, type Completion, type Machine, PENDING } from '@hotpath/hw-x86';

/**
 * A wait of the host's own, outside of any task: at boot, and for `Kernel.sync`. The machine runs
 * until the one outstanding request is answered, and no longer.
 */
export class HostWait implements Completion {
  readonly #machine: Machine;
  #result: number = PENDING;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** The final status of a request that was given this object as its sink. */
  settle(status: number): number {
    if (status !== PENDING) return status;
    this.#machine.run();
    const result = this.#result;
    this.#result = PENDING;
    assert(result !== PENDING, 'the machine is at rest and a request of the host is not answered');
    return result;
  }

  completed(_tag: number, result: number): void {
    assert(this.#result === PENDING, 'two answers to one wait of the host');
    this.#result = result;
    this.#machine.stop();
  }
}
