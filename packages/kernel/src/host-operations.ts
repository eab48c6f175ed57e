import { assert, type Completion, EIO, type Machine, POWER_OFF } from '@hotpath/hw-x86';
import type { CallStack } from './task/call-stack.js';
import { type Operation, Wait } from './vfs/file-system.js';

/**
 * Operations of file systems that the host asks for, outside of any task: at boot, and for
 * `Kernel.sync`. The machine runs until the one outstanding request is answered, and no longer.
 */
export class HostOperations implements Completion {
  readonly #machine: Machine;
  readonly #stack: CallStack;
  #answered = false;

  constructor(machine: Machine, stack: CallStack) {
    this.#machine = machine;
    this.#stack = stack;
  }

  /** Runs an operation to its end: its result, or EIO when the power goes. */
  run(make: (wait: Wait) => Operation): number {
    const operation = make(new Wait(this, 0));
    const stack = this.#stack;
    const { depth } = stack;
    for (;;) {
      this.#answered = false;
      const step = operation.next();
      if (step.done === true) return step.value;
      const parked = stack.park(depth);
      if (this.#machine.run() === POWER_OFF) return EIO;
      assert(this.#answered, 'the machine is at rest and an operation of the host is not answered');
      stack.resume(parked);
    }
  }

  completed(): void {
    this.#answered = true;
    this.#machine.stop();
  }
}
